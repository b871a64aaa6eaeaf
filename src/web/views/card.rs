//! A ticket as a card on the board.

use super::run_row::RunRow;
use crate::domain::ids::TicketId;
use crate::domain::next_action::NextAction;
use crate::domain::ticket::{Priority, Role, Status};
use crate::domain::time::Time;
use crate::web::ui::Ctx;
use maud::{Markup, html};

/// What a card shows.
#[derive(Debug, Clone)]
pub struct Card {
    /// The ticket.
    pub id: TicketId,
    /// Its title.
    pub title: String,
    /// Where it stands.
    pub status: Status,
    /// Who it is for.
    pub role: Role,
    /// Its project; may be empty.
    pub project: String,
    /// How urgent.
    pub priority: Priority,
    /// What moves it next. For a question the text is the question itself.
    pub next: NextAction,
    /// Since when it stands there: its age on the board.
    pub since: Time,
    /// The ticket's version.
    pub version: i64,
    /// Its live run: the card then shows what it does.
    pub run: Option<RunRow>,
}

/// The card, `li#card-<n>`.
#[must_use]
pub fn card(c: &Card, cx: Ctx<'_>) -> Markup {
    let _ = (c, cx);
    html! {}
}

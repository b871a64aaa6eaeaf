//! The head of a ticket: title, what may be done, five facts.

use crate::domain::next_action::NextAction;
use crate::domain::run::RunState;
use crate::domain::ticket::Ticket;
use crate::web::ui::Ctx;
use maud::{Markup, html};

/// What the head shows.
#[derive(Debug, Clone)]
pub struct Head {
    /// The ticket.
    pub ticket: Ticket,
    /// What moves it next.
    pub next: NextAction,
    /// The profile as shown, e.g. "Claude opus, max".
    pub runtime: String,
    /// Where its live or last run stands.
    pub run: Option<RunState>,
}

/// The head, `#head`.
#[must_use]
pub fn ticket_head(h: &Head, cx: Ctx<'_>) -> Markup {
    let _ = (h, cx);
    html! {}
}

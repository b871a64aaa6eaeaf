//! Home: the composer, what needs the person, what runs, what happened since.

use super::composer::Composer;
use super::lit::Lit;
use super::run_row::RunRow;
use crate::domain::ids::TicketId;
use crate::domain::ticket::Status;
use crate::domain::time::Time;
use crate::web::ui::Ctx;
use maud::{Markup, html};

/// All that Home shows.
#[derive(Debug, Clone)]
pub struct Home {
    /// The composer.
    pub composer: Composer,
    /// What waits for a person, the most urgent first; a window.
    pub needs: Vec<Lit>,
    /// How many wait in all.
    pub needs_total: i64,
    /// Live runs.
    pub running: Vec<RunRow>,
    /// MAX_WORKERS.
    pub slots: i64,
    /// The ticket that dispatch takes next.
    pub next: Option<TicketId>,
    /// Tickets that wait for a slot, that one included.
    pub queued: i64,
    /// When the person last looked.
    pub since: Option<Time>,
    /// What happened since; newest first; a window.
    pub changes: Vec<Change>,
    /// How much happened since in all.
    pub changes_total: i64,
    /// True where no ticket exists at all: the first day.
    pub first_day: bool,
}

/// A thing that happened.
#[derive(Debug, Clone)]
pub struct Change {
    /// The ticket.
    pub ticket: TicketId,
    /// Its title.
    pub title: String,
    /// Where it stands now.
    pub status: Status,
    /// When.
    pub at: Time,
}

/// The page's main part. `stream` is the address of its live stream.
#[must_use]
pub fn home(h: &Home, stream: &str, cx: Ctx<'_>) -> Markup {
    let _ = (h, stream, cx);
    html! {}
}

/// The list of what needs the person, `#needs`: swap it whole (`outerMorph`) when the set changed.
#[must_use]
pub fn needs(needs: &[Lit], total: i64, first_day: bool, cx: Ctx<'_>) -> Markup {
    let _ = (needs, total, first_day, cx);
    html! {}
}

/// The list of live runs, `#running`.
#[must_use]
pub fn running(h: &Home, cx: Ctx<'_>) -> Markup {
    let _ = (h, cx);
    html! {}
}

/// What happened since the person looked, `#since`.
#[must_use]
pub fn since(h: &Home, cx: Ctx<'_>) -> Markup {
    let _ = (h, cx);
    html! {}
}

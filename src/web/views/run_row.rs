//! A run on Home: what it does now, its pulse, since when.

use crate::domain::ids::{RunId, TicketId};
use crate::domain::run::RunState;
use crate::domain::ticket::Role;
use crate::domain::time::Time;
use crate::web::ui::Ctx;
use maud::{Markup, html};

/// What a worker does at the moment.
#[derive(Debug, Clone, Default)]
pub struct Doing {
    /// The tool; empty for text.
    pub tool: String,
    /// One line about what.
    pub context: String,
}

/// A live run.
#[derive(Debug, Clone)]
pub struct RunRow {
    /// The run.
    pub run: RunId,
    /// Its ticket.
    pub ticket: TicketId,
    /// The ticket's title.
    pub title: String,
    /// The ticket's project; may be empty.
    pub project: String,
    /// Who works.
    pub role: Role,
    /// Where it stands.
    pub state: RunState,
    /// The last event.
    pub doing: Option<Doing>,
    /// When output last came.
    pub last_output: Option<Time>,
    /// Since when it runs (or waits to start).
    pub since: Time,
    /// Events per 2 s, oldest first, up to now; 45 of them.
    pub pulse: Vec<u32>,
}

/// The row, `#run-<ticket number>`.
#[must_use]
pub fn run_row(r: &RunRow, cx: Ctx<'_>) -> Markup {
    let _ = (r, cx);
    html! {}
}

/// What it does and its pulse: for Home, and for the card of a running ticket.
#[must_use]
pub fn vital(r: &RunRow, cx: Ctx<'_>) -> Markup {
    let _ = (r, cx);
    html! {}
}

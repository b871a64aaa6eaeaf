//! The live panel of a ticket: heartbeat, events, what it cost.

use crate::domain::event::Event;
use crate::domain::ids::{EventId, TicketId};
use crate::domain::run::Run;
use crate::domain::ticket::Status;
use crate::web::ui::Ctx;
use maud::{Markup, html};

/// What the panel shows.
#[derive(Debug, Clone)]
pub struct Live {
    /// The ticket.
    pub ticket: TicketId,
    /// Its status: the panel is open while in progress.
    pub status: Status,
    /// The live run, or else the last one.
    pub run: Option<Run>,
    /// A window of events, oldest first.
    pub events: Vec<Event>,
    /// The id to page back from (`?before=`), where there are older ones.
    pub older: Option<EventId>,
    /// Events in all.
    pub total: i64,
    /// Runs so far.
    pub attempts: i64,
    /// Events per 2 s, oldest first, up to now; 45 of them.
    pub pulse: Vec<u32>,
    /// Tokens over all attempts (input, output and both cache kinds).
    pub tokens: i64,
    /// Cost over all attempts, US dollars.
    pub cost_usd: f64,
}

/// The panel, `#live`.
#[must_use]
pub fn live(l: &Live, cx: Ctx<'_>) -> Markup {
    let _ = (l, cx);
    html! {}
}

/// The heartbeat, `#live-state`.
#[must_use]
pub fn live_state(l: &Live, cx: Ctx<'_>) -> Markup {
    let _ = (l, cx);
    html! {}
}

/// Tokens, cost and the raw log, `#live-foot`.
#[must_use]
pub fn live_foot(l: &Live) -> Markup {
    let _ = l;
    html! {}
}

/// The link to older events, `#older`; a fragment answers with those rows and this link anew, put before the first row.
#[must_use]
pub fn older(l: &Live) -> Markup {
    let _ = l;
    html! {}
}

//! The side of a ticket: facts, attempts, evidence.

use super::ticket_head::Head;
use crate::domain::evidence::Evidence;
use crate::domain::ids::TicketId;
use crate::domain::run::Run;
use crate::web::ui::Ctx;
use maud::{Markup, html};

/// The facts, `#facts`: people, timing, evidence, attempts, advanced.
#[must_use]
pub fn facts(head: &Head, attempts: &[Run], evidence: &[Evidence], cx: Ctx<'_>) -> Markup {
    let _ = (head, attempts, evidence, cx);
    html! {}
}

/// The attempts, `#attempts`, newest first.
#[must_use]
pub fn attempts(ticket: TicketId, runs: &[Run], cx: Ctx<'_>) -> Markup {
    let _ = (ticket, runs, cx);
    html! {}
}

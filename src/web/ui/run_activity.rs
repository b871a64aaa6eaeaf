//! A run on Home: what it does now, its sparkline, since when.

use crate::domain::ids::{RunId, TicketId};
use crate::domain::run::RunState;
use crate::domain::ticket::{Role, Status};
use crate::domain::time::Time;
use crate::web::ui::sparkline::sparkline;
use crate::web::ui::{Ctx, icon, when, words};
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
    pub output_counts: Vec<u32>,
}

/// The row, `#run-<ticket number>`.
#[must_use]
pub fn run_row(r: &RunRow, cx: Ctx<'_>) -> Markup {
    let href = format!("/tickets/{}?tab=live", r.ticket);
    html! {
        li.run id=(format!("run-{}", r.ticket.0)) data-st="progress" {
            div.top {
                (icon::glyph(Status::InProgress)) " "
                a.id href=(href) { (r.ticket) } " "
                span.small.faint.proj dir="auto" { (r.project) } " "
                span.end { (when::span(r.since, cx.now)) }
            }
            a.title href=(href) dir="auto" { (r.title) }
            (activity(r, cx))
        }
    }
}

/// What it does and its output_counts: for Home, and for the card of a running ticket.
#[must_use]
pub fn activity(r: &RunRow, cx: Ctx<'_>) -> Markup {
    html! {
        @match (r.state, &r.doing) {
            (RunState::Starting, _) => p.doing { (icon::small("hourglass")) span { "Starts when a slot is free" } },
            (_, Some(d)) => p.doing {
                (icon::small(if d.tool.is_empty() { "message-square" } else { words::tool_icon(&d.tool) }))
                span dir="auto" { (d.tool) " " (d.context) }
            },
            (_, None) => p.doing { (icon::small("hourglass")) span { "Waits for the agent's first words" } },
        }
        @if r.state == RunState::Running {
            div.vital {
                (sparkline(&r.output_counts, "Output in the last 90 s"))
                @if let Some(at) = r.last_output { span.num { (when::ago(at, cx.now)) } }
            }
        }
    }
}

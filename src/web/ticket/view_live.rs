//! The live panel of a ticket: heartbeat, events, what it cost.

use crate::domain::ids::{EventId, TicketId};
use crate::domain::run::event::{Event, EventKind};
use crate::domain::run::{Run, RunState};
use crate::domain::text::shortened;
use crate::domain::ticket::Status;
use crate::web::ticket::view_event::{event_row, event_rows};
use crate::web::ticket::view_head::stop;
use crate::web::ui::sparkline::sparkline;
use crate::web::ui::stream::partial;
use crate::web::ui::{Ctx, icon, when, words};
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
    pub output_counts: Vec<u32>,
    /// Tokens over all attempts (input, output and both cache kinds).
    pub tokens: i64,
    /// Cost over all attempts, US dollars.
    pub cost_usd: f64,
}

/// The panel, `#live`; `open` forces it (a phone's Live tab).
#[must_use]
pub fn live(l: &Live, open: bool, cx: Ctx<'_>) -> Markup {
    html! {
        section.live #live aria-label="Live" {
            details open[open || l.status == Status::InProgress] {
                summary { (live_state(l, cx)) (icon::icon("chevron-right")) }
                div.eventbox #eventbox tabindex="0" role="region" aria-label="What the agent did" {
                    (older(l))
                    ol.events #events { (event_rows(&l.events, cx.now)) }
                    @if l.events.is_empty() { p.hush { "Every step of the agent appears here as it happens." } }
                }
                button.btn.tight.jump #jump type="button" hidden { (icon::small("arrow-down")) " Newest" }
            }
            (live_foot(l, cx))
        }
    }
}

/// The heartbeat, `#live-state`.
#[must_use]
pub fn live_state(l: &Live, cx: Ctx<'_>) -> Markup {
    let run = l.run.as_ref();
    let working = run.is_some_and(|r| r.state == RunState::Running);
    html! {
        span.beating #live-state {
            span.beat.idle[!working] { i {} (state_word(l)) }
            span.quiet.num {
                @match run {
                    Some(r) => @match r.state {
                        RunState::Running => @if let Some(at) = r.last_output_at { "last output " (when::ago(at, cx.now)) } @else { "no output yet" },
                        RunState::Starting => @if r.stop_wanted { "is being stopped" } @else { "when a slot is free" },
                        RunState::Finished | RunState::Failed | RunState::Stopped | RunState::Lost => {
                            @if l.status == Status::NeedsInput { "session kept, goes on with your answer" }
                            @else if let Some(at) = r.ended_at { (when::ago(at, cx.now)) }
                        }
                    },
                    None => "no attempt yet",
                }
            }
            @if working && !l.output_counts.is_empty() { (sparkline(&l.output_counts, "Output in the last 90 s")) }
        }
    }
}

fn state_word(l: &Live) -> &'static str {
    match (&l.run, l.status) {
        (None, _) => "Not started",
        (Some(r), Status::NeedsInput) if !r.state.is_live() => "Asleep",
        (Some(r), _) if r.stop_wanted && r.state.is_live() => "Stopping",
        (Some(r), _) => words::run_state(r.state),
    }
}

/// Tokens, cost, the raw log and on a phone Stop, `#live-foot`.
#[must_use]
pub fn live_foot(l: &Live, cx: Ctx<'_>) -> Markup {
    html! {
        footer #live-foot {
            span { @if l.total == 0 { "Nothing yet" } @else { (words::counted(l.total, "event", "events")) } @if l.attempts > 1 { " in " (l.attempts) " attempts" } }
            @if l.tokens > 0 { span.num { (words::short_count(l.tokens)) " tokens" } }
            @if l.cost_usd > 0.0 { span.num { (format!("${:.2}", l.cost_usd)) } }
            @if let Some(r) = &l.run { a.end href=(format!("/api/v1/runs/{}/log", r.id)) download { "Raw log" } }
            // On a phone the head has no room for it.
            @if l.run.as_ref().is_some_and(|r| r.state.is_live()) { (stop(l.ticket, cx)) }
        }
    }
}

/// The link to older events, `#older`; it answers with [`older_events`].
#[must_use]
pub fn older(l: &Live) -> Markup {
    html! {
        @match l.older {
            Some(id) => a.more #older href=(format!("/tickets/{}?tab=live&before={id}", l.ticket))
                hx-get=(format!("/tickets/{}/events?before={id}", l.ticket)) hx-swap="none" hx-sync="this:drop" { "Older events" },
            None => span #older hidden {},
        }
    }
}

/// Answers the link to older events: those rows before the first one, and the link anew.
#[must_use]
pub fn older_events(l: &Live, cx: Ctx<'_>) -> Markup {
    html! {
        (partial("#events", "afterbegin", &event_rows(&l.events, cx.now)))
        (partial("#older", "outerHTML", &older(l)))
    }
}

/// New events at the end of the panel: heartbeat and foot follow when they changed.
#[must_use]
pub fn appended(events: &[Event], cx: Ctx<'_>) -> Markup {
    partial("#events", "beforeend", &html! { @for e in events { (event_row(e, cx.now)) } })
}

/// The whole panel anew, when a run began or ended: only so it opens or folds by itself.
#[must_use]
pub fn renewed(l: &Live, cx: Ctx<'_>) -> Markup {
    html! {
        (partial("#live", "outerHTML", &live(l, false, cx)))
        (partial("#strip", "outerMorph", &strip(l, cx)))
    }
}

/// A phone's strip below the head, `#strip`: the last event, leads to the Live tab. Hidden where nobody works.
#[must_use]
pub fn strip(l: &Live, cx: Ctx<'_>) -> Markup {
    let working = l.run.as_ref().filter(|r| r.state == RunState::Running);
    let last = l.events.iter().rev().find(|e| matches!(e.what.kind, EventKind::ToolUse | EventKind::Text));
    html! {
        a.livestrip #strip href=(format!("/tickets/{}?tab=live", l.ticket)) hidden[working.is_none()] {
            @match last.map(|e| &e.what) {
                Some(w) => {
                    (icon::small(if w.kind == EventKind::Text { "message-square" } else { words::tool_icon(w.tool.as_deref().unwrap_or("")) }))
                    span.grow dir="auto" {
                        @if w.kind == EventKind::Text { (shortened(&w.content, 80)) }
                        @else { (w.tool.as_deref().unwrap_or("")) " " (w.context.as_deref().unwrap_or("")) }
                    }
                }
                None => { (icon::small("hourglass")) span.grow { "Working" } }
            }
            @if let Some(at) = working.and_then(|r| r.last_output_at) { span.end { (when::ago(at, cx.now)) } }
        }
    }
}

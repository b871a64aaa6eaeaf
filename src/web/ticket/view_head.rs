//! The head of a ticket: title, what may be done, five facts.

use crate::domain::ids::TicketId;
use crate::domain::run::RunState;
use crate::domain::ticket::next_action::{NextAction, NextKind};
use crate::domain::ticket::{Status, Ticket};
use crate::web::ui::{Ctx, form, icon, when, words};
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
    let t = &h.ticket;
    html! {
        div #head data-st=(words::st(t.status)) data-status=(t.status.as_str()) data-version=(t.version) {
            div.headline {
                div.grow { h1.title dir="auto" { (t.title.as_str()) } }
                (acts(h, cx))
            }
            dl.facts {
                div { dt { "State" } dd { (icon::state(t.status)) } }
                div {
                    dt { "Next action" }
                    dd dir="auto" {
                        (h.next.text)
                        @if let Some(at) = h.next.at.filter(|_| h.next.kind == NextKind::Later) { " (" (when::ago(at, cx.now)) ")" }
                    }
                }
                div { dt { "Owner" } dd { (icon::role(&t.role)) } }
                div { dt { "Runtime" } dd { span { (h.runtime) @if let Some(word) = runtime_word(h) { ", " (word) } } } }
                div { dt { "Age" } dd { (when::span(t.created_at, cx.now)) } }
            }
        }
    }
}

fn runtime_word(h: &Head) -> Option<&'static str> {
    match (h.run?, h.ticket.status) {
        (RunState::Running, _) => Some("working"),
        (RunState::Starting, _) => Some("starting"),
        (_, Status::NeedsInput) => Some("asleep"),
        (RunState::Finished | RunState::Failed | RunState::Stopped | RunState::Lost, _) => None,
    }
}

/// Stop or Start, and the menu of all moves.
fn acts(h: &Head, cx: Ctx<'_>) -> Markup {
    let t = &h.ticket;
    let live = h.run.is_some_and(RunState::is_live);
    html! {
        div.btns {
            @if live { (stop(t.id, cx)) }
            @else if matches!(t.status, Status::Inbox | Status::Todo) { (start(h, cx)) }
            details.menu #menu {
                summary.btn.square aria-label=(format!("More for {}", t.id)) { (icon::icon("ellipsis")) }
                div.sheet {
                    p.sheet-head { "Move " (t.id) " to" }
                    (form::moves(t.id, t.status, t.version, cx))
                    a.row-link href=(format!("/tickets/{}/edit", t.id)) { (icon::small("pencil")) " Edit" }
                }
            }
        }
    }
}

fn start(h: &Head, cx: Ctx<'_>) -> Markup {
    let t = &h.ticket;
    let path = format!("/tickets/{}/move", t.id);
    html! {
        form method="post" action=(path) hx-post=(path) hx-swap="none" hx-sync="this:drop" {
            (form::client_id(cx, format_args!("start-{}", t.id.0)))
            input type="hidden" name="version" value=(t.version);
            input type="hidden" name="status" value="in_progress";
            button.btn.primary type="submit" { (icon::small("play")) " Start" }
        }
    }
}

/// Stop, asked once in its place.
#[must_use]
pub fn stop(ticket: TicketId, cx: Ctx<'_>) -> Markup {
    let path = format!("/tickets/{ticket}/stop");
    html! {
        details.menu.stop {
            summary.btn { (icon::small("square")) " Stop" }
            form.sheet method="post" action=(path) hx-post=(path) hx-swap="none" hx-sync="this:drop" {
                (form::client_id(cx, format_args!("stop-{}", ticket.0)))
                p { "The agent and all it started is ended. Its work is kept, and a reply lets it go on." }
                button.btn.danger type="submit" { "Stop now" }
            }
        }
    }
}

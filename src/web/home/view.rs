//! Home: the composer, what needs the person, what runs, what happened since.

use crate::domain::ids::TicketId;
use crate::domain::ticket::Status;
use crate::domain::time::Time;
use crate::web::board::filter::Filter;
use crate::web::composer::view::{Composer, composer, plan_place};
use crate::web::orchestrator::view_side::Side;
use crate::web::ui::attention_card::{AttentionCard, CardPlace, attention_card};
use crate::web::ui::paused;
use crate::web::ui::paused::PausedProfile;
use crate::web::ui::run_activity::{RunRow, run_row};
use crate::web::ui::status_indicator::OrchestratorStatus;
use crate::web::ui::stream::connect;
use crate::web::ui::{Ctx, icon, when, words};
use maud::{Markup, html};

/// All that Home shows.
#[derive(Debug, Clone)]
pub struct Home {
    /// The composer.
    pub composer: Composer,
    /// How Luci stands, and what she waits for.
    pub luci: Side,
    /// What waits for a person, the most urgent first; a window.
    pub needs: Vec<AttentionCard>,
    /// How many more wait in which status.
    pub more: Vec<(Status, i64)>,
    /// How many wait in all, profiles that rest among them.
    pub needs_total: i64,
    /// Profiles that rest until the person lets them go on.
    pub paused_profiles: Vec<PausedProfile>,
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
    html! {
        div.home {
            div.one {
                h1.vh { "Home" }
                @if h.first_day { (welcome()) }
                (composer(&h.composer, cx))
                (plan_place())
                (luci(&h.luci, cx))
                (needs(h, cx))
            }
            div.two {
                (running(h, cx))
                (since(h, cx))
            }
        }
        (connect(stream))
    }
}

/// How Luci stands and what she proposes, `#luci-home`.
#[must_use]
pub fn luci(s: &Side, cx: Ctx<'_>) -> Markup {
    let tokens = s.session.as_ref().map_or(0, |x| x.context_tokens);
    let note = s.session.as_ref().and_then(|x| x.note.as_deref());
    html! {
        section #luci-home aria-label="Luci" {
            a.luciline href="/luci" data-st=(s.orchestrator_status.st()) {
                i {}
                span.grow {
                    b { "Luci " (s.orchestrator_status.words()) }
                    @if let OrchestratorStatus::Working(since) = s.orchestrator_status { " " (when::span(since, cx.now)) }
                    @if let (OrchestratorStatus::Down | OrchestratorStatus::Broken | OrchestratorStatus::Dialog | OrchestratorStatus::Paused, Some(note)) = (s.orchestrator_status, note) { ": " span dir="auto" { (note) } }
                    @if s.waiting > 0 { " · " (words::counted(s.waiting, "message waits", "messages wait")) }
                    @if s.session.is_some() { span.desk-only { " · " (s.label) @if tokens > 0 { " · " (words::short_count(tokens)) " tokens" } } }
                }
                (icon::small("chevron-right"))
            }
            @if s.proposals > 0 {
                a.luciline.asks href="/luci" data-st="input" {
                    (icon::glyph(Status::NeedsInput))
                    span.grow { b { "Luci proposes " (words::counted(s.proposals, "thing", "things")) } " " span.quiet { "They wait for your word" } }
                    (icon::small("chevron-right"))
                }
            }
        }
    }
}

fn welcome() -> Markup {
    html! {
        section.welcome {
            h2 { "Welcome to Mission Control" }
            p { "Write down what should be done; an AI agent does it in a worktree of its own, and you see every step here." }
            p { "You are asked only when it needs you: a question, a result to look at, or something only you can mend." }
        }
    }
}

/// The list of what needs the person, `#needs`: swap it whole (`outerMorph`) when the set changed.
#[must_use]
pub fn needs(h: &Home, cx: Ctx<'_>) -> Markup {
    let (needs, paused_profiles, total) = (&h.needs, &h.paused_profiles, h.needs_total);
    html! {
        section #needs aria-label="Needs you" {
            div.sect { h2 { "Needs you" } @if total > 0 { span.count { (total) } } }
            @for r in paused_profiles { (paused::pointer(r, cx)) }
            @if needs.is_empty() && paused_profiles.is_empty() {
                p.calm data-st="done" {
                    (icon::glyph(Status::Done))
                    span {
                        b { "Nothing." } " "
                        @if h.first_day { "Say above what should be done; when an agent has a question, it stands here." }
                        @else { "When a question, a result or a problem waits for you, it stands here." }
                    }
                }
            } @else if !needs.is_empty() {
                div.needs { @for l in needs { (attention_card(l, CardPlace::Home, cx)) } }
                @for (status, n) in &h.more {
                    a.more href=(Filter { status: Some(*status), ..Filter::default() }.href(&[])) {
                        (words::counted(*n, "more waits", "more wait")) " " (waits_for(*status))
                    }
                }
            }
        }
    }
}

/// What a ticket that waits for a person waits for.
fn waits_for(status: Status) -> &'static str {
    match status {
        Status::NeedsInput => "for an answer",
        Status::InReview => "for a review",
        Status::Blocked => "for help: blocked",
        Status::Inbox | Status::Todo | Status::InProgress | Status::Done | Status::Cancelled => "on the board",
    }
}

/// The list of live runs, `#running`.
#[must_use]
pub fn running(h: &Home, cx: Ctx<'_>) -> Markup {
    html! {
        section #running aria-label="Running" {
            div.sect { h2 { "Running" } span.count { (h.running.len()) " of " (words::counted(h.slots, "slot", "slots")) } }
            @if h.running.is_empty() {
                p.calm {
                    (icon::icon("hourglass"))
                    span { b { "Nobody works." } " " "“Do it now” starts an agent at once; tickets in To do start by themselves." }
                }
            } @else {
                ul.lines { @for r in &h.running { (run_row(r, cx)) } }
            }
            @if let Some(next) = h.next {
                p.slot {
                    (icon::small("hourglass")) " "
                    span.grow { "Next when a slot is free: " a.id href=(format!("/tickets/{next}")) { (next) } }
                    @if h.queued > 1 { " +" (h.queued - 1) }
                }
            }
        }
    }
}

/// What happened since the person looked, `#since`.
#[must_use]
pub fn since(h: &Home, cx: Ctx<'_>) -> Markup {
    html! {
        section #since aria-label="Since you looked" {
            @if let Some(at) = h.since {
                div.sect {
                    h2 { "Since you looked" }
                    @if h.changes_total > 0 { span.count { (h.changes_total) } }
                    span.end { "since " (when::clock(at, cx.now)) }
                }
                @if h.changes.is_empty() { p.quiet.small { "Nothing has changed." } }
                @else {
                    ul.lines {
                        @for c in &h.changes {
                            li.line data-st=(words::st(c.status)) {
                                (icon::glyph(c.status))
                                span {
                                    a href=(format!("/tickets/{}", c.ticket)) dir="auto" { (c.title) } " "
                                    span.id { (c.ticket) } span.vh { ", " (words::status(c.status)) }
                                }
                                span.end { (when::clock(c.at, cx.now)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

//! What stands around the conversation: memory, session, profile, what happens without asking; the queue and the state.

use crate::base::text::capitalised;
use crate::base::text::percent_encoded;
use crate::domain::orchestrator::proposal::ActionKind;
use crate::domain::orchestrator::session::{DriverKind, Session, Wanted};
use crate::domain::orchestrator::turn::Turn;
use crate::domain::text::shortened;
use crate::domain::time::Time;
use crate::web::ui::status_indicator::OrchestratorStatus;
use crate::web::ui::{Ctx, form, icon, when, words};
use maud::{Markup, html};

/// All of it.
#[derive(Debug, Clone)]
pub struct Side {
    /// How Luci stands.
    pub orchestrator_status: OrchestratorStatus,
    /// Until when her profile rests, where it goes on by itself.
    pub rests_until: Option<Time>,
    /// Her session that is not over.
    pub session: Option<Session>,
    /// What a person wants.
    pub wanted: Wanted,
    /// Profiles to choose from: name and label.
    pub profiles: Vec<(String, String)>,
    /// The profile she is to run on.
    pub chosen: String,
    /// The label of the profile she runs on.
    pub label: String,
    /// Tokens from which on she starts afresh when idle.
    pub soft: i64,
    /// Tokens from which on she starts afresh before anything else.
    pub hard: i64,
    /// Turns that wait.
    pub waiting: i64,
    /// The first of them.
    pub queue: Vec<Turn>,
    /// Actions that happen without asking.
    pub free: Vec<ActionKind>,
    /// Proposals that wait for the owner.
    pub proposals: i64,
}

/// The console of her session.
const CONSOLE: &str = "/console?session=luci-persistent";

/// The side panel, `#luci-side`. On a phone it opens over the conversation, by a link to it.
#[must_use]
pub fn side(s: &Side, cx: Ctx<'_>) -> Markup {
    html! {
        aside.side #luci-side aria-label="Luci’s session" {
            a.btn.bare.close href="#luci-say" { (icon::small("chevron-left")) " Conversation" }
            (memory(s))
            (session(s, cx))
            (autonomy(s))
        }
    }
}

fn memory(s: &Side) -> Markup {
    let tokens = s.session.as_ref().map_or(0, |x| x.context_tokens);
    let hard = s.hard.max(1);
    let part = |n: i64| n.clamp(0, hard).saturating_mul(900) / hard;
    let (used, soft) = (words::short_count(tokens), words::short_count(s.soft));
    html! {
        section {
            h2 { "Memory" }
            svg.gauge viewBox="0 0 900 6" preserveAspectRatio="none" role="img"
                aria-label=(format!("{used} of {} tokens; a fresh start at {soft}", words::short_count(s.hard))) {
                rect.t width="900" height="6" {}
                rect.v width=(part(tokens)) height="6" {}
                rect.m x=(part(s.soft).saturating_sub(3)) width="6" height="6" {}
            }
            p.small.quiet {
                @if tokens == 0 { "Empty. " } @else { (used) " tokens. " }
                "At " (soft) " she writes a summary and starts afresh; this conversation goes on."
            }
        }
    }
}

fn session(s: &Side, cx: Ctx<'_>) -> Markup {
    html! {
        section {
            h2 { "Session" }
            dl.dl {
                dt { "State" } dd { span.state data-st=(s.orchestrator_status.st()) { (capitalised(s.orchestrator_status.words().trim_start_matches("is "))) } }
                @if let Some(x) = &s.session {
                    @if let Some(note) = &x.note { dt { "Note" } dd dir="auto" { (note) } }
                    @if let Some(at) = x.retry_at { dt { "Next try" } dd { (when::ago(at, cx.now)) } }
                }
                dt { "Runs on" } dd dir="auto" { (s.label) }
                @if let Some(x) = &s.session {
                    @if let (OrchestratorStatus::Idle | OrchestratorStatus::Working(_) | OrchestratorStatus::Dialog | OrchestratorStatus::Paused | OrchestratorStatus::Keyboard, Some(at)) = (s.orchestrator_status, x.launched_at) {
                        dt { "Awake for" } dd { (when::span(at, cx.now)) }
                    }
                    dt { "Answered" } dd { (words::counted(x.answered, "turn", "turns")) }
                    dt { "Speaks by" } dd { (match x.driver { DriverKind::Tmux => "a terminal that stays open", DriverKind::Headless => "one short run for each turn" }) }
                    dt { "Screen" } dd { a href=(CONSOLE) { (x.name) } }
                }
            }
            div.btns {
                @if matches!(s.orchestrator_status, OrchestratorStatus::Stopped | OrchestratorStatus::NotStarted | OrchestratorStatus::Broken | OrchestratorStatus::Down) { (button("/luci/start", "play", "Start", cx)) }
                @else { (button("/luci/stop", "pause", "Stop", cx)) }
            }
            @if s.profiles.len() > 1 {
                form.switch method="post" action="/luci/switch" hx-post="/luci/switch" hx-swap="none" hx-sync="this:drop" {
                    (form::client_id(cx, "switch"))
                    label.field {
                        span { "Switch to" }
                        select.input #luci-profile name="profile" {
                            @for (name, label) in &s.profiles { option value=(name) selected[*name == s.chosen] { (label) } }
                        }
                    }
                    button.btn type="submit" { "Switch" }
                }
                p.small.quiet { "She leaves a note, and goes on from it on the other profile." }
            }
        }
    }
}

fn button(path: &str, sign: &str, label: &str, cx: Ctx<'_>) -> Markup {
    html! {
        form method="post" action=(path) hx-post=(path) hx-swap="none" hx-sync="this:drop" {
            (form::client_id(cx, path))
            button.btn.tight type="submit" { (icon::small(sign)) " " (label) }
        }
    }
}

/// Actions as they are called where the owner allows them.
#[must_use]
pub fn kind_words(kind: ActionKind) -> &'static str {
    match kind {
        ActionKind::CreateTicket => "Make tickets",
        ActionKind::Comment => "Comment on tickets",
        ActionKind::Move => "Move tickets",
        ActionKind::Assign => "Hand tickets to another role",
        ActionKind::Start => "Start tickets",
        ActionKind::AnswerQuestion => "Answer agents’ questions",
        ActionKind::Notify => "Tell you something",
        ActionKind::Ignore => "Leave something as it is",
        ActionKind::AskOwner => "Ask you",
    }
}

fn autonomy(s: &Side) -> Markup {
    html! {
        section {
            h2 { "Works without asking" }
            @if s.free.is_empty() { p.small.quiet { "Nothing: each proposal waits for your word." } }
            @else {
                ul.lines.small {
                    @for kind in &s.free {
                        li.line.low data-st="done" { (icon::glyph(crate::domain::ticket::Status::Done)) span { (kind_words(*kind)) } }
                    }
                }
            }
            p.small { a href="/settings#autonomy" { "Change" } }
        }
    }
}

/// One line for a phone that leads to the side panel, `#luci-line`.
#[must_use]
pub fn line(s: &Side, cx: Ctx<'_>) -> Markup {
    let tokens = s.session.as_ref().map_or(0, |x| x.context_tokens);
    html! {
        a.luciline #luci-line href="#luci-side" data-st=(s.orchestrator_status.st()) {
            i {}
            span.grow {
                b { (capitalised(s.orchestrator_status.words().trim_start_matches("is "))) }
                @if let OrchestratorStatus::Working(since) = s.orchestrator_status { " " (when::span(since, cx.now)) }
                " · " (s.label)
                @if tokens > 0 { " · " (words::short_count(tokens)) " tokens" }
            }
            span.vh { "Session" } (icon::small("chevron-right"))
        }
    }
}

/// What keeps messages waiting, in words and with what to do, `#luci-state`; empty while all is well.
#[must_use]
pub fn state(s: &Side, cx: Ctx<'_>) -> Markup {
    let note = s.session.as_ref().and_then(|x| x.note.as_deref());
    let retry = s.session.as_ref().and_then(|x| x.retry_at);
    html! {
        div #luci-state {
            @match s.orchestrator_status {
                OrchestratorStatus::NotStarted | OrchestratorStatus::Starting | OrchestratorStatus::Idle | OrchestratorStatus::Working(_) => {},
                OrchestratorStatus::Stopped => (notice("todo", "pause", html! { b { "Luci is stopped." } " What you write waits until she is started." }, button("/luci/start", "play", "Start", cx))),
                OrchestratorStatus::Broken => (notice("blocked", "triangle-alert", html! {
                    b { "Luci cannot start." } " " @if let Some(note) = note { span dir="auto" { (note) } " " }
                    @if let Some(at) = retry { "It is tried again " (when::ago(at, cx.now)) ". " } "Your messages wait."
                }, button("/luci/start", "play", "Start", cx))),
                OrchestratorStatus::Down => (notice("blocked", "refresh-cw", html! {
                    b { "Luci went away." } " " @if let Some(note) = note { span dir="auto" { (note) } " " }
                    @if let Some(at) = retry { "She is brought back " (when::ago(at, cx.now)) "." } @else { "She is being brought back." }
                }, button("/luci/start", "play", "Start now", cx))),
                OrchestratorStatus::Dialog => (notice("input", "terminal", html! {
                    b { "A dialog is open that only you can answer." } @if let Some(note) = note { " " span dir="auto" { (note) } }
                }, html! { a.btn.tight href=(CONSOLE) { "Open the console" } })),
                OrchestratorStatus::Paused => (notice("input", "hourglass", html! {
                    b { "Luci rests." } " " @if let Some(note) = note { span dir="auto" { (capitalised(note.trim_end_matches('.'))) } ". " }
                    @if let Some(at) = s.rests_until { "She goes on " (when::ago(at, cx.now)) "; your messages wait." } @else { "Your messages wait until that is mended." }
                }, resume(s, cx))),
                OrchestratorStatus::Keyboard => (notice("input", "keyboard", html! {
                    b { "The keyboard is in your hands." } " Messages wait until you give it back in the console."
                }, html! { a.btn.tight href=(CONSOLE) { "Open the console" } })),
            }
        }
    }
}

/// Ends the rest of her profile.
fn resume(s: &Side, cx: Ctx<'_>) -> Markup {
    let profile = s.session.as_ref().map_or(s.chosen.as_str(), |x| x.profile.as_str());
    button(&format!("/settings/profiles/{}/resume", percent_encoded(profile)), "play", "Let her go on", cx)
}

fn notice(st: &str, sign: &str, text: Markup, act: Markup) -> Markup {
    html! { div.notice data-st=(st) role="status" { (icon::icon(sign)) div { (text) } (act) } }
}

/// The messages that wait, folded, `#luci-queue`.
#[must_use]
pub fn queue(s: &Side, cx: Ctx<'_>) -> Markup {
    let shown = i64::try_from(s.queue.len()).unwrap_or(0);
    html! {
        div #luci-queue {
            @if s.waiting > 0 {
                details.fold-in.waits {
                    summary { (icon::icon("chevron-right")) (icon::small("layers")) (words::counted(s.waiting, "message waits", "messages wait")) }
                    ul {
                        @for t in &s.queue {
                            li.queue id=(format!("queued-{}", t.id)) {
                                p dir="auto" { a href=(format!("#turn-{}", t.id)) { (shortened(&t.message, 120)) } }
                                form method="post" action=(format!("/luci/turns/{}/cancel", t.id)) hx-post=(format!("/luci/turns/{}/cancel", t.id)) hx-swap="none" hx-sync="this:drop" {
                                    (form::client_id(cx, format_args!("queued-{}", t.id)))
                                    button.btn.tight.bare type="submit" { "Cancel" }
                                }
                            }
                        }
                        @if s.waiting > shown { li.small.quiet { "and " (s.waiting - shown) " more" } }
                    }
                }
            }
        }
    }
}

//! One turn of the conversation: what was asked, and the answer, the heartbeat in its place, or why there is none.

use crate::domain::ids::TurnId;
use crate::domain::orchestrator::proposal::Proposal;
use crate::domain::orchestrator::proposal_block;
use crate::domain::orchestrator::turn::{Turn, TurnOrigin, TurnState};
use crate::domain::text::{cut_chars, shortened};
use crate::domain::time::Time;
use crate::web::orchestrator::view_proposals::slip;
use crate::web::ui::markdown::markdown;
use crate::web::ui::status_indicator::OrchestratorStatus;
use crate::web::ui::stream::partial;
use crate::web::ui::{Ctx, form, icon, when, words};
use maud::{Markup, html};

/// Longer messages are folded, in characters.
const LONG: usize = 2_500;

/// A turn with what belongs to it.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The turn.
    pub turn: Turn,
    /// What its answer proposes.
    pub proposals: Vec<Proposal>,
    /// The day, where it is another than that of the turn above.
    pub day: Option<Time>,
    /// Why a new session began with this turn, and when.
    pub begun: Option<(String, Time)>,
    /// How Luci stands: what a waiting turn waits for.
    pub orchestrator_status: OrchestratorStatus,
    /// The conversation's last change when this was read: what a poll has seen.
    pub seen: i64,
}

/// A turn, `#turn-<n>`. While it is open it asks for itself each second; over, it no longer does.
#[must_use]
pub fn turn(s: &Shown, cx: Ctx<'_>) -> Markup {
    let t = &s.turn;
    let poll = t.state.is_open().then(|| format!("/luci/turns/{}?seen={}", t.id, s.seen));
    html! {
        article.turn id=(format!("turn-{}", t.id)) data-state=(t.state.as_str()) data-origin=(t.origin.as_str())
            hx-get=[poll.as_ref()] hx-trigger=[poll.as_ref().map(|_| "every 1s")] hx-swap=[poll.as_ref().map(|_| "outerMorph")] {
            @if let Some(day) = s.day { p.dayline { (when::day(day, cx.now)) } }
            @if let Some((why, at)) = &s.begun { (divider(why, *at, cx)) }
            @match t.origin {
                TurnOrigin::Human | TurnOrigin::Ticket => { (asked(t, cx)) (answer(s, cx)) },
                TurnOrigin::Digest | TurnOrigin::Correction | TurnOrigin::HandOver => { (folded(s, cx)) },
            }
        }
    }
}

/// The line where a new session began.
#[must_use]
pub fn divider(why: &str, at: Time, cx: Ctx<'_>) -> Markup {
    html! { p.dayline.session { (icon::small("history")) span dir="auto" { (why) } " " (when::clock(at, cx.now)) } }
}

/// Where the next turn goes: a new one takes this place, and is ignored where it was taken already.
#[must_use]
pub fn after(last: TurnId) -> Markup {
    html! { div id=(format!("after-{last}")) hidden {} }
}

/// The fragment that puts a new turn below the one before it, once.
#[must_use]
pub fn appended(previous: TurnId, s: &Shown, cx: Ctx<'_>) -> Markup {
    partial(&format!("#after-{previous}"), "outerHTML", &html! { (turn(s, cx)) (after(s.turn.id)) })
}

/// The fragment that brings a turn up to date where it stands.
#[must_use]
pub fn renewed(s: &Shown, cx: Ctx<'_>) -> Markup {
    partial(&format!("#turn-{}", s.turn.id), "outerMorph", &turn(s, cx))
}

fn asked(t: &Turn, cx: Ctx<'_>) -> Markup {
    html! {
        div.msg.you {
            (icon::avatar(&t.author))
            div {
                p.by { b dir="auto" { (t.author) } (when::clock(t.created_at, cx.now)) }
                (said(&t.message))
            }
        }
    }
}

/// The words as they came, line by line; very long ones folded.
fn said(text: &str) -> Markup {
    let (head, more) = cut_chars(text, LONG);
    html! {
        @if more {
            details.long {
                summary { div.said dir="auto" { (cut_chars(head, 400).0) "…" } span.small.quiet { "All " (words::short_count(i64::try_from(text.chars().count()).unwrap_or(i64::MAX))) " characters" } }
                div.said dir="auto" { (text) }
            }
        } @else { div.said dir="auto" { (text) } }
    }
}

fn answer(s: &Shown, cx: Ctx<'_>) -> Markup {
    let t = &s.turn;
    html! {
        div.msg.luci-says {
            (icon::avatar("Luci"))
            div {
                p.by {
                    b { "Luci" }
                    @if let (TurnState::Answered, Some(at)) = (t.state, t.answered_at) { (when::clock(at, cx.now)) }
                }
                (reply(s, cx))
            }
        }
    }
}

/// The answer, what stands in its place, and the proposals in it.
fn reply(s: &Shown, cx: Ctx<'_>) -> Markup {
    let t = &s.turn;
    let text = t.response.as_deref().filter(|r| !r.trim().is_empty());
    html! {
        @if let Some(text) = text { (markdown(proposal_block::words(text))) }
        @match t.state {
            TurnState::Pending | TurnState::Claimed | TurnState::Sent => { (working(s, cx)) },
            TurnState::Answered => { @if text.is_none() { p.quiet { "She had nothing to say to this." } } },
            TurnState::Failed => { (failed(t, cx)) },
            TurnState::Cancelled => { (cancelled(t, text.is_some(), cx)) },
        }
        (slip(t.id, &s.proposals, cx))
    }
}

/// The heartbeat in place of the answer: where the turn stands, and the way to stop it.
fn working(s: &Shown, cx: Ctx<'_>) -> Markup {
    let t = &s.turn;
    let works = t.state == TurnState::Sent && t.accepted_at.is_some();
    html! {
        div.working {
            span.beat.idle[!t.state.in_flight()] {
                i id=(format!("beat-{}", t.id)) {}
                span aria-live="off" { (waiting(s, cx)) }
            }
            span.btns {
                @if t.state.in_flight() {
                    a.btn.tight.bare.desk-only href="/console?session=luci-persistent" { (icon::small("terminal")) " Console" }
                    @if !t.interrupt_wanted { (act(t.id, "cancel", ("square", "Stop"), false, cx)) }
                } @else { (act(t.id, "cancel", ("x", "Cancel"), false, cx)) }
            }
            @if works {
                @if let Some(doing) = &t.activity { span.doing { (icon::small("zap")) span dir="auto" { (doing) } } }
            }
        }
        p.plain-only.small { a href=(format!("/luci?look={}#turn-{}", s.seen, t.id)) { "Look again" } }
    }
}

fn waiting(s: &Shown, cx: Ctx<'_>) -> Markup {
    let t = &s.turn;
    let ahead = t.position.unwrap_or(0);
    html! {
        @match (t.state, t.accepted_at) {
            (TurnState::Sent, Some(_)) if t.interrupt_wanted => { "Being stopped" },
            (TurnState::Sent, Some(at)) => { "Working, " (when::span(at, cx.now)) },
            (TurnState::Sent | TurnState::Claimed, _) if t.interrupt_wanted => { "Being stopped" },
            (TurnState::Sent, None) => { "Sent" },
            (TurnState::Claimed, _) => { "On its way" },
            (_, _) => {
                @match s.orchestrator_status {
                    OrchestratorStatus::Stopped => "Waits: Luci is stopped",
                    OrchestratorStatus::Broken => "Waits: Luci cannot start",
                    OrchestratorStatus::Down => "Waits until Luci is back",
                    OrchestratorStatus::Dialog => "Waits: a dialog is open in the console",
                    OrchestratorStatus::Paused => "Waits: Luci rests",
                    OrchestratorStatus::Keyboard => "Waits: the keyboard is in your hands",
                    OrchestratorStatus::NotStarted | OrchestratorStatus::Starting => {
                        @if ahead > 0 { "Waits behind " (ahead) } @else { "Waits for Luci to start" }
                    },
                    OrchestratorStatus::Idle | OrchestratorStatus::Working(_) => {
                        @if ahead > 0 { "Waits behind " (ahead) } @else { "Next" }
                    },
                }
            },
        }
    }
}

fn failed(t: &Turn, cx: Ctx<'_>) -> Markup {
    html! {
        div.notice data-st="blocked" {
            (icon::icon("circle-x"))
            div { b { "There is no answer." } " " span dir="auto" { (t.error.as_deref().unwrap_or("It is not known why.")) } " Your message is kept." }
            (act(t.id, "retry", ("refresh-cw", "Try again"), true, cx))
        }
    }
}

fn cancelled(t: &Turn, partial: bool, cx: Ctx<'_>) -> Markup {
    let interrupted = t.sent_at.is_some();
    html! {
        div.ended {
            span.quiet.small {
                @if interrupted && partial { "You stopped her here." }
                @else if interrupted { "You stopped her before she said anything." }
                @else { "Withdrawn before Luci read it." }
            }
            (act(t.id, "retry", ("refresh-cw", "Ask again"), false, cx))
        }
    }
}

/// A button that does something with a turn.
fn act(id: TurnId, what: &str, (sign, label): (&str, &str), framed: bool, cx: Ctx<'_>) -> Markup {
    let path = format!("/luci/turns/{id}/{what}");
    html! {
        form method="post" action=(path) hx-post=(path) hx-swap="none" hx-sync="this:drop" {
            (form::client_id(cx, format_args!("{what}-{id}")))
            button.btn.tight.bare[!framed] type="submit" { (icon::small(sign)) " " (label) }
        }
    }
}

/// A digest, or a word of ours to Luci: folded and quiet. What she proposes in it is not.
fn folded(s: &Shown, cx: Ctx<'_>) -> Markup {
    let t = &s.turn;
    let (name, about) = match t.origin {
        TurnOrigin::Correction => ("Correction", "Luci was told why her proposals could not be read".to_owned()),
        TurnOrigin::Digest if t.message.starts_with("Digest ") => {
            let line = t.message.lines().next().unwrap_or_default();
            let (name, about) = line.split_once(": ").unwrap_or((line, ""));
            (name, about.to_owned())
        }
        TurnOrigin::Digest | TurnOrigin::HandOver | TurnOrigin::Human | TurnOrigin::Ticket => {
            let text = t.response.as_deref().map_or(t.message.as_str(), proposal_block::words);
            let line = text.lines().find(|l| !l.trim().is_empty()).unwrap_or_default();
            ("Digest", shortened(&line.trim_start_matches(['#', '*', ' ']).replace("**", ""), 140))
        }
    };
    html! {
        details.slip.settled.fold-in {
            summary {
                (icon::icon("chevron-right")) b { (name) } " " span.grow dir="auto" { (about) } " " (when::clock(t.answered_at.unwrap_or(t.created_at), cx.now))
            }
            div.inside {
                (said(&t.message))
                @if let Some(text) = &t.response { (markdown(proposal_block::words(text))) }
            }
        }
        @if t.state.is_open() { (working(s, cx)) }
        // The reports of a digest that failed wait again: it is not tried under its old number.
        @if t.state == TurnState::Failed && t.origin != TurnOrigin::Digest { (failed(t, cx)) }
        (slip(t.id, &s.proposals, cx))
    }
}

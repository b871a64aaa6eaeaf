//! The conversation with Luci: her turns, the box to write in, and her session beside it.

use crate::base::error::FieldError;
use crate::domain::ids::TurnId;
use crate::domain::time::Time;
use crate::web::orchestrator::view_side::{Side, line, queue, side, state};
use crate::web::orchestrator::view_turn::{Shown, after, divider, turn};
use crate::web::ui::stream::{connect, partial};
use crate::web::ui::{Ctx, form, icon};
use maud::{Markup, html};

/// All that the page shows.
#[derive(Debug, Clone)]
pub struct Luci {
    /// The turns in the window, oldest first.
    pub turns: Vec<Shown>,
    /// The first turn shown, where there are older ones.
    pub older: Option<TurnId>,
    /// True where the window is not the newest one.
    pub past: bool,
    /// The last turn shown.
    pub last: TurnId,
    /// What stands around it.
    pub side: Side,
    /// A session that began after the last turn: why, and when.
    pub tail: Option<(String, Time)>,
    /// What was typed (field `message`).
    pub message: String,
    /// What was wrong with it.
    pub errors: Vec<FieldError>,
}

/// What one could ask first.
const PROMPTS: [&str; 3] = [
    "What is going on right now, and what needs me?",
    "Plan this with me: I want to … Split it into tickets and say what comes first.",
    "Look at the tickets that are blocked, and propose what to do about each.",
];

/// The page's main part. `stream` is the address of its live stream; none while older turns are looked at.
#[must_use]
pub fn luci(l: &Luci, stream: Option<&str>, cx: Ctx<'_>) -> Markup {
    html! {
        div.luci {
            section.talk aria-label="Conversation with Luci" {
                h1.vh { "Luci" }
                (line(&l.side, cx))
                div.turns #turns role="log" aria-label="Conversation" data-stick {
                    (older(l.older))
                    @if l.turns.is_empty() && !l.past { (empty()) }
                    @for t in &l.turns { (turn(t, cx)) }
                    @if l.past { a.more href="/luci" { "Back to the newest" } }
                    @else { (after(l.last)) }
                }
                (tail(l.tail.as_ref(), cx))
                div.footbar {
                    button.jump.btn.tight #luci-jump type="button" hidden { (icon::small("arrow-down")) " Newest" }
                    (state(&l.side, cx))
                    (queue(&l.side, cx))
                    (say(&l.message, &l.errors, cx))
                }
            }
            (side(&l.side, cx))
        }
        @if let Some(stream) = stream { (connect(stream)) }
    }
}

/// The way to older turns, `#older`.
#[must_use]
pub fn older(first: Option<TurnId>) -> Markup {
    let path = first.map(|id| format!("/luci?before={id}"));
    html! {
        @if let Some(path) = path {
            a.more #older href=(path) hx-get=(path) hx-swap="outerHTML" hx-sync="this:drop" { "Show older" }
        }
    }
}

/// Older turns, in the place of the link to them.
#[must_use]
pub fn older_turns(l: &Luci, cx: Ctx<'_>) -> Markup {
    html! { (older(l.older)) @for t in &l.turns { (turn(t, cx)) } }
}

/// The divider of a session in which nothing was said yet, `#luci-tail`.
#[must_use]
pub fn tail(begun: Option<&(String, Time)>, cx: Ctx<'_>) -> Markup {
    html! { div #luci-tail { @if let Some((why, at)) = begun { (divider(why, *at, cx)) } } }
}

fn empty() -> Markup {
    html! {
        div.empty.hello {
            (icon::art())
            h2 { "This is Luci" }
            p { "One agent who remembers what you said. She knows your tickets, plans with you and proposes what to do; nothing happens without your word." }
            ul.prompts {
                @for p in PROMPTS { li { button.btn type="button" data-say=(p) { (p) } } }
            }
        }
    }
}

/// The box, `#luci-say`. Its text is never taken from who types in it: after a success only its id is made anew.
#[must_use]
pub fn say(message: &str, errors: &[FieldError], cx: Ctx<'_>) -> Markup {
    let bad = !errors.is_empty();
    html! {
        form.composer.slim #luci-say method="post" action="/luci/send" hx-post="/luci/send" hx-swap="none" hx-sync="this:drop"
            hx-status:422="swap:outerMorph" data-draft="luci" data-enter data-keep {
            (say_id(cx))
            (said_wrong(errors))
            label.vh for="say" { "Message to Luci" }
            textarea #say name="message" rows="1" placeholder="Ask or tell Luci" dir="auto" required aria-invalid=[bad.then_some("true")] { (message) }
            div.foot {
                span.small.faint.desk-only.hint { "Enter sends, Shift and Enter makes a new line" }
                button.btn.primary.push type="submit" aria-label="Send" { span.t { "Send" } " " (icon::small("arrow-up")) }
            }
        }
    }
}

fn said_wrong(errors: &[FieldError]) -> Markup {
    html! { div #luci-errs { @if !errors.is_empty() { div.errs role="alert" { (form::field_error(errors, "message")) (form::other_errors(errors, &["message"])) } } } }
}

fn say_id(cx: Ctx<'_>) -> Markup {
    html! { input #luci-client type="hidden" name="client_id" value=(cx.client_id("luci")); }
}

/// After a message was taken: a new id for the box, and no errors.
#[must_use]
pub fn taken(cx: Ctx<'_>) -> Markup {
    html! {
        (partial("#luci-client", "outerHTML", &say_id(cx)))
        (partial("#luci-errs", "outerHTML", &said_wrong(&[])))
        (partial(".hello", "delete", &html! {}))
    }
}

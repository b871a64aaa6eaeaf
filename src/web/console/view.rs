//! The console: the sessions, the screen of one of them, and what a person may do there.

use crate::base::text::sentence;
use crate::domain::ids::TicketId;
use crate::domain::orchestrator::session::{DriverKind, LUCI, Session, SessionState};
use crate::domain::time::Time;
use crate::engine::console::ConsoleContent;
use crate::engine::console::keyboard::{InputPermission, KeyboardOwner};
use crate::engine::console::keys::ConsoleKey;
use crate::web::console::screen;
use crate::web::http::assets;
use crate::web::ui::status_indicator::OrchestratorStatus;
use crate::web::ui::{Ctx, form, icon, when, words};
use maud::{Markup, html};

/// Lines of history behind the link above the screen.
pub const HISTORY: u32 = 2000;

/// A line of the list of sessions.
#[derive(Debug, Clone)]
pub struct Row {
    /// The session's name.
    pub name: String,
    /// The ticket it works on; none for the orchestrator.
    pub ticket: Option<TicketId>,
    /// The key of its state's hue and glyph.
    pub st: &'static str,
    /// Its state in a word or two.
    pub state: &'static str,
    /// Its profile, as shown.
    pub profile: String,
    /// Where it works.
    pub cwd: Option<String>,
    /// Since when it runs.
    pub since: Option<Time>,
    /// When it last gave a sign of life.
    pub last: Option<Time>,
    /// Tokens: of the orchestrator in its context, of a run used so far.
    pub tokens: i64,
}

/// The orchestrator's session as shown.
#[derive(Debug, Clone)]
pub struct Term {
    /// The newest session, over or not.
    pub session: Option<Session>,
    /// Whose hands the keyboard is in.
    pub hands: KeyboardOwner,
    /// The same in the words of the top bar.
    pub orchestrator_status: OrchestratorStatus,
    /// Stopped by a person (false), wanted (true), or started by the first turn (none).
    pub wanted: Option<bool>,
    /// Turns that wait.
    pub waiting: i64,
    /// What there is to see.
    pub shown: ConsoleContent,
    /// Lines of history shown above the screen; with any, it stands still.
    pub lines: u32,
    /// Its profile, as shown.
    pub profile: String,
    /// Where it works.
    pub cwd: String,
    /// The command that attaches to it from a terminal.
    pub attach: String,
    /// The owner looks; nobody else may type.
    pub owner: bool,
}

impl Term {
    /// Stands for all that is shown but the passing of time: the page says what it has, and gets nothing where that is
    /// still so.
    #[must_use]
    pub fn mark(&self) -> String {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        format!("{self:?}").hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }
}

/// The page's main part.
#[must_use]
pub fn console(rows: &[Row], mark: &str, term: &Term, cx: Ctx<'_>) -> Markup {
    html! {
        h1.vh { "Console" }
        div.console {
            (sessions(rows, mark, cx))
            (terminal(term, cx))
        }
    }
}

/// The list of sessions, `#sessions`. Polls itself.
#[must_use]
pub fn sessions(rows: &[Row], mark: &str, cx: Ctx<'_>) -> Markup {
    html! {
        nav.sessions #sessions aria-label="Sessions" hx-get="/console/sessions" hx-trigger="every 5s" hx-swap="outerMorph"
            hx-include="#sessions-seen" hx-status:4xx="swap:none" hx-status:5xx="swap:none" {
            div.sect { h2 { "Sessions" } span.count { (rows.len()) } }
            @for r in rows { (session_row(r, cx)) }
            input type="hidden" name="seen" id="sessions-seen" value=(mark);
        }
    }
}

fn session_row(r: &Row, cx: Ctx<'_>) -> Markup {
    let href = r.ticket.map_or_else(|| format!("/console?session={}", r.name), |id| format!("/tickets/{id}?tab=live"));
    html! {
        a.session id=(format!("session-{}", r.name)) href=(href) aria-current=[r.ticket.is_none().then_some("page")] {
            span.row data-st=(r.st) {
                (glyph(r.st)) b { (r.name) } span.word { (r.state) }
                @if let Some(at) = r.since { span.to-end { (when::span(at, cx.now)) } }
            }
            span.what {
                (r.profile) @if r.tokens > 0 { " · " (words::short_count(r.tokens)) " tokens" }
                @if let Some(at) = r.last { " · last sign " (when::ago(at, cx.now)) }
            }
            @if let Some(cwd) = &r.cwd { span.what.path title=(cwd) { (end_of_path(cwd)) } }
        }
    }
}

/// The last two names of a path: what tells places apart.
fn end_of_path(path: &str) -> String {
    let names: Vec<&str> = path.split('/').filter(|n| !n.is_empty()).collect();
    match names.as_slice() {
        [.., a, b] if names.len() > 2 => format!("…/{a}/{b}"),
        _ => path.to_owned(),
    }
}

fn glyph(st: &str) -> Markup {
    html! { svg.glyph aria-hidden="true" { use href=(format!("{}#st-{st}", assets::url("icons.svg"))) {} } }
}

/// The screen and all around it, `#term`. Polls itself and gets nothing while nothing changes; a history stands still.
#[must_use]
pub fn terminal(t: &Term, cx: Ctx<'_>) -> Markup {
    let polls = t.lines == 0;
    html! {
        section.term #term aria-label=(format!("Screen of {LUCI}"))
            hx-get=[polls.then(|| format!("/console/screen?session={LUCI}"))] hx-trigger=[polls.then_some("every 1s")]
            hx-swap="outerMorph" hx-include=[polls.then_some("#term-seen")] hx-status:4xx="swap:none" hx-status:5xx="swap:none" {
            div.sect {
                h2 { (LUCI) }
                @if let Some(s) = &t.session { span.count.desk-only { (t.profile) @if s.context_tokens > 0 { " · " (words::short_count(s.context_tokens)) " tokens" } } }
                span.end { (orchestrator_status(t, cx)) }
            }
            input type="hidden" name="seen" id="term-seen" value=(t.mark());
            (trouble(t, cx))
            (shown(t, cx))
            @if t.session.as_ref().is_some_and(|s| s.driver == DriverKind::Tmux) && matches!(t.shown, ConsoleContent::Screen(_)) {
                @if t.lines == 0 { (keyboard(t, cx)) (keys(t, cx)) (line(t, false, cx)) }
                (history_link(t))
            }
            @if t.session.is_some() { (facts(t, cx)) }
        }
    }
}

/// The state of a session: the key of its hue, and its word.
#[must_use]
pub fn state(state: SessionState) -> (&'static str, &'static str) {
    match state {
        SessionState::Starting => ("todo", "Starting"),
        SessionState::Idle => ("done", "Ready"),
        SessionState::Working => ("progress", "Working"),
        SessionState::Waiting => ("input", "Waits for you"),
        SessionState::Down => ("blocked", "Down"),
        SessionState::Broken => ("blocked", "Broken"),
        SessionState::Ended => ("cancelled", "Stopped"),
    }
}

fn orchestrator_status(t: &Term, cx: Ctx<'_>) -> Markup {
    let Some(s) = &t.session else { return html! { span.quiet { "Not started" } } };
    let (st, word) = state(s.state);
    html! {
        @match (s.state, &t.hands.turn) {
            (SessionState::Working | SessionState::Idle, Some(turn)) => {
                span.beat { i {} span { "Working" @if let Some(at) = turn.claimed_at { ", " (when::span(at, cx.now)) } } }
            },
            (SessionState::Working, None) => span.beat { i {} span { "Working" } },
            (SessionState::Idle, None) => span.beat.idle { i {} span { "Ready" } },
            (_, _) => span.state data-st=(st) { (glyph(st)) " " (word) },
        }
    }
}

/// What stands in the way, and the way out.
fn trouble(t: &Term, cx: Ctx<'_>) -> Markup {
    let Some(s) = &t.session else { return html! {} };
    let why = s.note.as_deref().unwrap_or_default();
    html! {
        @match s.state {
            SessionState::Down => div.notice data-st="blocked" role="status" {
                (icon::icon("triangle-alert"))
                div { b { "Luci’s agent is down." } " " span dir="auto" { (sentence(why)) }
                    @if let Some(at) = s.retry_at { " She starts again " (when::ago(at, cx.now)) ", with the same conversation." } }
                (start(t, "Start now", cx))
            },
            SessionState::Broken => div.notice data-st="blocked" role="alert" {
                (icon::icon("circle-x"))
                div { b { "Luci’s agent went down too often in a row." } " " span dir="auto" { (sentence(why)) } " Mend that, then start her again; what waits is kept." }
                (start(t, "Start again", cx))
            },
            SessionState::Ended => div.notice role="status" {
                (icon::icon("info"))
                div { b { "This session is over." } " " span dir="auto" { (sentence(s.end_reason.as_deref().unwrap_or_default())) }
                    @if t.wanted == Some(false) { " Luci is stopped; what waits is kept." } }
                (start(t, "Start", cx))
            },
            SessionState::Starting | SessionState::Idle | SessionState::Working | SessionState::Waiting => {},
        }
    }
}

fn start(t: &Term, words: &str, cx: Ctx<'_>) -> Markup {
    html! {
        @if t.owner {
            form method="post" action="/console/start" hx-post="/console/start" hx-target="#term" hx-swap="outerMorph" hx-sync="this:drop" {
                (form::client_id(cx, "console-start"))
                button.btn.tight.primary type="submit" { (icon::small("play")) " " (words) }
            }
        }
    }
}

fn shown(t: &Term, cx: Ctx<'_>) -> Markup {
    let down = t.session.as_ref().is_some_and(|s| !matches!(s.state, SessionState::Ended));
    html! {
        @match &t.shown {
            ConsoleContent::Screen(s) => pre.screen.still[t.lines > 0] #screen tabindex="0" dir="ltr" data-end role="region"
                aria-label=(if s.live { "Screen" } else { "The last screen" }) { (screen::screen(&s.text, s.cursor)) },
            ConsoleContent::Log(text) => {
                pre.screen.log #screen tabindex="0" dir="ltr" data-end role="region" aria-label="Log of the newest turn" { (screen::screen(text, None)) }
                (no_keys())
            },
            ConsoleContent::NoTmux => div.notice data-st="blocked" role="status" {
                (icon::icon("circle-x"))
                div { b { "tmux is not installed." } " This session keeps its agent in a terminal of tmux. Install it (" code { "apt install tmux" }
                    "), or write " code { "driver = \"headless\"" } " under " code { "[orchestrator]" } " in the configuration, and start the server again." }
            },
            ConsoleContent::Nothing => @match &t.session {
                None => div.empty {
                    (icon::art())
                    h2 { "Luci has no session yet" }
                    p { "She starts with the first message to her, or now." }
                    (start(t, "Start", cx))
                },
                Some(s) if s.driver == DriverKind::Headless => {
                    div.empty { (icon::art()) h2 { "Nothing was said yet" } p { "Each turn is one short run of the agent; its log stands here as it is written." } }
                    (no_keys())
                },
                Some(_) if down => div.empty { (icon::art()) h2 { "There is no screen" } p { "Luci’s terminal is not there at the moment. It comes by itself as soon as her agent runs." } },
                Some(_) => div.empty { (icon::art()) h2 { "There is no screen" } p { "The terminal of this session was closed." } },
            },
        }
    }
}

fn no_keys() -> Markup {
    html! {
        div.notice {
            (icon::icon("info"))
            div { b { "This session runs without a terminal." } " There is no screen to type into: say it to Luci as a message, or set "
                code { "driver = \"tmux\"" } " under " code { "[orchestrator]" } "." }
        }
    }
}

fn history_link(t: &Term) -> Markup {
    html! {
        p.scroll {
            @if t.lines == 0 {
                a href=(format!("/console?session={LUCI}&lines={HISTORY}#screen")) { (icon::small("history")) " What was on it before" }
            } @else {
                span { "The last " (t.lines) " lines and the screen; it stands still. " } a href=(format!("/console?session={LUCI}")) { "Back to the live screen" }
            }
        }
    }
}

/// Who has the keyboard, and how it changes hands.
fn keyboard(t: &Term, cx: Ctx<'_>) -> Markup {
    let waiting = words::counted(t.waiting, "message waits", "messages wait");
    html! {
        @match (t.hands.permission(), t.hands.taken) {
            (InputPermission::Type, false) => div.notice data-st="input" role="status" {
                (glyph("input"))
                div { b { "A dialog is open that only you can answer." } " " @if t.owner { "The keys and the line below go straight to it." } @else { "The owner answers it here." } }
            },
            (InputPermission::Type, true) => div.notice data-st="input" role="status" {
                (icon::icon("hand"))
                div { b { "You have the keyboard." } " " @if t.waiting > 0 { (waiting) " until you hand it back." } @else { "Luci takes no message until you hand it back." } }
                (hand(t, false, cx))
            },
            (InputPermission::Interrupt(_), true) => div.notice role="status" {
                (icon::icon("lock"))
                div { b { "The keyboard is yours when this turn is over." } " Esc or Ctrl-C interrupts it." }
                (hand(t, false, cx))
            },
            (InputPermission::Interrupt(_), false) => div.notice {
                (icon::icon("lock"))
                div { b { "Luci has the keyboard while a turn is in flight." } " Take it over, and her queue waits until you hand it back. Esc or Ctrl-C interrupts the turn." }
                (hand(t, true, cx))
            },
            (InputPermission::Nothing(_), taken) => div.notice {
                (icon::icon("lock"))
                div {
                    @if taken { b { "You have the keyboard," } " but " @if let InputPermission::Nothing(why) = t.hands.permission() { (why) } "." }
                    @else { b { "Luci has the keyboard." } " Take it over to type here, and her queue waits until you hand it back." }
                }
                (hand(t, !taken, cx))
            },
        }
    }
}

fn hand(t: &Term, take: bool, cx: Ctx<'_>) -> Markup {
    html! {
        @if t.owner {
            form #hand method="post" action="/console/keyboard" hx-post="/console/keyboard" hx-target="#term" hx-swap="outerMorph" hx-sync="#term:queue all" {
                (form::client_id(cx, "console-keyboard"))
                button.btn.tight.primary[!take] type="submit" name="take" value=(if take { "1" } else { "0" }) {
                    @if take { (icon::small("hand")) " Take over" } @else { "Hand back" }
                }
            }
        } @else { span.faint { "Only the owner types here." } }
    }
}

/// The keys, each one press. All that changes something here goes in the order in which it was pressed.
fn keys(t: &Term, cx: Ctx<'_>) -> Markup {
    let may = t.hands.permission();
    html! {
        form.keys #keys method="post" action="/console/keys" hx-post="/console/keys" hx-target="#term" hx-swap="outerMorph"
            hx-sync="#term:queue all" role="group" aria-label="Keys" {
            (form::client_id(cx, "console-key"))
            @for key in ConsoleKey::ALL {
                @let on = t.owner && match may { InputPermission::Type => true, InputPermission::Interrupt(_) => key.interrupts(), InputPermission::Nothing(_) => false };
                button.btn type="submit" id=(format!("key-{}", key.as_str())) name="key" value=(key.as_str()) disabled[!on]
                    aria-label=[name(*key)] { (sign(*key)) }
            }
        }
    }
}

fn sign(key: ConsoleKey) -> Markup {
    html! {
        @match key {
            ConsoleKey::Enter => "Enter",
            ConsoleKey::Escape => "Esc",
            ConsoleKey::CtrlC => "Ctrl-C",
            ConsoleKey::Up => (icon::small("arrow-up")),
            ConsoleKey::Down => (icon::small("arrow-down")),
            ConsoleKey::Tab => "Tab",
            ConsoleKey::BackTab => "Shift-Tab",
            ConsoleKey::Y => "y",
            ConsoleKey::N => "n",
        }
    }
}

fn name(key: ConsoleKey) -> Option<&'static str> {
    match key {
        ConsoleKey::Up => Some("Arrow up"),
        ConsoleKey::Down => Some("Arrow down"),
        ConsoleKey::Enter
        | ConsoleKey::Escape
        | ConsoleKey::CtrlC
        | ConsoleKey::Tab
        | ConsoleKey::BackTab
        | ConsoleKey::Y
        | ConsoleKey::N => None,
    }
}

/// The line to type, `#typing`. `sent`: the one before has just gone, and the next may follow at once.
#[must_use]
pub fn line(t: &Term, sent: bool, cx: Ctx<'_>) -> Markup {
    let on = t.owner && t.hands.permission() == InputPermission::Type;
    html! {
        form.pair.reply #typing method="post" action="/console/line" hx-post="/console/line" hx-swap="none" hx-sync="#term:queue all" {
            (form::client_id(cx, "console-line"))
            label.vh for="line" { "Line to type" }
            input.input.mono #line name="line" required maxlength="10000" autocomplete="off" autocapitalize="off" autocorrect="off" spellcheck="false"
                enterkeyhint="send" placeholder=(if on { "A line to type" } else { "A line to type, once the keyboard is yours" }) disabled[!on] autofocus[sent && on];
            button.btn #line-send type="submit" disabled[!on] { "Send" }
        }
    }
}

fn facts(t: &Term, cx: Ctx<'_>) -> Markup {
    let Some(s) = &t.session else { return html! {} };
    html! {
        dl.dl.facts {
            dt { "Works in" } dd { code { (t.cwd) } }
            dt { "Spoken with" } dd { @match s.driver { DriverKind::Tmux => "tmux: a terminal that stays open", DriverKind::Headless => "headless: one short run for each turn" } }
            dt { "Conversation" } dd { code { (s.agent_session) } span.faint { (words::counted(s.answered, "turn answered", "turns answered")) ", " (words::counted(s.launches, "start", "starts")) } }
            dt { "Open since" } dd { (when::ago(s.created_at, cx.now)) @if let Some(at) = s.last_activity_at { span.faint { "last sign of life " (when::ago(at, cx.now)) } } }
            @if s.driver == DriverKind::Tmux {
                dt { "From a terminal" } dd { pre.command { code { (t.attach) } } span.faint { "Leave it with Ctrl-b d." } }
            }
        }
    }
}

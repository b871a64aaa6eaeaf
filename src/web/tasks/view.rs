//! Tasks: the list with what is due next and how it went, and the files that cannot be read.

use crate::base::text::percent_encoded;
use crate::domain::task::schedule::local_words;
use crate::domain::task::{Broken, TaskRunState};
use crate::domain::text::shortened;
use crate::domain::time::Time;
use crate::web::ui::paused;
use crate::web::ui::paused::PausedProfile;
use crate::web::ui::{Ctx, form, icon, stream, when, words};
use chrono_tz::Tz;
use maud::{Markup, html};

/// The runs in a strip.
pub const STRIP: i64 = 30;

/// One run in a strip.
#[derive(Debug, Clone)]
pub struct Tick {
    /// Where it stands.
    pub state: TaskRunState,
    /// When it was due, or begun by hand.
    pub at: Time,
    /// What there is to say.
    pub note: Option<String>,
}

/// A task in the list.
#[derive(Debug, Clone)]
pub struct TaskLine {
    /// Its name.
    pub name: String,
    /// Its file.
    pub file: String,
    /// Its schedule in words.
    pub when: String,
    /// When it is due next.
    pub next: Option<Time>,
    /// Its zone.
    pub zone: Tz,
    /// It does not run by itself.
    pub paused: bool,
    /// It is due at all.
    pub enabled: bool,
    /// Its last runs, oldest first.
    pub strip: Vec<Tick>,
    /// Good ends in a row, or bad ones as a negative number.
    pub streak: i64,
}

impl TaskLine {
    /// Its last run found its login refused: that is no failure of the task, and it does not go well either.
    fn is_refused(&self) -> bool {
        self.strip.iter().rfind(|t| !t.state.is_live()).is_some_and(|t| t.state == TaskRunState::AuthFailed)
    }

    /// It does not go well.
    fn is_bad(&self) -> bool {
        self.streak < 0 || self.is_refused()
    }
}

/// A file that cannot be read as a task.
#[derive(Debug, Clone)]
pub struct BrokenFile {
    /// Its name in `tasks/`.
    pub file: String,
    /// Under which it is found on its page.
    pub name: String,
    /// Why.
    pub broken: Broken,
}

/// The whole list.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    /// What can run, by name.
    pub tasks: Vec<TaskLine>,
    /// What cannot.
    pub broken: Vec<BrokenFile>,
    /// Profiles of theirs that rest.
    pub paused_profiles: Vec<PausedProfile>,
    /// The folder the files are in.
    pub folder: String,
    /// The visitor may run and pause.
    pub may_change: bool,
    /// The reader may write task files.
    pub may_edit: bool,
}

/// The page's main part.
#[must_use]
pub fn page(t: &Tasks, cx: Ctx<'_>) -> Markup {
    html! { (stream::connect("/tasks/stream")) (list(t, cx)) }
}

/// The list, `#tasks`.
#[must_use]
pub fn list(t: &Tasks, cx: Ctx<'_>) -> Markup {
    let next = t.tasks.iter().filter(|l| !l.paused).filter_map(|l| l.next).min();
    let failing = t.tasks.iter().filter(|l| l.is_bad()).count();
    html! {
        section #tasks {
            div.sect {
                h1.vh { "Tasks" } h2 { "Scheduled" }
                span.count { (t.tasks.len()) @if failing > 0 { ", " (words::counted(i64::try_from(failing).unwrap_or(0), "fails", "fail")) } }
                @if let Some(next) = next { span.end.desk-only { "next " (when::ago(next, cx.now)) } }
            }
            @for r in &t.paused_profiles { (paused::pointer(r, cx)) }
            @for b in &t.broken { (broken(b, t.may_edit)) }
            @if t.tasks.is_empty() && t.broken.is_empty() { (nothing(t)) }
            @else if !t.tasks.is_empty() {
                table.table {
                    thead { tr { th { "Task" } th { "When" } th { "Next" } th { "Last " (STRIP) " runs" } th { "Streak" } th { span.vh { "Actions" } } } }
                    tbody { @for line in &t.tasks { (row(line, t.may_change, cx)) } }
                }
            }
        }
    }
}

fn nothing(t: &Tasks) -> Markup {
    html! {
        div.empty {
            (icon::art())
            p { b { "Nothing is scheduled." } }
            p.quiet { "Each file " code { (t.folder) "/NAME.md" } " is a task: what runs, when, and what for." }
            pre.command { "---\nschedule: \"0 6 * * 1-5\"\ncommand: [\"python3\", \"report.py\"]\n---\nThe morning report." }
        }
    }
}

fn row(l: &TaskLine, may_change: bool, cx: Ctx<'_>) -> Markup {
    html! {
        tr.bad[l.is_bad()] {
            td { a.name href=(href(&l.name)) { (l.name) } div.sub.desk-only { code { "tasks/" (l.file) } } }
            td.sub { (l.when) }
            td.num.never[l.enabled && !l.paused && l.next.is_none()] { (next_due(l, cx)) }
            td { (strip(&l.strip)) }
            td.sub { (streak(l)) }
            td { @if may_change { (actions(l, cx)) } }
        }
    }
}

/// Where a task's page is.
#[must_use]
pub fn href(name: &str) -> String {
    format!("/tasks/{}", percent_encoded(name))
}

/// When a task is due next: how soon, and the time on the wall there.
#[must_use]
pub fn next_due(l: &TaskLine, cx: Ctx<'_>) -> Markup {
    html! {
        @match (l.enabled, l.paused, l.next) {
            (false, ..) => span.faint { "disabled" },
            (_, true, _) => span.faint { "paused" },
            (.., Some(next)) => { (when::ago(next, cx.now)) span.local { (local_words(next, l.zone)) } },
            (.., None) => span.faint { "–" },
        }
    }
}

/// How often in a row.
#[must_use]
pub fn streak(l: &TaskLine) -> Markup {
    html! {
        @match l.streak {
            _ if l.is_refused() => (state_words(TaskRunState::AuthFailed)),
            0 => span.faint { "none yet" },
            n if n > 0 => { (n) " ok" },
            n => { (-n) " failed" },
        }
    }
}

/// The buttons of a task.
#[must_use]
pub fn actions(l: &TaskLine, cx: Ctx<'_>) -> Markup {
    let live = l.strip.iter().any(|t| t.state.is_live());
    html! {
        @if live { (button(&l.name, "stop", "Stop", "square", cx)) }
        @else { (button(&l.name, "run", "Run now", "play", cx)) }
        @if l.enabled && (l.next.is_some() || l.paused) {
            @if l.paused { (button(&l.name, "resume", "Resume", "rotate-ccw", cx)) }
            @else { (button(&l.name, "pause", "Pause", "pause", cx)) }
        }
    }
}

fn button(name: &str, what: &str, word: &str, sign: &str, cx: Ctx<'_>) -> Markup {
    let path = format!("{}/{what}", href(name));
    html! {
        form method="post" action=(path) hx-post=(path) hx-swap="none" hx-sync="this:drop" {
            (form::client_id(cx, format_args!("{what}-{name}")))
            button.btn.tight.bare type="submit" title=(word) aria-label=(format!("{word}: {name}")) { (icon::small(sign)) span.t { (word) } }
        }
    }
}

/// The last runs as a picture: colour and height say how each went, hovering says when.
#[must_use]
pub fn strip(ticks: &[Tick]) -> Markup {
    html! {
        @if ticks.is_empty() { span.faint { "has not run yet" } }
        @else {
            span.ticks role="img" aria-label=(strip_words(ticks)) {
                @for t in ticks { i.(class(t.state)) title=(tick_words(t)) {} }
            }
        }
    }
}

/// Picture of a state: one letter, as the style sheet knows it.
fn class(state: TaskRunState) -> &'static str {
    match state {
        TaskRunState::Ok => "o",
        TaskRunState::Failed | TaskRunState::AuthFailed | TaskRunState::Lost => "f",
        TaskRunState::TimedOut => "t",
        TaskRunState::Skipped | TaskRunState::Missed | TaskRunState::Overlapped => "n",
        TaskRunState::Waiting | TaskRunState::Running => "r",
    }
}

/// A state as people say it.
#[must_use]
pub fn state_words(state: TaskRunState) -> &'static str {
    match state {
        TaskRunState::Waiting => "waiting",
        TaskRunState::Running => "running",
        TaskRunState::Ok => "ok",
        TaskRunState::Failed => "failed",
        TaskRunState::TimedOut => "timed out",
        TaskRunState::AuthFailed => "login refused",
        TaskRunState::Skipped => "skipped",
        TaskRunState::Missed => "missed",
        TaskRunState::Overlapped => "overlapped",
        TaskRunState::Lost => "lost",
    }
}

fn tick_words(t: &Tick) -> String {
    let note = t.note.as_deref().map(|n| format!(", {}", shortened(n, 80))).unwrap_or_default();
    format!("{}: {}{note}", when::absolute(t.at), state_words(t.state))
}

fn strip_words(ticks: &[Tick]) -> String {
    let mut counts: Vec<(TaskRunState, usize)> = Vec::new();
    for t in ticks {
        match counts.iter_mut().find(|(state, _)| *state == t.state) {
            Some((_, n)) => *n += 1,
            None => counts.push((t.state, 1)),
        }
    }
    counts.sort();
    let parts: Vec<String> = counts.iter().map(|(state, n)| format!("{n} {}", state_words(*state))).collect();
    format!("{}: {}", words::counted(i64::try_from(ticks.len()).unwrap_or(0), "run", "runs"), parts.join(", "))
}

/// A file that cannot be read.
#[must_use]
pub fn broken(b: &BrokenFile, may_edit: bool) -> Markup {
    let place = b.broken.line.map(|n| format!("Line {n}: ")).unwrap_or_default();
    html! {
        div.notice data-st="input" role="status" {
            (icon::icon("triangle-alert"))
            div {
                b { code { "tasks/" (b.file) } " can’t be read, so it doesn’t run." }
                " " span dir="auto" { (place) (b.broken.reason) } ". The other tasks run on."
            }
            @if may_edit { a.btn.tight href=(format!("{}/edit", href(&b.name))) { "Show the file" } }
        }
    }
}

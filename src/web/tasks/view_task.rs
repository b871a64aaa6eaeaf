//! One task: its head, its runs with what they said, and the page where its file is edited.

use crate::base::error::FieldError;
use crate::domain::ids::TaskRunId;
use crate::domain::task::schedule::local_words;
use crate::domain::task::{TaskRun, TaskRunState};
use crate::domain::text::end_bytes;
use crate::domain::time::span_words;
use crate::web::tasks::view;
use crate::web::tasks::view::{BrokenFile, TaskLine};
use crate::web::ticket::view_edit::changed;
use crate::web::ui::paused;
use crate::web::ui::paused::PausedProfile;
use crate::web::ui::{Ctx, form, icon, stream, when};
use maud::{Markup, html};

/// What the page shows.
#[derive(Debug, Clone)]
pub struct TaskPage {
    /// The task; none where its file is broken.
    pub line: Option<TaskLine>,
    /// Why it is broken.
    pub broken: Option<BrokenFile>,
    /// Its profile rests.
    pub paused_profile: Option<PausedProfile>,
    /// Its name.
    pub name: String,
    /// What it is for, or its prompt.
    pub body: String,
    /// Settings that differ from the usual: name and value.
    pub settings: Vec<(&'static str, String)>,
    /// Its runs, newest first.
    pub runs: Vec<TaskRun>,
    /// Where the older ones begin.
    pub older: Option<TaskRunId>,
    /// The visitor may run, pause and edit.
    pub may_change: bool,
    /// The reader may write its file.
    pub may_edit: bool,
}

/// The page's main part.
#[must_use]
pub fn page(t: &TaskPage, live: bool, cx: Ctx<'_>) -> Markup {
    html! {
        @if live { (stream::connect(&format!("{}/stream", view::href(&t.name)))) }
        div.taskpage {
            (head(t, cx))
            @if !t.body.is_empty() {
                section { div.sect { h2 { "What it is for" } } pre.command dir="auto" { (t.body) } }
            }
            (runs(t, cx))
        }
    }
}

/// Name, schedule, buttons: `#taskhead`.
#[must_use]
pub fn head(t: &TaskPage, cx: Ctx<'_>) -> Markup {
    html! {
        section #taskhead {
            div.taskhead {
                h1 dir="auto" { (t.name) }
                @if t.may_change {
                    div.btns {
                        @if let Some(line) = &t.line { (view::actions(line, cx)) }
                        @if t.may_edit {
                            a.btn.tight.bare href=(format!("{}/edit", view::href(&t.name))) { (icon::small("pencil")) " Edit" }
                        }
                    }
                }
            }
            @if let Some(r) = &t.paused_profile { (paused::pointer(r, cx)) }
            @if let Some(b) = &t.broken { (view::broken(b, t.may_edit)) }
            @if let Some(line) = &t.line {
                dl.dl {
                    dt { "When" } dd { (line.when) }
                    dt { "Next" } dd { (view::next_due(line, cx)) }
                    dt { "Streak" } dd { (view::streak(line)) }
                    dt { "Last runs" } dd { (view::strip(&line.strip)) }
                    @for (name, value) in &t.settings { dt { (name) } dd { code dir="auto" { (value) } } }
                }
            }
        }
    }
}

/// Its runs: `#taskruns`.
#[must_use]
pub fn runs(t: &TaskPage, cx: Ctx<'_>) -> Markup {
    html! {
        section #taskruns {
            div.sect { h2 { "Runs" } }
            @if t.runs.is_empty() { p.small.quiet { "None yet." } }
            ol.taskruns { @for r in &t.runs { (run(t, r, cx)) } }
            @if let Some(older) = t.older { p { a.btn.tight href=(format!("{}?before={older}", view::href(&t.name))) { "Older runs" } } }
        }
    }
}

/// Bytes of a run's output on the page: its end, for the page must stay light on a phone.
const OUTPUT_SHOWN: usize = 2_000;

fn run(t: &TaskPage, r: &TaskRun, cx: Ctx<'_>) -> Markup {
    let zone = t.line.as_ref().map_or(chrono_tz::UTC, |l| l.zone);
    html! {
        li id=(format!("tr-{}", r.id)) {
            div.top {
                b.(tone(r.state)) { (view::state_words(r.state)) }
                @match r.due_at {
                    Some(due) => span { "due " (local_words(due, zone)) },
                    None => span { "by hand" @if !r.author.is_empty() { ", " span dir="auto" { (r.author) } } },
                }
                @if r.attempt > 1 { span.faint { "attempt " (r.attempt) } }
                @if let Some(code) = r.exit_code.filter(|c| *c != 0) { span.faint { "exit code " (code) } }
                @if let Some(signal) = r.signal { span.faint { "signal " (signal) } }
                @if let (Some(from), Some(to)) = (r.started_at, r.ended_at) { span.faint { "took " (took(to.since(from))) } }
                span.end { (when::ago(r.ended_at.or(r.started_at).unwrap_or(r.created_at), cx.now)) }
            }
            @if let Some(note) = &r.note { p.note { (note) } }
            @if let Some(at) = r.not_before.filter(|_| r.state == TaskRunState::Waiting) { p.note { "begins " (when::ago(at, cx.now)) } }
            @if !r.output.trim().is_empty() {
                @let (end, more) = end_bytes(&r.output, OUTPUT_SHOWN);
                details id=(format!("out-{}", r.id)) {
                    summary { "Output, " (r.output_bytes) " bytes" }
                    @if more { p { a.btn.tight href=(format!("{}/runs/{}/output", view::href(&t.name), r.id)) { "All of it" } span.faint { " Below is its end." } } }
                    pre tabindex="0" { (end) }
                }
            }
        }
    }
}

fn took(ms: i64) -> String {
    if ms < 1000 { format!("{ms} ms") } else { span_words(ms) }
}

fn tone(state: TaskRunState) -> &'static str {
    match state {
        TaskRunState::Ok => "good",
        TaskRunState::Failed | TaskRunState::AuthFailed | TaskRunState::Lost => "bad",
        TaskRunState::TimedOut => "late",
        TaskRunState::Skipped | TaskRunState::Missed | TaskRunState::Overlapped => "none",
        TaskRunState::Waiting | TaskRunState::Running => "live",
    }
}

/// The page where a task's file is edited.
#[derive(Debug, Clone)]
pub struct TaskEdit {
    /// The task.
    pub name: String,
    /// Its file.
    pub file: String,
    /// The text, as it is or as it was typed.
    pub text: String,
    /// Of the text the writer saw, or of the one that what is typed is to replace.
    pub hash: String,
    /// The file changed after the form was opened.
    pub changed: bool,
    /// What is wrong with it.
    pub errors: Vec<FieldError>,
}

/// The form, `#taskedit`.
#[must_use]
pub fn edit(e: &TaskEdit, cx: Ctx<'_>) -> Markup {
    let path = format!("{}/edit", view::href(&e.name));
    html! {
        form.sheetform #taskedit method="post" action=(path) hx-post=(path) hx-swap="none" hx-sync="this:drop"
            hx-status:422="swap:outerMorph" hx-status:409="swap:outerMorph" {
            (form::client_id(cx, "task"))
            input type="hidden" name="hash" value=(e.hash);
            input type="hidden" name="file" value=(e.file);
            h1 { "Edit " code { "tasks/" (e.file) } }
            (form::other_errors(&e.errors, &["text"]))
            div.field {
                label for="t-text" { "The file" }
                textarea.input.tall #t-text name="text" rows="22" spellcheck="false" autocomplete="off" { "\n" (e.text) }
                (form::field_error(&e.errors, "text"))
                p.hint { "Front matter between two lines of three dashes, then what it is for, or the prompt." }
            }
            @if e.changed { (changed(&path, "")) }
            div.btns { button.btn.primary type="submit" { "Save" } " " a.btn.bare href=(view::href(&e.name)) { "Cancel" } }
        }
    }
}

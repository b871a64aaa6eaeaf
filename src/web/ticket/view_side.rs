//! The side of a ticket: facts, attempts, evidence.

use crate::domain::ids::TicketId;
use crate::domain::run::{Run, RunState};
use crate::domain::ticket::evidence::Evidence;
use crate::domain::time::span_words;
use crate::web::ticket::view_comment::evidence_row;
use crate::web::ticket::view_head::Head;
use crate::web::ui::{Ctx, icon, when, words};
use maud::{Markup, html};

/// The facts, `#facts`: people, timing, evidence, attempts, advanced.
#[must_use]
pub fn facts(head: &Head, runs: &[Run], evidence: &[Evidence], cx: Ctx<'_>) -> Markup {
    let t = &head.ticket;
    html! {
        section.panel #facts aria-label="Facts" {
            h2 { "People and timing" }
            dl.dl {
                dt { "Asked by" } dd dir="auto" { (t.created_by) }
                dt { "Works on it" } dd { (icon::role(&t.role)) }
                @if let Some(parent) = t.parent { dt { "Part of" } dd { a.id href=(format!("/tickets/{parent}")) { (parent) } } }
                dt { "Priority" } dd { (icon::priority(t.priority)) (words::priority(t.priority)) }
                dt { "Project" } dd dir="auto" { @if t.project.is_empty() { "none" } @else { (t.project) } }
                dt { "Kind of work" } dd { (words::work_class(t.work_class)) }
                dt { "Made" } dd { (when::ago(t.created_at, cx.now)) }
                dt { (words::status(t.status)) " since" } dd { (when::span(t.status_since, cx.now)) }
                @if let Some(at) = t.not_before.filter(|at| *at > cx.now) { dt { "Not before" } dd { (when::ago(at, cx.now)) } }
                dt { "Changed" } dd { (when::ago(t.updated_at, cx.now)) }
            }
            (shown(evidence))
            (attempts(t.id, runs, cx))
            details.fold-in {
                summary { (icon::icon("chevron-right")) "Advanced" }
                dl.dl {
                    dt { "Profile" } dd { code { (t.profile.as_deref().unwrap_or("default")) } }
                    @if let Some(session) = &t.session_id { dt { "Session" } dd { code { (session) } } }
                    @if let Some(r) = runs.first() { (place(r)) }
                    dt { "Retries" } dd { (t.retries) }
                    dt { "Version" } dd { (t.version) }
                }
            }
        }
    }
}

fn shown(evidence: &[Evidence]) -> Markup {
    html! {
        section #evidence {
            @if !evidence.is_empty() {
                h2 { "Evidence" }
                ul.evidence.rows.boxed { @for e in evidence { (evidence_row(e)) } }
            }
        }
    }
}

/// The attempts, `#attempts`, newest first.
#[must_use]
pub fn attempts(ticket: TicketId, runs: &[Run], cx: Ctx<'_>) -> Markup {
    html! {
        section #attempts data-ticket=(ticket) {
            @if !runs.is_empty() {
                h2 { "Attempts" }
                ol.attempts { @for r in runs { (attempt(r, cx)) } }
            }
        }
    }
}

fn attempt(r: &Run, cx: Ctx<'_>) -> Markup {
    let bad = matches!(r.state, RunState::Failed | RunState::Lost);
    let outcome = match (&r.verdict, &r.failure) {
        (_, Some(f)) => f.text.clone(),
        (Some(v), None) => words::verdict(*v).to_owned(),
        (None, None) => words::run_state(r.state).to_owned(),
    };
    html! {
        li id=(format!("attempt-{}", r.id)) {
            details.fold-in {
                summary.bad[bad] {
                    (icon::icon("chevron-right"))
                    b { "Attempt " (r.attempt) } span.what dir="auto" { (outcome) }
                    (when::clock(r.created_at, cx.now))
                }
                dl.dl {
                    dt { "Why" } dd { (words::reason(r.reason)) }
                    dt { "State" } dd { (words::run_state(r.state)) }
                    @if let Some(v) = r.verdict { dt { "Verdict" } dd { (words::verdict(v)) } }
                    @if let Some(f) = &r.failure {
                        dt { "Failure" } dd dir="auto" { code { (f.code) } " " (f.text) }
                        dt { "What to do" } dd { (f.code.advice()) }
                    }
                    dt { "Started" } dd { @match r.started_at { Some(at) => (when::ago(at, cx.now)), None => "not yet" } }
                    @if let (Some(from), Some(to)) = (r.started_at, r.ended_at) { dt { "Took" } dd { (span_words(to.since(from))) } }
                    @if let Some(code) = r.exit_code { dt { "Exit code" } dd { (code) } }
                    @if let Some(signal) = r.signal { dt { "Signal" } dd { (signal) } }
                    dt { "Profile" } dd { code { (r.profile) } }
                    (place(r))
                    @if r.cost_usd > 0.0 { dt { "Cost" } dd { (format!("${:.2}", r.cost_usd)) } }
                    @if let Some(note) = &r.note { dt { "Note" } dd dir="auto" { (note) } }
                    dt { "Log" } dd { a href=(format!("/api/v1/runs/{}/log", r.id)) download { "Raw log" } }
                }
            }
        }
    }
}

/// Where a run works: session, folder, branch, process.
fn place(r: &Run) -> Markup {
    let rows = [("Session", &r.session_id), ("Folder", &r.cwd), ("Branch", &r.branch), ("Base", &r.base_commit)];
    html! {
        @for (name, value) in rows { @if let Some(value) = value { dt { (name) } dd { code { (value) } } } }
        @if let Some(pid) = r.pid { dt { "Process" } dd { code { (pid) } @if r.host != "local" { " on " (r.host) } } }
    }
}

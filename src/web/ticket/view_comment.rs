//! What was said on a ticket: people and agents in full, the system in one small line.

use crate::base::text::capitalised;
use crate::domain::run::verdict;
use crate::domain::text::cut_chars;
use crate::domain::ticket::comment::{Comment, CommentKind, Source};
use crate::domain::ticket::evidence::Evidence;
use crate::domain::ticket::message::{Message, MessageState};
use crate::web::ui::markdown::markdown;
use crate::web::ui::{Ctx, icon, when, words};
use maud::{Markup, html};

/// A comment with what belongs to it.
#[derive(Debug, Clone)]
pub struct TalkEntry {
    /// The comment.
    pub comment: Comment,
    /// For a result: what its run showed.
    pub evidence: Vec<Evidence>,
    /// For a reply to a live run: whether the agent has read it.
    pub message: Option<Message>,
}

/// The comment, `#c-<id>`.
#[must_use]
pub fn comment(s: &TalkEntry, cx: Ctx<'_>) -> Markup {
    let c = &s.comment;
    match (c.kind, c.source) {
        (CommentKind::TerminalState, _) => terminal(c, cx),
        (CommentKind::Decision, _) | (CommentKind::Comment, Source::System) => small(c, cx),
        (CommentKind::Comment | CommentKind::Result, _) => said(s, cx),
    }
}

fn said(s: &TalkEntry, cx: Ctx<'_>) -> Markup {
    let c = &s.comment;
    let person = matches!(c.source, Source::Human | Source::Telegram);
    // An agent's DONE: or REVIEW: is for us; the head says it in our words.
    let plain = if c.kind == CommentKind::Result {
        verdict::prefix(&c.body).map(|(_, rest)| capitalised(&rest)).filter(|rest| !rest.is_empty())
    } else {
        None
    };
    html! {
        article.msg.you[person] id=(id(c)) {
            (icon::avatar(&c.author))
            div {
                p.by {
                    b dir="auto" { (c.author) }
                    @if c.kind == CommentKind::Result { span { "result" } } @else if let Some(word) = words::source(c.source) { span { (word) } }
                    (when::ago(c.created_at, cx.now))
                }
                (markdown(plain.as_deref().unwrap_or(&c.body)))
                @if !s.evidence.is_empty() { (evidence(&s.evidence)) }
                @if let Some(m) = &s.message { (delivery(m, cx)) }
            }
        }
    }
}

/// An abnormal end: what happened, what was kept, what to do.
fn terminal(c: &Comment, cx: Ctx<'_>) -> Markup {
    html! {
        article.notice.terminal id=(id(c)) data-st="blocked" {
            (icon::icon("triangle-alert"))
            div { (markdown(&c.body)) }
            span.faint { (when::ago(c.created_at, cx.now)) }
        }
    }
}

/// A move, an approval, a note of the system: one line; a long one unfolds.
fn small(c: &Comment, cx: Ctx<'_>) -> Markup {
    let first = c.body.lines().next().unwrap_or("").trim();
    let (short, cut) = cut_chars(first, 160);
    let long = cut || c.body.trim().lines().count() > 1;
    let by = if c.source == Source::System { String::new() } else { format!("{}: ", c.author) };
    html! {
        @if long {
            details.fold-in.sys-long id=(id(c)) {
                summary { (icon::icon("chevron-right")) span dir="auto" { (by) (short) @if cut { "…" } } (when::clock(c.created_at, cx.now)) }
                (markdown(&c.body))
            }
        } @else {
            p.sys id=(id(c)) {
                (icon::icon(if c.kind == CommentKind::Decision { "arrow-right" } else { "info" }))
                span dir="auto" { (by) (short) }
                (when::clock(c.created_at, cx.now))
            }
        }
    }
}

fn id(c: &Comment) -> String {
    format!("c-{}", c.id)
}

/// What a run showed, as a slip inside its result.
fn evidence(list: &[Evidence]) -> Markup {
    html! {
        section.slip aria-label="Evidence" {
            header { (icon::small("shield-check")) b { "Evidence" } span { (words::counted(i64::try_from(list.len()).unwrap_or(0), "piece", "pieces")) } }
            ul.evidence.rows { @for e in list { (evidence_row(e)) } }
        }
    }
}

/// A piece of evidence as a row.
#[must_use]
pub fn evidence_row(e: &Evidence) -> Markup {
    let sign = match e.kind.as_str() {
        "test" | "tests" => "check",
        "commit" | "branch" => "git-branch",
        "link" | "url" => "external-link",
        "screenshot" | "image" => "image",
        _ => "file-text",
    };
    html! {
        li data-evidence=(e.id) {
            (icon::icon(sign))
            b dir="auto" { (capitalised(&e.kind)) }
            @if e.detail.trim().is_empty() { span dir="auto" { (e.label) } }
            @else { details { summary dir="auto" { (e.label) } (markdown(&e.detail)) } }
        }
    }
}

/// Whether a queued message was delivered, `#m-<id>`.
#[must_use]
pub fn delivery(m: &Message, cx: Ctx<'_>) -> Markup {
    let sign = match m.state {
        MessageState::Pending | MessageState::Claimed => "hourglass",
        MessageState::Delivered => "check",
        MessageState::Failed => "circle-x",
    };
    html! {
        p.sys.delivery.failed[m.state == MessageState::Failed] id=(format!("m-{}", m.id)) data-state=(m.state.as_str()) {
            (icon::icon(sign))
            span dir="auto" { (words::message(m.state)) @if let Some(reason) = &m.reason { ": " (reason) } }
            (when::clock(m.created_at, cx.now))
        }
    }
}

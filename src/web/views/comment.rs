//! What was said on a ticket: people and agents in full, the system in one small line.

use crate::domain::comment::Comment;
use crate::domain::evidence::Evidence;
use crate::domain::message::Message;
use crate::web::ui::Ctx;
use maud::{Markup, html};

/// A comment with what belongs to it.
#[derive(Debug, Clone)]
pub struct Said {
    /// The comment.
    pub comment: Comment,
    /// For a result: what its run showed.
    pub evidence: Vec<Evidence>,
    /// For a reply to a live run: whether the agent has read it.
    pub message: Option<Message>,
}

/// The comment, `#c-<id>`.
#[must_use]
pub fn comment(s: &Said, cx: Ctx<'_>) -> Markup {
    let _ = (s, cx);
    html! {}
}

/// Whether a queued message was delivered, `#m-<id>`.
#[must_use]
pub fn delivery(m: &Message, cx: Ctx<'_>) -> Markup {
    let _ = (m, cx);
    html! {}
}

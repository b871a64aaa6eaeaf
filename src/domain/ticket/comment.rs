//! Comments: what people, agents and Mission Control say on a ticket.

use crate::domain::ids::{CommentId, RunId, TicketId};
use crate::domain::ticket::text_enum;
use crate::domain::time::Time;

/// Where a comment came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// A person in the browser.
    Human,
    /// A run's agent.
    Agent,
    /// Mission Control itself.
    System,
    /// A script with a token.
    Api,
    /// A person through Telegram.
    Telegram,
}
text_enum!(Source { Human = "human", Agent = "agent", System = "system", Api = "api", Telegram = "telegram" });

/// What a comment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CommentKind {
    /// Something said.
    Comment,
    /// The result of a run.
    Result,
    /// The contract comment after an abnormal end.
    TerminalState,
    /// A move, an approval, a stop: derived from a change of the ticket.
    Decision,
}
text_enum!(CommentKind { Comment = "comment", Result = "result", TerminalState = "terminal_state", Decision = "decision" });

/// A comment as stored.
#[derive(Debug, Clone)]
pub struct Comment {
    /// Its number.
    pub id: CommentId,
    /// The ticket.
    pub ticket: TicketId,
    /// The run it came from or belongs to.
    pub run: Option<RunId>,
    /// Shown name of who said it.
    pub author: String,
    /// Where it came from.
    pub source: Source,
    /// What it is.
    pub kind: CommentKind,
    /// Markdown.
    pub body: String,
    /// When.
    pub created_at: Time,
}

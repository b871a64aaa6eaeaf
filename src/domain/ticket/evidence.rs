//! Evidence: what a run shows for its work, and what its agent reported by command.

use crate::domain::ids::{RunId, TicketId};
use crate::domain::ticket::text_enum;
use crate::domain::time::Time;

/// A piece of evidence as stored.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// Its number.
    pub id: i64,
    /// The ticket.
    pub ticket: TicketId,
    /// The run that showed it.
    pub run: Option<RunId>,
    /// What kind: `test`, `commit`, `link`, `note`, …; free text.
    pub kind: String,
    /// One line.
    pub label: String,
    /// More: output, a path, an address. Markdown.
    pub detail: String,
    /// When.
    pub created_at: Time,
}

/// What an agent can report by command or HTTP with its run's token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReportKind {
    /// It is finished.
    Done,
    /// A person must look.
    Review,
    /// It needs an answer.
    Question,
    /// It says something.
    Comment,
    /// It shows something.
    Evidence,
}
text_enum!(ReportKind { Done = "done", Review = "review", Question = "question", Comment = "comment", Evidence = "evidence" });

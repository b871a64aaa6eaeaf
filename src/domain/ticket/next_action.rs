//! What moves a ticket next, and when: computed from rows, never stored.

use crate::domain::ticket::text_enum;
use crate::domain::time::Time;

/// What kind of move comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NextKind {
    /// A person sorts it: start, plan or drop.
    Triage,
    /// Dispatch takes it when a slot is free.
    Queued,
    /// Its worker runs.
    Working,
    /// Its worker is being stopped.
    Stopping,
    /// A person answers.
    Answer,
    /// A person looks at the result.
    Review,
    /// A person mends what blocks it.
    Unblock,
    /// Other tickets must be done first.
    WaitsFor,
    /// A time must come (back-off, limit reset).
    Later,
    /// Nothing: it is closed.
    Nothing,
}
text_enum!(NextKind {
    Triage = "triage", Queued = "queued", Working = "working", Stopping = "stopping", Answer = "answer",
    Review = "review", Unblock = "unblock", WaitsFor = "waits_for", Later = "later", Nothing = "nothing",
});

/// The next move of a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextAction {
    /// What kind.
    pub kind: NextKind,
    /// In words a person would say.
    pub text: String,
    /// When it happens by itself, or since when it is so.
    pub at: Option<Time>,
}

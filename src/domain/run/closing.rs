//! All that is known when a run is closed, and what becomes of its ticket.

use crate::domain::ticket::Status;

/// What becomes of a ticket when its run is concluded.
#[derive(Debug, Clone)]
pub enum Next {
    /// It stands there from now on.
    Status(Status),
    /// It is asked for again, not before that moment. `counted` where this used up a retry.
    Again {
        /// When.
        not_before: crate::domain::time::Time,
        /// Whether it counts as a retry.
        counted: bool,
    },
    /// It starts again at once, without its session.
    ColdStart,
}

/// Everything that is known when a run is closed.
#[derive(Debug, Clone)]
pub struct Closing {
    /// How it was judged.
    pub conclusion: crate::domain::run::conclude::Conclusion,
    /// What follows for the ticket.
    pub next: Next,
    /// Exit code and signal of the agent.
    pub exit: (Option<i32>, Option<i32>),
    /// The session the agent really had, if it began one.
    pub session_id: Option<String>,
    /// Whether the agent began to read its brief.
    pub began: bool,
    /// The terminal-state comment, for an abnormal end.
    pub terminal: Option<String>,
    /// Who speaks in the result comment.
    pub author: String,
    /// A pause this end puts on the profile: reason and end.
    pub pause: Option<(String, Option<crate::domain::time::Time>)>,
    /// Evidence found by ourselves: kind, label, detail.
    pub evidence: Vec<(String, String, String)>,
}

//! Proposals: actions in an answer of Luci's, as one documented JSON block; shown as cards, applied at most once.

use crate::domain::ids::{ProposalId, TurnId};
use crate::domain::ticket::text_enum;
use crate::domain::time::Time;

/// Where a proposal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProposalState {
    /// Waits for the owner's word.
    Open,
    /// Done; undo may move it on.
    Applied,
    /// The owner does not want it. Terminal.
    Dismissed,
    /// Was applied, then taken back. Terminal.
    Undone,
    /// Cannot be done as it stands; the error says why. Terminal.
    Refused,
}
text_enum!(ProposalState {
    Open = "open", Applied = "applied", Dismissed = "dismissed", Undone = "undone", Refused = "refused",
});

/// What an action does. Each can be allowed to happen without asking, one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ActionKind {
    /// Makes a ticket.
    CreateTicket,
    /// Says something on a ticket.
    Comment,
    /// Moves a ticket.
    Move,
    /// Gives a ticket to another role.
    Assign,
    /// Starts a ticket.
    Start,
    /// Answers the question a ticket waits with.
    AnswerQuestion,
    /// Tells the owner something.
    Notify,
    /// Leaves something as it is, and says so.
    Ignore,
    /// Asks the owner something.
    AskOwner,
}
text_enum!(ActionKind {
    CreateTicket = "create_ticket", Comment = "comment", Move = "move", Assign = "assign", Start = "start",
    AnswerQuestion = "answer_question", Notify = "notify", Ignore = "ignore", AskOwner = "ask_owner",
});

/// A proposal as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// Its number.
    pub id: ProposalId,
    /// The turn whose answer it stands in.
    pub turn: TurnId,
    /// Its place in the block, from 0.
    pub position: i64,
    /// What it does.
    pub kind: ActionKind,
    /// The action, JSON.
    pub body: String,
    /// Where it stands.
    pub state: ProposalState,
    /// What it made, JSON; for undo and for links.
    pub result: Option<String>,
    /// Why it was refused or could not be applied.
    pub error: Option<String>,
    /// Who decided.
    pub decided_by: Option<String>,
    /// When.
    pub decided_at: Option<Time>,
    /// When it was made.
    pub created_at: Time,
}

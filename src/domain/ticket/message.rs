//! Messages: a person's words queued for a run that is live; delivered exactly once.

use crate::domain::ids::{CommentId, MessageId, RunId, TicketId};
use crate::domain::ticket::text_enum;
use crate::domain::time::Time;

/// Where a queued message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MessageState {
    /// Waits for the live run to end. The conclusion of that run takes it into the next one.
    Pending,
    /// In the brief of a run whose agent is not yet seen. The launch delivers it; a failed launch gives it back.
    Claimed,
    /// In the brief of a run that started. Terminal.
    Delivered,
    /// Could not be delivered; the reason is beside it and a person is told. Terminal.
    Failed,
}
text_enum!(MessageState { Pending = "pending", Claimed = "claimed", Delivered = "delivered", Failed = "failed" });

/// A queued message as stored.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its number.
    pub id: MessageId,
    /// The ticket.
    pub ticket: TicketId,
    /// The comment that carries its words.
    pub comment: CommentId,
    /// The words.
    pub body: String,
    /// Where it stands.
    pub state: MessageState,
    /// The run that carries or carried it.
    pub run: Option<RunId>,
    /// Why it failed.
    pub reason: Option<String>,
    /// When it was queued.
    pub created_at: Time,
}

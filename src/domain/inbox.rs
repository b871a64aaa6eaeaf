//! The orchestrator's inbox: the words that the scheduler shares with it.

use super::ticket::text_enum;

/// How urgent an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum InboxPriority {
    /// Told to the owner where nobody has read it after a quarter of an hour.
    Critical,
    /// As most are.
    #[default]
    Normal,
    /// Can wait behind all others.
    Low,
}
text_enum!(InboxPriority { Critical = "critical", Normal = "normal", Low = "low" });

/// How a scheduled task's run went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OutcomeClass {
    /// Well.
    Ok,
    /// It failed.
    Failed,
    /// It was ended at its time limit.
    TimedOut,
    /// A login was refused.
    AuthFailed,
}
text_enum!(OutcomeClass { Ok = "ok", Failed = "failed", TimedOut = "timed_out", AuthFailed = "auth_failed" });

/// Where a task's outcomes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Notify {
    /// Into the inbox.
    #[default]
    Inbox,
    /// To the owner.
    Direct,
    /// To both.
    Both,
}
text_enum!(Notify { Inbox = "inbox", Direct = "direct", Both = "both" });

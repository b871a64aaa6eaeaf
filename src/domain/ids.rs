//! Identifiers as types of their own, so that a run can never be passed for a ticket.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

id!(
    /// A run: one execution of an agent for a ticket.
    RunId
);
id!(
    /// A stored event; also the cursor of a ticket's event stream.
    EventId
);
id!(
    /// A comment on a ticket.
    CommentId
);
id!(
    /// A message queued for a run.
    MessageId
);
id!(
    /// A change of a ticket; also the cursor of the board's stream.
    ChangeId
);

id!(
    /// A conversation of the orchestrator's agent.
    SessionId
);
id!(
    /// One prompt to the orchestrator and its reply.
    TurnId
);
id!(
    /// An action that the orchestrator suggests.
    ProposalId
);
id!(
    /// A task run: one due time of a task, or one run of it by hand.
    TaskRunId
);

id!(
    /// An item of the orchestrator's inbox.
    ItemId
);

id!(
    /// Something the owner is told outside the page.
    NoticeId
);

/// The number of a ticket. Written `MC-12`; `12` and `mc-12` are read as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TicketId(pub i64);

impl fmt::Display for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MC-{}", self.0)
    }
}

/// The text was no ticket identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is no ticket identifier: write MC-12 or 12")]
pub struct NoTicketId;

impl FromStr for TicketId {
    type Err = NoTicketId;

    fn from_str(text: &str) -> Result<Self, NoTicketId> {
        let digits = match text.get(..3) {
            Some(prefix) if prefix.eq_ignore_ascii_case("mc-") => &text[3..],
            Some(_) | None => text,
        };
        if digits.is_empty() || digits.len() > 18 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(NoTicketId);
        }
        match digits.parse::<i64>() {
            Ok(n) if n > 0 => Ok(TicketId(n)),
            Ok(_) | Err(_) => Err(NoTicketId),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_name_the_same_ticket() {
        assert_eq!("MC-12".parse(), Ok(TicketId(12)));
        assert_eq!("mc-12".parse(), Ok(TicketId(12)));
        assert_eq!("12".parse(), Ok(TicketId(12)));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "MC-", "-1", "0", "MC--1", "9223372036854775808", "1e3", "MC-1/../2", "１２", "12 "] {
            assert_eq!(text.parse::<TicketId>(), Err(NoTicketId), "{text:?}");
        }
    }
}

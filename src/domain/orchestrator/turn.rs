//! Turns: one prompt to the persistent session and its reply. Durable, one in flight, answered in order.

use crate::domain::ids::{SessionId, TurnId};
use crate::domain::ticket::text_enum;
use crate::domain::time::Time;

/// Bytes of a message that one turn may carry.
pub const MESSAGE_MAX: usize = 200_000;

/// Where a turn stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TurnState {
    /// In the queue. The orchestrator claims it when the session is free; a person may cancel it.
    Pending,
    /// Taken by the orchestrator, not yet past the point of no return. A restart looks for its nonce and gives it back
    /// where that is nowhere.
    Claimed,
    /// Past the point of no return: perhaps, and then certainly, in the agent's hands. The orchestrator harvests it.
    Sent,
    /// Its reply is here. Terminal.
    Answered,
    /// There will be no reply; the error says why. Terminal, unless a person retries it.
    Failed,
    /// Withdrawn while queued, or interrupted while worked on. Terminal.
    Cancelled,
}
text_enum!(TurnState {
    Pending = "pending", Claimed = "claimed", Sent = "sent",
    Answered = "answered", Failed = "failed", Cancelled = "cancelled",
});

impl TurnState {
    /// Something is still to come.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, TurnState::Pending | TurnState::Claimed | TurnState::Sent)
    }

    /// The orchestrator has it in its hands.
    #[must_use]
    pub fn in_flight(self) -> bool {
        matches!(self, TurnState::Claimed | TurnState::Sent)
    }
}

/// Where a turn comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TurnOrigin {
    /// A person.
    Human,
    /// A digest of the inbox.
    Digest,
    /// A ticket.
    Ticket,
    /// Ourselves: asks for the note that the next session begins with. Not shown.
    HandOver,
    /// Ourselves: says why the proposals of an answer were refused.
    Correction,
}
text_enum!(TurnOrigin {
    Human = "human", Digest = "digest", Ticket = "ticket", HandOver = "hand_over", Correction = "correction",
});

impl TurnOrigin {
    /// Its place in the queue: smaller goes first. People before digests.
    #[must_use]
    pub fn rank(self) -> i64 {
        match self {
            TurnOrigin::HandOver => 0,
            TurnOrigin::Human | TurnOrigin::Correction => 1,
            TurnOrigin::Ticket => 2,
            TurnOrigin::Digest => 3,
        }
    }
}

/// A turn as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Its number.
    pub id: TurnId,
    /// Who asks.
    pub origin: TurnOrigin,
    /// The name of who asks.
    pub author: String,
    /// The words, as they came.
    pub message: String,
    /// Where it stands.
    pub state: TurnState,
    /// Names this attempt, and nothing else ever; fences late writers. Set at the claim.
    pub nonce: Option<String>,
    /// The session that has or had it.
    pub session: Option<SessionId>,
    /// How often it was sent.
    pub attempts: i64,
    /// How often it came back unsent because a session fell.
    pub given_back: i64,
    /// Somebody pressed Interrupt.
    pub interrupt_wanted: bool,
    /// What the agent does for it now, in a few words.
    pub activity: Option<String>,
    /// Since when it does that.
    pub activity_at: Option<Time>,
    /// The reply, Markdown; of a failed or interrupted turn what there was of it.
    pub response: Option<String>,
    /// Why there is no reply, and what to do.
    pub error: Option<String>,
    /// When it was asked.
    pub created_at: Time,
    /// When it was taken.
    pub claimed_at: Option<Time>,
    /// When it went past the point of no return.
    pub sent_at: Option<Time>,
    /// When the agent was seen to have it.
    pub accepted_at: Option<Time>,
    /// When it ended.
    pub answered_at: Option<Time>,
    /// Turns before it, the one in flight counted; none once it is in flight or over.
    pub position: Option<i64>,
    /// Grows with each change; the cursor of open pages.
    pub change: i64,
}

impl Turn {
    /// The marker that ties the reply to this attempt; empty before the claim.
    #[must_use]
    pub fn marker(&self) -> String {
        self.nonce.as_deref().map(|nonce| marker(self.id, nonce)).unwrap_or_default()
    }

    /// What is put to the agent: the words without anything that could steer a terminal, and the marker.
    #[must_use]
    pub fn prompt(&self) -> String {
        self.words() + &self.marker()
    }

    /// The prompt up to its marker.
    #[must_use]
    pub fn words(&self) -> String {
        format!("{}\n\n", typed(&self.message))
    }
}

/// `[MC_TURN:<id>:<nonce>]`
#[must_use]
pub fn marker(id: TurnId, nonce: &str) -> String {
    format!("[MC_TURN:{id}:{nonce}]")
}

/// A message as it may be put into a terminal: line ends are `\n`, no control character but tab and newline is left,
/// so no paste can be ended from within. Of an escape sequence the harmless letters stay: words are never guessed away.
#[must_use]
pub fn typed(message: &str) -> String {
    let lines = message.replace("\r\n", "\n").replace('\r', "\n");
    let harmless: String = lines.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    harmless.trim_end().to_owned()
}

/// Whether a message may become a turn.
///
/// # Errors
/// Why not, to be read after the field's name.
pub fn check_message(message: &str) -> Result<(), String> {
    if message.len() > MESSAGE_MAX {
        return Err(format!("is longer than {MESSAGE_MAX} bytes: put it into a file of the workspace and name that"));
    }
    if message.contains('\0') {
        return Err("holds a NUL character".to_owned());
    }
    if typed(message).trim().is_empty() {
        return Err("is empty".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_typed_can_end_a_paste_or_steer_a_terminal() {
        let nasty = "one\r\ntwo\x1b[201~\x03rm\x1b]0;title\x07 \u{9b}31m three\ttab";
        let clean = typed(nasty);
        assert!(clean.starts_with("one\ntwo"), "{clean:?}");
        assert!(clean.contains("three\ttab"), "{clean:?}");
        assert!(clean.chars().all(|c| !c.is_control() || c == '\n' || c == '\t'), "{clean:?}");
    }

    #[test]
    fn empty_and_endless_messages_are_refused() {
        for bad in ["", " \n\t ", "\u{1b}\u{7}", "a\0b"] {
            assert!(check_message(bad).is_err(), "{bad:?}");
        }
        assert!(check_message(&"x".repeat(MESSAGE_MAX + 1)).is_err());
        assert!(check_message("hi").is_ok());
    }

    #[test]
    fn people_go_before_digests() {
        assert!(TurnOrigin::Human.rank() < TurnOrigin::Digest.rank());
        assert!(TurnOrigin::HandOver.rank() < TurnOrigin::Human.rank());
    }
}

//! The orchestrator's inbox: what schedules, workers and the API report, waiting to be read in a digest.

pub mod digest;

use crate::domain::ids::ItemId;
use crate::domain::text::{shortened, strip_control};
use crate::domain::ticket::text_enum;
use crate::domain::time::Time;
use chrono::NaiveDateTime;

/// Bytes of one item's message.
pub const MESSAGE_MAX: usize = 64 * 1024;
/// Characters of the name of what an item is about.
pub const SOURCE_ID_MAX: usize = 200;
/// Items in one digest.
pub const DIGEST_MAX: usize = 20;

/// How times stand in the inbox: SQLite's own format, in UTC.
const STAMP: &str = "%Y-%m-%d %H:%M:%S";

/// Who reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// A scheduled task.
    Scheduler,
    /// Pickup: a ticket was blocked, a run failed.
    Pickup,
    /// Anybody with a token.
    Api,
    /// The watchdog.
    SelfHeal,
}
text_enum!(Source { Scheduler = "scheduler", Pickup = "pickup", Api = "api", SelfHeal = "self_heal" });

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

/// Where an item stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ItemStatus {
    /// Waits. The drain claims it for the next digest.
    Pending,
    /// In the open digest. The drain decides it when the digest's turn is answered, and gives it back to `pending` when
    /// that fails, is cancelled, or the claim expires.
    Claimed,
    /// Read. Terminal; pruned after seven days.
    Processed,
    /// Read, and nothing to be done. Terminal; pruned after seven days.
    Ignored,
}
text_enum!(ItemStatus { Pending = "pending", Claimed = "claimed", Processed = "processed", Ignored = "ignored" });

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

impl OutcomeClass {
    /// As a report begins.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            OutcomeClass::Ok => "ok",
            OutcomeClass::Failed => "failed",
            OutcomeClass::TimedOut => "timed out",
            OutcomeClass::AuthFailed => "login refused",
        }
    }
}

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

/// An item as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its number.
    pub id: ItemId,
    /// Who reports.
    pub source: Source,
    /// What it is about: a task and its run, a ticket, whatever the sender calls it.
    pub source_id: Option<String>,
    /// The words, as they came: to be stripped of control characters where they are shown.
    pub message: String,
    /// How urgent it is.
    pub priority: InboxPriority,
    /// Where it stands.
    pub status: ItemStatus,
    /// When it came.
    pub created_at: Time,
    /// When it was decided.
    pub processed_at: Option<Time>,
    /// Until when the open digest has it.
    pub claim_expires_at: Option<Time>,
}

impl Item {
    /// Its first line, safe to show, at most so many characters.
    #[must_use]
    pub fn headline(&self, chars: usize) -> String {
        let clean = strip_control(&self.message);
        shortened(clean.lines().find(|l| !l.trim().is_empty()).unwrap_or_default(), chars)
    }

    /// What it is about, without the number of the one run: items of one task belong together.
    #[must_use]
    pub fn about(&self) -> &str {
        let whole = self.source_id.as_deref().unwrap_or_default();
        match (self.source, whole.rsplit_once('/')) {
            (Source::Scheduler, Some((task, _))) => task,
            (Source::Scheduler | Source::Pickup | Source::Api | Source::SelfHeal, _) => whole,
        }
    }
}

/// Whether a message may become an item.
///
/// # Errors
/// Why not, to be read after the field's name.
pub fn check_message(message: &str) -> Result<(), String> {
    if message.len() > MESSAGE_MAX {
        return Err(format!("is longer than {MESSAGE_MAX} bytes: say where the rest is to be found"));
    }
    if message.contains('\0') {
        return Err("holds a NUL character".to_owned());
    }
    if strip_control(message).trim().is_empty() {
        return Err("is empty".to_owned());
    }
    Ok(())
}

/// Whether a name may say what an item is about.
///
/// # Errors
/// Why not, to be read after the field's name.
pub fn check_source_id(name: &str) -> Result<(), String> {
    if name.chars().count() > SOURCE_ID_MAX {
        return Err(format!("is longer than {SOURCE_ID_MAX} characters"));
    }
    if name.chars().any(char::is_control) {
        return Err("holds a control character".to_owned());
    }
    Ok(())
}

/// A moment as the inbox keeps it: whole seconds.
#[must_use]
pub fn stamp(at: Time) -> String {
    at.utc().format(STAMP).to_string()
}

/// A moment read from the inbox; none where some other program wrote something else.
#[must_use]
pub fn moment(text: &str) -> Option<Time> {
    NaiveDateTime::parse_from_str(text, STAMP).ok().map(|at| Time(at.and_utc().timestamp_millis()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_kept_in_whole_seconds_and_read_back() {
        let at = Time(1_795_264_860_123);
        assert_eq!(stamp(at), "2026-11-21 12:41:00");
        assert_eq!(moment(&stamp(at)), Some(Time(1_795_264_860_000)));
        assert_eq!(moment("yesterday"), None);
    }

    #[test]
    fn messages_that_say_nothing_or_never_end_are_refused() {
        for bad in ["", " \n", "\u{1b}[31m\u{7}", "a\0b"] {
            assert!(check_message(bad).is_err(), "{bad:?}");
        }
        assert!(check_message(&"x".repeat(MESSAGE_MAX)).is_ok());
        assert!(check_message(&"x".repeat(MESSAGE_MAX + 1)).is_err());
    }

    #[test]
    fn a_headline_is_one_safe_line() {
        let mut item = Item {
            id: ItemId(1),
            source: Source::Scheduler,
            source_id: Some("nightly/17".to_owned()),
            message: "\n\u{1b}[31m  Mirror\tfailed \u{1b}]0;x\u{7}again \nsecond".to_owned(),
            priority: InboxPriority::Normal,
            status: ItemStatus::Pending,
            created_at: Time(0),
            processed_at: None,
            claim_expires_at: None,
        };
        assert_eq!(item.headline(80), "Mirror failed again");
        assert_eq!(item.headline(6), "Mirror…");
        assert_eq!(item.about(), "nightly");
        item.source = Source::Api;
        assert_eq!(item.about(), "nightly/17");
    }
}

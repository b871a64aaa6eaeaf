//! A ticket: the unit of delegated work, and the rules by which its status moves.

pub mod comment;
pub mod draft;
pub mod evidence;
pub mod message;
pub mod next_action;
pub mod shorthand;

use crate::base::text::capitalised;
use crate::domain::ids::{RunId, TicketId};
use crate::domain::time::Time;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// Gives an enum its stored text, both ways, from one table.
macro_rules! text_enum {
    ($name:ident { $($variant:ident = $text:literal),+ $(,)? }) => {
        impl $name {
            /// All variants, in their natural order.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The text that is stored and sent.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::domain::ticket::UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok($name::$variant),)+
                    other => Err($crate::domain::ticket::UnknownWord {
                        got: other.chars().take(40).collect(),
                        known: [$($text),+].join(", "),
                    }),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use text_enum;

/// A word that is none of those known at its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown: {got:?}; known are {known}")]
pub struct UnknownWord {
    /// What was given (at most 40 characters).
    pub got: String,
    /// What would have been understood.
    pub known: String,
}

/// Where a ticket stands. Machine things (runs, sessions) have a *state* instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Written down, not yet asked for. A person (or Luci) moves it to `todo` or starts it.
    Inbox,
    /// Asked for. Dispatch takes it when a slot is free and what it waits for is done.
    Todo,
    /// Exactly one run is live for it. The run's end moves it on; the reaper where the run died.
    InProgress,
    /// The agent asked something. A person's reply starts the next run.
    NeedsInput,
    /// The agent says it is finished and a person must look. Approve, or reply to send it back.
    InReview,
    /// Stopped trying: the terminal-state comment says why and what to do. A person moves it on.
    Blocked,
    /// Finished. Reopening is allowed and recorded.
    Done,
    /// Given up. Reopening is allowed and recorded.
    Cancelled,
}
text_enum!(Status {
    Inbox = "inbox", Todo = "todo", InProgress = "in_progress", NeedsInput = "needs_input",
    InReview = "in_review", Blocked = "blocked", Done = "done", Cancelled = "cancelled",
});

impl Status {
    /// The word a person reads.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Status::Inbox => "Inbox",
            Status::Todo => "To do",
            Status::InProgress => "In progress",
            Status::NeedsInput => "Needs input",
            Status::InReview => "In review",
            Status::Blocked => "Blocked",
            Status::Done => "Done",
            Status::Cancelled => "Cancelled",
        }
    }

    /// Waits for a person.
    #[must_use]
    pub fn needs_person(self) -> bool {
        matches!(self, Status::NeedsInput | Status::InReview | Status::Blocked)
    }

    /// Nothing more is to happen unless somebody reopens it.
    #[must_use]
    pub fn is_closed(self) -> bool {
        matches!(self, Status::Done | Status::Cancelled)
    }

    /// The moves a person may make from here. A move to `in_progress` starts a run; a move away from it
    /// stops the live run first.
    #[must_use]
    pub fn moves(self) -> &'static [Status] {
        use Status::{Blocked, Cancelled, Done, InProgress, InReview, Inbox, NeedsInput, Todo};
        match self {
            Inbox => &[Todo, InProgress, Done, Cancelled],
            Todo => &[Inbox, InProgress, Done, Cancelled],
            InProgress => &[Todo, InReview, Blocked, Done, Cancelled],
            NeedsInput => &[Todo, InProgress, InReview, Done, Cancelled],
            InReview => &[Todo, InProgress, Done, Cancelled],
            Blocked => &[Todo, InProgress, Done, Cancelled],
            Done => &[Todo, InReview],
            Cancelled => &[Inbox, Todo],
        }
    }

    /// Whether a person may move a ticket from here to `to`. Staying is always allowed.
    #[must_use]
    pub fn may_move_to(self, to: Status) -> bool {
        self == to || self.moves().contains(&to)
    }
}

/// How urgent. Stored as text beside its rank, because the words sort wrongly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Priority {
    /// Before everything else.
    Critical,
    /// Before normal work.
    High,
    /// The default.
    #[default]
    Normal,
    /// When nothing else waits.
    Low,
}
text_enum!(Priority { Critical = "critical", High = "high", Normal = "normal", Low = "low" });

impl Priority {
    /// 0 is most urgent. Dispatch orders by it.
    #[must_use]
    pub fn rank(self) -> i64 {
        match self {
            Priority::Critical => 0,
            Priority::High => 1,
            Priority::Normal => 2,
            Priority::Low => 3,
        }
    }
}

/// What kind of work it is; decides which evidence a DONE must show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum WorkClass {
    /// Code without a visible page.
    #[default]
    Code,
    /// Something a person sees in a browser.
    Ui,
    /// Something a person sees on a phone.
    Mobile,
    /// A decision or a plan.
    Architecture,
    /// Scheduled or operational work.
    Task,
}
text_enum!(WorkClass { Code = "code", Ui = "ui", Mobile = "mobile", Architecture = "architecture", Task = "task" });

/// Who a ticket is for. Lower-case name; `lucienne` is an alias of `luci`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Role(String);

impl Role {
    /// The roles known without configuration.
    pub const BUILT_IN: &'static [&'static str] = &["luci", "tessa", "scott", "atlas", "larry"];

    /// Reads a role's name, resolving aliases; `extra` are the configured ones.
    ///
    /// # Errors
    /// The name is not known.
    pub fn parse(text: &str, extra: &[String]) -> Result<Role, UnknownWord> {
        let name = text.trim().to_lowercase();
        let name = if name == "lucienne" { "luci".to_owned() } else { name };
        if Role::BUILT_IN.contains(&name.as_str()) || extra.contains(&name) {
            return Ok(Role(name));
        }
        Err(UnknownWord { got: name.chars().take(40).collect(), known: Role::BUILT_IN.join(", ") })
    }

    /// A role as stored; not checked again.
    #[must_use]
    pub fn stored(text: String) -> Role {
        Role(text)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// With a capital, as shown.
    #[must_use]
    pub fn label(&self) -> String {
        capitalised(&self.0)
    }
}

impl Default for Role {
    fn default() -> Self {
        Role("luci".to_owned())
    }
}

/// A ticket's title: one line, 1 to 500 characters, without control characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Title(String);

/// Why a text cannot be a title.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTitle {
    /// Nothing but blanks.
    #[error("is empty")]
    Empty,
    /// Longer than [`Title::MAX`].
    #[error("is {0} characters long; at most 500 are allowed")]
    TooLong(usize),
    /// Holds NUL, a line break or another control character.
    #[error("holds a control character")]
    Control,
}

impl Title {
    /// The most characters of a title.
    pub const MAX: usize = 500;

    /// As stored; not checked again.
    #[must_use]
    pub fn stored(text: String) -> Title {
        Title(text)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The default title of a message: its first line, at most 80 characters.
    #[must_use]
    pub fn from_message(message: &str) -> Option<Title> {
        let line = message.lines().map(str::trim).find(|l| !l.is_empty())?;
        let clean: String = line.chars().filter(|c| !c.is_control()).collect();
        let short: String = clean.chars().take(80).collect();
        short.parse().ok()
    }
}

impl FromStr for Title {
    type Err = BadTitle;

    fn from_str(text: &str) -> Result<Self, BadTitle> {
        let text = text.trim();
        if text.is_empty() {
            return Err(BadTitle::Empty);
        }
        let n = text.chars().count();
        if n > Title::MAX {
            return Err(BadTitle::TooLong(n));
        }
        if text.chars().any(char::is_control) {
            return Err(BadTitle::Control);
        }
        Ok(Title(text.to_owned()))
    }
}

/// A ticket as stored.
#[derive(Debug, Clone)]
pub struct Ticket {
    /// Its number.
    pub id: TicketId,
    /// One line.
    pub title: Title,
    /// Markdown; may be empty.
    pub description: String,
    /// Where it stands.
    pub status: Status,
    /// When it came to stand there.
    pub status_since: Time,
    /// How urgent.
    pub priority: Priority,
    /// Who it is for.
    pub role: Role,
    /// Project name; empty for none (general).
    pub project: String,
    /// Profile chosen for this ticket; none = the configured default.
    pub profile: Option<String>,
    /// What kind of work.
    pub work_class: WorkClass,
    /// The ticket it is a part of.
    pub parent: Option<TicketId>,
    /// The agent's session; replies resume it.
    pub session_id: Option<String>,
    /// The live run, or else the last one.
    pub run: Option<RunId>,
    /// Dispatch leaves it alone before this moment (back-off, limits).
    pub not_before: Option<Time>,
    /// Failed runs in a row since somebody last gave it a push; compared with the retry limit.
    pub retries: i64,
    /// True where not the owner but a ticket-bound token made it: needs a click before an unattended run.
    pub needs_approval: bool,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Time,
    /// When anything about it last changed.
    pub updated_at: Time,
    /// Counts changes; a stale form names an older one and is refused.
    pub version: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_one_clean_line() {
        assert_eq!("".parse::<Title>(), Err(BadTitle::Empty));
        assert_eq!("  \u{a0} ".parse::<Title>(), Err(BadTitle::Empty));
        assert_eq!("a\0b".parse::<Title>(), Err(BadTitle::Control));
        assert_eq!("a\nb".parse::<Title>(), Err(BadTitle::Control));
        assert_eq!("x".repeat(501).parse::<Title>(), Err(BadTitle::TooLong(501)));
        assert!("👩‍🚀 مرحبا <b>'; rm -rf /".parse::<Title>().is_ok());
    }

    #[test]
    fn a_message_gives_its_first_line_as_title() {
        let title = Title::from_message("\n  Fix the upload\nand more").expect("has a line");
        assert_eq!(title.as_str(), "Fix the upload");
        assert_eq!(Title::from_message(&"é".repeat(200)).expect("has a line").as_str().chars().count(), 80);
        assert_eq!(Title::from_message(" \n \t"), None);
    }

    #[test]
    fn every_status_can_be_left() {
        for status in Status::ALL {
            assert!(!status.moves().is_empty(), "{status} is a dead end");
            assert!(!status.moves().contains(status));
        }
    }

    #[test]
    fn lucienne_is_luci() {
        assert_eq!(Role::parse("Lucienne", &[]).expect("alias").as_str(), "luci");
        assert!(Role::parse("nobody", &[]).is_err());
        assert!(Role::parse("nobody", &["nobody".to_owned()]).is_ok());
    }
}

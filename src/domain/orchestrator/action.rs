//! Actions: what the orchestrator may suggest in an answer, field by field.

use crate::domain::ids::TicketId;
use crate::domain::orchestrator::proposal::ActionKind;
use crate::domain::text::{cut_chars, shortened};
use crate::domain::ticket::{Priority, Status, Title, WorkClass};
use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Characters of one text in an action.
pub const TEXT_MAX: usize = 50_000;
/// Characters of what is wrong with an action.
const WRONG_CHARS: usize = 400;
/// Options of a question to the owner.
pub const OPTIONS_MAX: usize = 10;

/// One action, as it stands in the block and in a proposal's body. Unknown kinds and fields are refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Makes a ticket.
    CreateTicket(CreateTicket),
    /// Says something on a ticket.
    Comment {
        /// Which.
        ticket: TicketRef,
        /// The words, Markdown.
        body: String,
    },
    /// Moves a ticket.
    Move {
        /// Which.
        ticket: TicketRef,
        /// Where to.
        status: Status,
    },
    /// Gives a ticket to another role.
    Assign {
        /// Which.
        ticket: TicketRef,
        /// To whom.
        role: String,
    },
    /// Starts a ticket.
    Start {
        /// Which.
        ticket: TicketRef,
    },
    /// Answers the question a ticket waits with.
    AnswerQuestion {
        /// Which.
        ticket: TicketRef,
        /// The words, Markdown.
        answer: String,
    },
    /// Tells the owner something.
    Notify {
        /// The words.
        text: String,
    },
    /// Leaves something as it is.
    Ignore {
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// Items of the inbox that are left.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        items: Vec<i64>,
    },
    /// Asks the owner something.
    AskOwner {
        /// The words.
        question: String,
        /// Answers to choose from.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        options: Vec<String>,
    },
}

/// A ticket to be made.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateTicket {
    /// A child may say its kind again.
    #[serde(default, skip_serializing, rename = "kind")]
    said: Option<SaidKind>,
    /// The name by which other actions of the block mean it.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// One line.
    pub title: String,
    /// Markdown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Who it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Where it belongs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// How urgent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// What kind of work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work_class: Option<WorkClass>,
    /// The ticket it is a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<TicketRef>,
    /// Tickets that must be done first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked_by: Vec<TicketRef>,
    /// Its parts. Empty once the block is read: they are actions of their own then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<CreateTicket>,
    /// Start it as soon as what it waits for is done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub start: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SaidKind {
    CreateTicket,
}

/// A ticket as an action names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TicketRef {
    /// `MC-12`, `"12"` or `12`.
    Known(TicketId),
    /// The `ref` of a `create_ticket` in the same block.
    Made(String),
}

impl fmt::Display for TicketRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TicketRef::Known(id) => id.fmt(f),
            TicketRef::Made(name) => f.write_str(name),
        }
    }
}

impl Serialize for TicketRef {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TicketRef {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<TicketRef, D::Error> {
        struct Words;
        impl Visitor<'_> for Words {
            type Value = TicketRef;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a ticket (\"MC-12\") or the \"ref\" of a create_ticket")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<TicketRef, E> {
                match text.parse() {
                    Ok(id) => Ok(TicketRef::Known(id)),
                    Err(_) if is_name(text) => Ok(TicketRef::Made(text.to_owned())),
                    Err(_) => Err(E::custom(format!("{:?} is neither a ticket (\"MC-12\") nor a ref", cut_chars(text, 40).0))),
                }
            }

            fn visit_i64<E: serde::de::Error>(self, n: i64) -> Result<TicketRef, E> {
                self.visit_str(&n.to_string())
            }

            fn visit_u64<E: serde::de::Error>(self, n: u64) -> Result<TicketRef, E> {
                self.visit_str(&n.to_string())
            }
        }
        d.deserialize_any(Words).map_err(D::Error::custom)
    }
}

/// Whether a text may be a `ref`: letters, digits, `_` and `-`, at most 40, and nothing that reads like a ticket.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let like_a_ticket = text.get(..3).is_some_and(|p| p.eq_ignore_ascii_case("mc-")) || text.bytes().all(|b| b.is_ascii_digit());
    text.len() <= 40 && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')) && !like_a_ticket
}

impl Action {
    /// Reads an action from a proposal's body or an editor's text. What it says is not checked yet: see [`Action::wrong`].
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(json: &str) -> Result<Action, String> {
        serde_json::from_str(json).map_err(|e| in_words(&e))
    }

    /// As stored in a proposal's body.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("plain fields always serialize")
    }

    /// What it does.
    #[must_use]
    pub fn kind(&self) -> ActionKind {
        match self {
            Action::CreateTicket(_) => ActionKind::CreateTicket,
            Action::Comment { .. } => ActionKind::Comment,
            Action::Move { .. } => ActionKind::Move,
            Action::Assign { .. } => ActionKind::Assign,
            Action::Start { .. } => ActionKind::Start,
            Action::AnswerQuestion { .. } => ActionKind::AnswerQuestion,
            Action::Notify { .. } => ActionKind::Notify,
            Action::Ignore { .. } => ActionKind::Ignore,
            Action::AskOwner { .. } => ActionKind::AskOwner,
        }
    }

    /// All tickets it names, made or known.
    #[must_use]
    pub fn names(&self) -> Vec<&TicketRef> {
        match self {
            Action::CreateTicket(new) => new.parent.iter().chain(&new.blocked_by).collect(),
            Action::Comment { ticket, .. }
            | Action::Move { ticket, .. }
            | Action::Assign { ticket, .. }
            | Action::Start { ticket }
            | Action::AnswerQuestion { ticket, .. } => vec![ticket],
            Action::Notify { .. } | Action::Ignore { .. } | Action::AskOwner { .. } => Vec::new(),
        }
    }

    /// The refs of tickets that must be made before it.
    #[must_use]
    pub fn needs(&self) -> Vec<&str> {
        fn made(name: &TicketRef) -> Option<&str> {
            match name {
                TicketRef::Made(name) => Some(name),
                TicketRef::Known(_) => None,
            }
        }
        self.names().into_iter().filter_map(made).collect()
    }

    /// Its own ref, if it makes a ticket that has one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.new_ticket()?.name.as_deref()
    }

    /// The ticket it makes, if it makes one.
    #[must_use]
    pub fn new_ticket(&self) -> Option<&CreateTicket> {
        match self {
            Action::CreateTicket(new) => Some(new),
            Action::Comment { .. }
            | Action::Move { .. }
            | Action::Assign { .. }
            | Action::Start { .. }
            | Action::AnswerQuestion { .. }
            | Action::Notify { .. }
            | Action::Ignore { .. }
            | Action::AskOwner { .. } => None,
        }
    }

    /// Everything that is wrong with what it says, each to be read after the action's name.
    #[must_use]
    pub fn wrong(&self) -> Vec<String> {
        let mut found = Vec::new();
        match self {
            Action::CreateTicket(new) => new.wrong(&mut found),
            Action::Comment { body, .. } => text(&mut found, "body", body),
            Action::Move { .. } | Action::Start { .. } => {}
            Action::Assign { role, .. } => text(&mut found, "role", role),
            Action::AnswerQuestion { answer, .. } => text(&mut found, "answer", answer),
            Action::Notify { text: words } => text(&mut found, "text", words),
            Action::Ignore { reason, .. } => {
                if let Some(reason) = reason {
                    bounded(&mut found, "reason", reason);
                }
            }
            Action::AskOwner { question, options } => {
                text(&mut found, "question", question);
                options.iter().take(OPTIONS_MAX).for_each(|o| text(&mut found, "an option", o));
                if options.len() > OPTIONS_MAX {
                    found.push(format!("has {} options; at most {OPTIONS_MAX} are allowed", options.len()));
                }
            }
        }
        found
    }

    /// In one line, for a card's head: `Create “Fix the upload”`.
    #[must_use]
    pub fn headline(&self) -> String {
        match self {
            Action::CreateTicket(new) if new.start => format!("Create and start “{}”", first_line(&new.title)),
            Action::CreateTicket(new) => format!("Create “{}”", first_line(&new.title)),
            Action::Comment { ticket, .. } => format!("Comment on {ticket}"),
            Action::Move { ticket, status } => format!("Move {ticket} to {}", status.label()),
            Action::Assign { ticket, role } => format!("Assign {ticket} to {}", first_line(role)),
            Action::Start { ticket } => format!("Start {ticket}"),
            Action::AnswerQuestion { ticket, .. } => format!("Answer the question of {ticket}"),
            Action::Notify { text } => first_line(text),
            Action::Ignore { reason, .. } => {
                reason.as_deref().map_or_else(|| "Leave it as it is".to_owned(), |r| format!("Leave it: {}", first_line(r)))
            }
            Action::AskOwner { question, .. } => first_line(question),
        }
    }
}

impl CreateTicket {
    fn wrong(&self, found: &mut Vec<String>) {
        if let Err(e) = self.title.parse::<Title>() {
            found.push(format!("title {e}"));
        }
        if let Some(description) = &self.description {
            bounded(found, "description", description);
        }
        if let Some(name) = self.name.as_deref().filter(|n| n.is_empty() || !is_name(n)) {
            let shown = cut_chars(name, 40).0;
            found.push(format!(
                "ref {shown:?} is not allowed: 1 to 40 letters, digits, _ and -, and nothing that reads like a ticket's number"
            ));
        }
        if self.blocked_by.len() > 50 {
            found.push("blocked_by names more than 50 tickets".to_owned());
        }
    }
}

fn text(found: &mut Vec<String>, field: &str, words: &str) {
    if words.trim().is_empty() {
        found.push(format!("{field} is empty"));
    }
    bounded(found, field, words);
}

fn bounded(found: &mut Vec<String>, field: &str, words: &str) {
    if words.contains('\0') {
        found.push(format!("{field} holds a NUL character"));
    }
    if words.chars().count() > TEXT_MAX {
        found.push(format!("{field} is longer than {TEXT_MAX} characters"));
    }
}

fn first_line(words: &str) -> String {
    let line = words.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or_default();
    let (line, cut) = cut_chars(line, 200);
    if cut { format!("{line}…") } else { line.to_owned() }
}

/// What the JSON reader found wrong, without the place: it counts from where it began to read.
pub(crate) fn in_words(e: &serde_json::Error) -> String {
    let text = e.to_string();
    let words = text.rsplit_once(" at line ").map_or(text.as_str(), |(words, _)| words);
    // It quotes what it does not know, however long that is.
    shortened(words, WRONG_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_headline_is_one_short_line_whatever_it_names() {
        for role in ["tessa\nand a second line".to_owned(), "x".repeat(50_000)] {
            let action = Action::Assign { ticket: TicketRef::Known(TicketId(1)), role };
            let headline = action.headline();
            assert!(!headline.contains('\n') && headline.chars().count() < 300, "{headline}");
        }
        let block = format!("{{\"kind\": \"create_ticket\", \"title\": \"{}\"}}", "x".repeat(Title::MAX));
        let headline = Action::read(&block).expect("an action").headline();
        assert!(headline.chars().count() < 300, "{headline}");
    }
}

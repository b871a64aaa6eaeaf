//! A message's way to a ticket, one for the composer, Telegram and the API: what its shorthands say, its title, its
//! description. What the first line's `#word`, `@word` or `!word` names here is taken; any other such word is a word, stays
//! in the text, and is said in a note.

use crate::base::error::{Error, Result};
use crate::domain::ports::Names;
use crate::domain::ticket::shorthand;
use crate::domain::ticket::{Priority, Role, Title};

/// The longest message, in characters.
const LONGEST: usize = 200_000;

/// What somebody wrote for a ticket.
#[derive(Debug, Clone, Default)]
pub struct Message<'a> {
    /// The words, with their shorthands.
    pub text: &'a str,
    /// The title, where it is said apart.
    pub title: Option<Title>,
    /// A line about what came with the words.
    pub attached: Option<&'a str>,
}

/// What becomes of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Said apart, or the first line.
    pub title: Title,
    /// The whole text without its shorthands; empty where the title says all.
    pub description: String,
    /// `@role`
    pub role: Option<Role>,
    /// `#project`, by its full name.
    pub project: Option<String>,
    /// `!priority`
    pub priority: Option<Priority>,
    /// What was not understood and stays in the text, in sentences.
    pub notes: Vec<String>,
}

/// Reads a message.
///
/// # Errors
/// It says nothing, is too long, or holds a NUL.
pub fn read(message: &Message<'_>, names: &dyn Names) -> Result<Draft> {
    if message.text.chars().count() > LONGEST {
        return Err(Error::field("message", "is longer than 200,000 characters: attach it as a file in the repository instead"));
    }
    if message.text.contains('\0') {
        return Err(Error::field("message", "holds a NUL character"));
    }
    let text = message.text.replace("\r\n", "\n");
    let short = shorthand::read(&text, names);
    let parts = [Some(short.message.trim()), message.attached];
    let whole = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n");
    let title = match &message.title {
        Some(title) => title.clone(),
        None => Title::from_message(&whole).ok_or_else(|| Error::field("message", "is empty: say what is to be done"))?,
    };
    let description = if whole == title.as_str() { String::new() } else { whole };
    Ok(Draft { title, description, role: short.role, project: short.project, priority: short.priority, notes: short.notes })
}

//! Shorthands in the first line of a message: `@role`, `#project`, `!priority`.

use crate::domain::ports::Names;
use crate::domain::ticket::{Priority, Role};

/// What the shorthands of a message said, and the message without them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shorthand {
    /// The message without the words that were understood.
    pub message: String,
    /// `@role`
    pub role: Option<Role>,
    /// `#project`, by its full name.
    pub project: Option<String>,
    /// `!priority`
    pub priority: Option<Priority>,
    /// What looked like a shorthand and is none here, in sentences.
    pub notes: Vec<String>,
}

/// Reads shorthands from the first line only; a word that is not understood stays in the text.
#[must_use]
pub fn read(message: &str, names: &dyn Names) -> Shorthand {
    let (first, rest) = message.split_once('\n').map_or((message, None), |(a, b)| (a, Some(b)));
    let mut found = Shorthand::default();
    let kept: Vec<&str> = first.split(' ').filter(|word| !found.take(word, names)).collect();
    found.message = kept.join(" ").trim().to_owned();
    if let Some(rest) = rest {
        found.message.push('\n');
        found.message.push_str(rest);
    }
    found
}

impl Shorthand {
    /// Whether a word was understood. The last of a kind counts.
    fn take(&mut self, word: &str, names: &dyn Names) -> bool {
        let Some((sign, name)) = word.chars().next().map(|sign| (sign, &word[sign.len_utf8()..])) else { return false };
        if !is_name(name) {
            return false;
        }
        let (understood, kind) = match sign {
            '@' => (keep(&mut self.role, names.role(name).ok()), "role"),
            '#' => (keep(&mut self.project, names.project(name).ok()), "project"),
            '!' => (keep(&mut self.priority, name.parse().ok()), "priority"),
            _ => return false,
        };
        if !understood {
            let short: String = word.chars().take(40).collect();
            self.notes.push(format!("{short} is no {kind} here: it stays text"));
        }
        understood
    }
}

fn keep<T>(place: &mut Option<T>, found: Option<T>) -> bool {
    let there = found.is_some();
    *place = found.or(place.take());
    there
}

/// Whether it may be a name: `#12` and `#!/bin/sh` are none.
fn is_name(text: &str) -> bool {
    text.chars().next().is_some_and(char::is_alphabetic) && text.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::{Error, Result};

    struct Known;

    impl Names for Known {
        fn role(&self, name: &str) -> Result<Role> {
            Role::parse(name, &[]).map_err(|e| Error::field("role", e.to_string()))
        }

        fn project(&self, name: &str) -> Result<String> {
            if name == "tideline" { Ok("tideline-api".to_owned()) } else { Err(Error::field("project", "unknown")) }
        }
    }

    #[test]
    fn the_three_signs_are_taken_out() {
        let s = read("Fix login #tideline @tessa !high\nNow #not @here", &Known);
        assert_eq!(s.message, "Fix login\nNow #not @here");
        assert_eq!(s.project.as_deref(), Some("tideline-api"));
        assert_eq!(s.role.expect("role").as_str(), "tessa");
        assert_eq!(s.priority, Some(Priority::High));
        assert!(s.notes.is_empty(), "{:?}", s.notes);
    }

    #[test]
    fn what_is_not_understood_stays_and_is_said() {
        let s = read("See issue #12 by @nobody now! !soon #tideline and the #todos", &Known);
        assert_eq!(s.message, "See issue #12 by @nobody now! !soon and the #todos");
        assert_eq!(s.project.as_deref(), Some("tideline-api"), "a word after it takes nothing away");
        let notes = ["@nobody is no role", "!soon is no priority", "#todos is no project"];
        assert_eq!(s.notes, notes.map(|n| format!("{n} here: it stays text")));
        for plain in ["# A heading", "C# and F#", "a@b.example", "!", "#", "@", "#-x", "!important!", ""] {
            let s = read(plain, &Known);
            assert_eq!((s.message.as_str(), s.notes.len()), (plain, 0), "{plain:?}");
        }
    }
}

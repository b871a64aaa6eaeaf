//! Shorthands in a quick ticket's first line: `@role`, `#project`, `!priority`.

use crate::domain::ticket::{Priority, Role};

/// What the shorthands of a message said, and the message without them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shorthand {
    /// The message without the words that were understood.
    pub message: String,
    /// `@role`
    pub role: Option<Role>,
    /// `#project`
    pub project: Option<String>,
    /// `!priority`
    pub priority: Option<Priority>,
}

/// Reads shorthands from the first line only; a word that is not understood stays in the text.
#[must_use]
pub fn read(message: &str, extra_roles: &[String]) -> Shorthand {
    let (first, rest) = message.split_once('\n').map_or((message, None), |(a, b)| (a, Some(b)));
    let mut found = Shorthand { message: String::new(), role: None, project: None, priority: None };
    let mut kept: Vec<&str> = Vec::new();
    for word in first.split(' ') {
        if !found.take(word, extra_roles) {
            kept.push(word);
        }
    }
    found.message = kept.join(" ").trim().to_owned();
    if let Some(rest) = rest {
        found.message.push('\n');
        found.message.push_str(rest);
    }
    found
}

impl Shorthand {
    fn take(&mut self, word: &str, extra_roles: &[String]) -> bool {
        if let Some(name) = word.strip_prefix('@')
            && let Ok(role) = Role::parse(name, extra_roles)
        {
            self.role = Some(role);
            return true;
        }
        if let Some(name) = word.strip_prefix('!')
            && let Ok(priority) = name.parse()
        {
            self.priority = Some(priority);
            return true;
        }
        if let Some(name) = word.strip_prefix('#')
            && name.chars().next().is_some_and(char::is_alphabetic)
            && name.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
        {
            self.project = Some(name.to_owned());
            return true;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_signs_are_taken_out() {
        let s = read("Fix login #tideline-api @tessa !high\nNow #not @here", &[]);
        assert_eq!(s.message, "Fix login\nNow #not @here");
        assert_eq!(s.project.as_deref(), Some("tideline-api"));
        assert_eq!(s.role.expect("role").as_str(), "tessa");
        assert_eq!(s.priority, Some(Priority::High));
    }

    #[test]
    fn what_is_not_understood_stays() {
        let s = read("See issue #12 by @nobody now! !soon", &[]);
        assert_eq!(s.message, "See issue #12 by @nobody now! !soon");
    }
}

//! What every text that people are shown has in common.

use mission_control::domain::text::{redact, strip_control};

/// Nothing in it drives a terminal, turns the writing round or looks like a key.
pub fn assert_plain(text: &str, what: &str) {
    assert_eq!(strip_control(text), text, "{what} holds terminal control");
    assert_eq!(redact(text), text, "{what} holds a secret");
}

/// The same, on one line of at most so many characters.
pub fn assert_line(text: &str, most: usize, what: &str) {
    assert_plain(text, what);
    assert!(!text.contains(['\n', '\t']), "{what} is not one line: {text:?}");
    assert!(text.chars().count() <= most, "{what} has {} characters", text.chars().count());
}

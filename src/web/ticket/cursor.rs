//! Where a ticket's page stands: what it showed last.

use crate::domain::ids::{CommentId, EventId};

/// Where a page stands: its last event, its last comment, and a mark of all else it shows (see [`crate::web::ticket::parts::mark`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The last event shown.
    pub event: EventId,
    /// The last comment shown.
    pub comment: CommentId,
    /// What the rest showed.
    pub mark: String,
}

impl Cursor {
    /// Reads one; nonsense is the beginning.
    #[must_use]
    pub fn parse(text: &str) -> Cursor {
        let mut parts = text.splitn(3, '.');
        let mut number = || parts.next().and_then(|n| n.parse().ok()).unwrap_or(0);
        let (event, comment) = (EventId(number()), CommentId(number()));
        Cursor { event, comment, mark: parts.next().unwrap_or_default().to_owned() }
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.event, self.comment, self.mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_nonsense_is_the_beginning() {
        let at = Cursor { event: EventId(43), comment: CommentId(7), mark: "w00ff".to_owned() };
        assert_eq!(Cursor::parse(&at.to_string()), at);
        for text in ["", "x", "-", "a.b.c", "99999999999999999999"] {
            let read = Cursor::parse(text);
            assert_eq!((read.event.0, read.comment.0), (0, 0), "{text}");
        }
    }
}

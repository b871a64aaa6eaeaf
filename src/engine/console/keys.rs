//! The keys of the console's page.

use crate::drivers::tmux;

/// A key of the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsoleKey {
    /// Enter.
    Enter,
    /// Escape; of a turn in flight: interrupt it.
    Escape,
    /// Ctrl-C; of a turn in flight: interrupt it.
    CtrlC,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Tab.
    Tab,
    /// Shift-Tab.
    BackTab,
    /// The letter y.
    Y,
    /// The letter n.
    N,
}

impl ConsoleKey {
    /// All, in the order of the page.
    pub const ALL: &[ConsoleKey] = &[
        ConsoleKey::Enter,
        ConsoleKey::Escape,
        ConsoleKey::CtrlC,
        ConsoleKey::Up,
        ConsoleKey::Down,
        ConsoleKey::Tab,
        ConsoleKey::BackTab,
        ConsoleKey::Y,
        ConsoleKey::N,
    ];

    /// As sent by the page.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ConsoleKey::Enter => "enter",
            ConsoleKey::Escape => "escape",
            ConsoleKey::CtrlC => "ctrl-c",
            ConsoleKey::Up => "up",
            ConsoleKey::Down => "down",
            ConsoleKey::Tab => "tab",
            ConsoleKey::BackTab => "shift-tab",
            ConsoleKey::Y => "y",
            ConsoleKey::N => "n",
        }
    }

    /// Reads what the page sends.
    #[must_use]
    pub fn parse(text: &str) -> Option<ConsoleKey> {
        ConsoleKey::ALL.iter().copied().find(|k| k.as_str() == text)
    }

    /// Whether it means "leave off" to an agent at work.
    #[must_use]
    pub fn interrupts(self) -> bool {
        matches!(self, ConsoleKey::Escape | ConsoleKey::CtrlC)
    }

    /// As tmux knows it.
    pub(crate) fn key(self) -> tmux::Key {
        match self {
            ConsoleKey::Enter => tmux::Key::Enter,
            ConsoleKey::Escape => tmux::Key::Escape,
            ConsoleKey::CtrlC => tmux::Key::CtrlC,
            ConsoleKey::Up => tmux::Key::Up,
            ConsoleKey::Down => tmux::Key::Down,
            ConsoleKey::Tab => tmux::Key::Tab,
            ConsoleKey::BackTab => tmux::Key::BackTab,
            ConsoleKey::Y => tmux::Key::Char('y'),
            ConsoleKey::N => tmux::Key::Char('n'),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_read_as_it_is_written() {
        for key in ConsoleKey::ALL {
            assert_eq!(ConsoleKey::parse(key.as_str()), Some(*key));
        }
        assert_eq!(ConsoleKey::parse("f1"), None);
    }
}

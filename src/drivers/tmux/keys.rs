//! The keys that are pressed in a terminal.

/// A key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Enter.
    Enter,
    /// Escape.
    Escape,
    /// Ctrl-C.
    CtrlC,
    /// Ctrl-U.
    CtrlU,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Arrow left.
    Left,
    /// Tab.
    Tab,
    /// Shift-Tab.
    BackTab,
    /// Backspace.
    Backspace,
    /// A character as it is; control characters are left out.
    Char(char),
}

impl Key {
    /// Its name in tmux; a character has none.
    pub(crate) fn name(self) -> Option<&'static str> {
        Some(match self {
            Key::Enter => "Enter",
            Key::Escape => "Escape",
            Key::CtrlC => "C-c",
            Key::CtrlU => "C-u",
            Key::Up => "Up",
            Key::Down => "Down",
            Key::Left => "Left",
            Key::Tab => "Tab",
            Key::BackTab => "BTab",
            Key::Backspace => "BSpace",
            Key::Char(_) => return None,
        })
    }
}

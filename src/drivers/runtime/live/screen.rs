//! What an agent's screen can show: its input box, that it works, a dialog.

/// The input box.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InputBox {
    /// What is typed into it; a hint shown in an empty box is nothing.
    pub text: String,
    /// Its lines.
    pub lines: usize,
    /// What is typed would go to a shell, not to the agent.
    pub shell: bool,
}

impl InputBox {
    /// A prompt typed now would be exactly that prompt.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.text.is_empty() && !self.shell
    }

    /// Whether our marker stands in it, perhaps among other things.
    #[must_use]
    pub fn holds(&self, marker: &str) -> bool {
        bare(&self.text).contains(marker)
    }
}

/// A text without what a terminal may wrap, fold or leave out: its letters and digits, and the signs that all of them have.
pub(crate) fn bare(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_graphic() || c.is_alphanumeric()).collect()
}

/// What a screen shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgentScreen {
    /// The input box.
    pub input: Option<InputBox>,
    /// It says that it works.
    pub busy: bool,
    /// The words of a dialog.
    pub dialog: Option<String>,
}

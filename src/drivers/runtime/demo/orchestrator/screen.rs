//! A terminal used line by line: what was said scrolls up, and below it stand the input box and a footer.

use crate::drivers::runtime::demo::orchestrator::input_box::fit;
use nix::sys::termios::{InputFlags, LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use std::io::{Stdin, Write, stdin, stdout};

/// The terminal in raw mode; as before again when dropped.
pub(crate) struct DemoScreen {
    stdin: Stdin,
    before: Termios,
    /// Rows of the lower part that stand above the cursor; none while it is not drawn.
    above: Option<usize>,
}

/// What the lower part shows.
pub(crate) struct Lower {
    /// While it works: what it does.
    pub(crate) status: Option<String>,
    /// The lines of the box.
    pub(crate) lines: Vec<String>,
    /// Below the box.
    pub(crate) footer: String,
}

impl DemoScreen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn open() -> Result<DemoScreen, String> {
        let none = |_| "Error: there is no terminal: use -p for one unattended run".to_owned();
        let stdin = stdin();
        let before = tcgetattr(&stdin).map_err(none)?;
        let mut raw = before.clone();
        raw.local_flags.remove(LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG | LocalFlags::IEXTEN);
        raw.input_flags.remove(InputFlags::ICRNL | InputFlags::INLCR | InputFlags::IGNCR | InputFlags::IXON);
        tcsetattr(&stdin, SetArg::TCSANOW, &raw).map_err(none)?;
        write("\x1b[?2004h");
        Ok(DemoScreen { stdin, before, above: None })
    }

    /// Columns of the terminal.
    pub(crate) fn width() -> usize {
        let width = terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0));
        width.clamp(20, 400)
    }

    /// Prints what stays, above the lower part.
    pub(crate) fn print(&mut self, text: &str) {
        write(&format!("{}{text}\n", self.erase()));
    }

    /// Draws the lower part anew.
    pub(crate) fn draw(&mut self, lower: &Lower) {
        // One column stays free: a full line would wrap in some terminals.
        let width = DemoScreen::width() - 1;
        let rule = "─".repeat(width);
        let mut text = self.erase();
        if let Some(status) = &lower.status {
            text.push_str(&format!("{}\n", fit(status, width)));
        }
        let column = lower.lines.last().map_or(0, |l| l.chars().count());
        text.push_str(&format!("{rule}\n{}\n{rule}\n{}", lower.lines.join("\n"), fit(&lower.footer, width)));
        text.push_str("\x1b[2A\r");
        if column > 0 {
            text.push_str(&format!("\x1b[{column}C"));
        }
        self.above = Some(usize::from(lower.status.is_some()) + lower.lines.len());
        write(&text);
    }

    /// The title of the window or pane.
    pub(crate) fn title(title: &str) {
        write(&format!("\x1b]2;{title}\x07"));
    }

    fn erase(&mut self) -> String {
        match self.above.take() {
            Some(0) => "\r\x1b[J".to_owned(),
            Some(rows) => format!("\r\x1b[{rows}A\x1b[J"),
            None => String::new(),
        }
    }
}

impl Drop for DemoScreen {
    fn drop(&mut self) {
        write(&format!("{}\x1b[?2004l", self.erase()));
        // Nothing can be done where it fails: the terminal is gone.
        let _ = tcsetattr(&self.stdin, SetArg::TCSANOW, &self.before);
    }
}

/// A terminal that is gone shows nothing any more; its end comes by the keyboard.
fn write(text: &str) {
    let mut out = stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

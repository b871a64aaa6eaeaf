//! The console: what a person sees of the persistent session's terminal, and what they may type into it. Never beside
//! the orchestrator: only with the keyboard taken and no turn in flight, or into a dialog, which waits for a person.

pub mod input;
pub mod keyboard;
pub mod keys;
pub(crate) mod turn_log;

use crate::base::error::Result;
use crate::domain::orchestrator::session::{DriverKind, Session};
use crate::drivers::tmux::Tmux;
use crate::engine::Engine;

/// Lines of history that may be asked for.
pub const HISTORY_MAX: u32 = 10_000;

/// What there is to see of a session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ConsoleContent {
    /// Its terminal.
    Screen(TerminalScreen),
    /// It has no terminal: the readable log of its newest turn.
    Log(String),
    /// tmux is not installed, so it cannot have a terminal.
    NoTmux,
    /// There is no terminal (any more), or nothing was said yet.
    Nothing,
}

/// A terminal's content.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TerminalScreen {
    /// Its lines with their colours, as escape sequences; the history asked for comes first.
    pub text: String,
    /// Its width.
    pub cols: u16,
    /// Its height.
    pub rows: u16,
    /// Where the cursor stands in `text`, column and row; none where it is hidden.
    pub cursor: Option<(usize, usize)>,
    /// The agent in it lives; otherwise this is its last screen.
    pub live: bool,
}

/// What there is to see of a session, with `above` lines of history. Blocks.
///
/// # Errors
/// tmux or a log could not be read.
pub fn content(engine: &Engine, session: &Session, above: u32) -> Result<ConsoleContent> {
    match session.driver {
        DriverKind::Headless => Ok(turn_log::newest(engine, session)?.map_or(ConsoleContent::Nothing, ConsoleContent::Log)),
        DriverKind::Tmux if !Tmux::installed() => Ok(ConsoleContent::NoTmux),
        DriverKind::Tmux => {
            let tmux = terminals(engine);
            let Some(pane) = tmux.pane(&session.name)? else { return Ok(ConsoleContent::Nothing) };
            let text = tmux.coloured(&session.name, above.min(HISTORY_MAX))?;
            // With history before it, the screen begins as many lines before the end as it has rows.
            let before = text.lines().count().saturating_sub(usize::from(pane.rows));
            let live = !pane.dead;
            let cursor = pane.cursor.filter(|_| live).map(|(x, y)| (usize::from(x), before + usize::from(y)));
            Ok(ConsoleContent::Screen(TerminalScreen { text, cols: pane.cols, rows: pane.rows, cursor, live }))
        }
    }
}

/// The terminals on our own socket.
pub(crate) fn terminals(engine: &Engine) -> Tmux {
    Tmux::at(&engine.data.tmux_socket())
}

/// The command with which a person attaches to the session from a terminal of the machine.
#[must_use]
pub fn attach_command(engine: &Engine, session: &str) -> String {
    let socket = engine.data.tmux_socket();
    let socket = shell_words::quote(&socket.to_string_lossy()).into_owned();
    format!("tmux -u -S {socket} attach -t {}", shell_words::quote(session))
}

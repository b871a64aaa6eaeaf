//! The console: what a person sees of the persistent session's terminal, and what they may type into it. Never beside
//! the orchestrator: only with the keyboard taken and no turn in flight, or into a dialog, which waits for a person.

use super::{Engine, print_log};
use crate::clock::pause;
use crate::domain::actor::Actor;
use crate::domain::ids::TurnId;
use crate::domain::profile::RuntimeKind;
use crate::domain::progress::Progress;
use crate::domain::session::{DriverKind, Session, SessionState};
use crate::domain::turn::{Turn, typed};
use crate::error::{Error, Result};
use crate::runtime;
use crate::store::idempotency::{self, Answer};
use crate::store::{audit, sessions, turns};
use crate::tmux::{Key, Tmux};
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Lines of history that may be asked for.
pub const HISTORY_MAX: u32 = 10_000;
/// Bytes of a line that may be typed.
const LINE_MAX: usize = 10_000;
/// Bytes of a headless turn's log that are shown: its end.
const LOG_SHOWN: u64 = 512 * 1024;
/// How long a program gets to show what a key did before the screen is read again.
const ECHO: Duration = Duration::from_millis(120);

/// What there is to see of a session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Shown {
    /// Its terminal.
    Screen(Screen),
    /// It has no terminal: the readable log of its newest turn, and whether that turn is still worked on.
    Log(String),
    /// tmux is not installed, so it cannot have a terminal.
    NoTmux,
    /// There is no terminal (any more), or nothing was said yet.
    Nothing,
}

/// A terminal's content.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Screen {
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

/// A key of the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Press {
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

impl Press {
    /// All, in the order of the page.
    pub const ALL: &[Press] = &[
        Press::Enter,
        Press::Escape,
        Press::CtrlC,
        Press::Up,
        Press::Down,
        Press::Tab,
        Press::BackTab,
        Press::Y,
        Press::N,
    ];

    /// As sent by the page.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Press::Enter => "enter",
            Press::Escape => "escape",
            Press::CtrlC => "ctrl-c",
            Press::Up => "up",
            Press::Down => "down",
            Press::Tab => "tab",
            Press::BackTab => "shift-tab",
            Press::Y => "y",
            Press::N => "n",
        }
    }

    /// Reads what the page sends.
    #[must_use]
    pub fn parse(text: &str) -> Option<Press> {
        Press::ALL.iter().copied().find(|k| k.as_str() == text)
    }

    /// Whether it means "leave off" to an agent at work.
    #[must_use]
    pub fn interrupts(self) -> bool {
        matches!(self, Press::Escape | Press::CtrlC)
    }

    fn key(self) -> Key {
        match self {
            Press::Enter => Key::Enter,
            Press::Escape => Key::Escape,
            Press::CtrlC => Key::CtrlC,
            Press::Up => Key::Up,
            Press::Down => Key::Down,
            Press::Tab => Key::Tab,
            Press::BackTab => Key::BackTab,
            Press::Y => Key::Char('y'),
            Press::N => Key::Char('n'),
        }
    }
}

/// What there is to see of a session, with `above` lines of history. Blocks.
///
/// # Errors
/// tmux or a log could not be read.
pub fn look(engine: &Engine, session: &Session, above: u32) -> Result<Shown> {
    match session.driver {
        DriverKind::Headless => Ok(newest_log(engine, session)?.map_or(Shown::Nothing, Shown::Log)),
        DriverKind::Tmux if !Tmux::installed() => Ok(Shown::NoTmux),
        DriverKind::Tmux => {
            let tmux = terminals(engine);
            let Some(pane) = tmux.pane(&session.name)? else { return Ok(Shown::Nothing) };
            let text = tmux.coloured(&session.name, above.min(HISTORY_MAX))?;
            // With history before it, the screen begins as many lines before the end as it has rows.
            let before = text.lines().count().saturating_sub(usize::from(pane.rows));
            let live = !pane.dead;
            let cursor = pane.cursor.filter(|_| live).map(|(x, y)| (usize::from(x), before + usize::from(y)));
            Ok(Shown::Screen(Screen { text, cols: pane.cols, rows: pane.rows, cursor, live }))
        }
    }
}

/// The command with which a person attaches to the session from a terminal of the machine.
#[must_use]
pub fn attach_command(engine: &Engine, session: &str) -> String {
    let socket = engine.data.tmux_socket();
    let socket = shell_words::quote(&socket.to_string_lossy()).into_owned();
    format!("tmux -u -S {socket} attach -t {}", shell_words::quote(&format!("={session}")))
}

/// A person takes the keyboard: turns wait until it is handed back.
///
/// # Errors
/// The store failed.
pub fn take_keyboard(engine: &Engine, who: &Actor) -> Result<()> {
    keyboard(engine, who, true)
}

/// The keyboard is Luci's again.
///
/// # Errors
/// The store failed.
pub fn hand_back(engine: &Engine, who: &Actor) -> Result<()> {
    keyboard(engine, who, false)
}

fn keyboard(engine: &Engine, who: &Actor, taken: bool) -> Result<()> {
    let _typist = engine.typist();
    let who = who.clone();
    engine.store.write(move |tx| {
        if sessions::wanted(tx.conn)?.keyboard != taken {
            sessions::want_keyboard(tx, taken)?;
            audit::note(tx, &who, if taken { "console_take" } else { "console_hand_back" }, "")?;
        }
        Ok(())
    })
}

/// Types a line as it is and presses Enter. The same key types it once. Blocks.
///
/// # Errors
/// Nobody may type now, or the line cannot be typed: why.
pub fn type_line(engine: &Engine, who: &Actor, key: &idempotency::Key, text: &str) -> Result<()> {
    let line = typed(text).replace('\n', " ");
    if line.is_empty() {
        return Err(Error::field("line", "is empty"));
    }
    if line.len() > LINE_MAX {
        return Err(Error::field("line", format!("is longer than {LINE_MAX} bytes: send it to Luci as a message")));
    }
    let _typist = engine.typist();
    let session = may_type(engine)?;
    let (actor, once, mut fresh) = (who.clone(), key.clone(), false);
    fresh = engine.store.write(move |tx| {
        idempotency::once(tx, &once, || {
            fresh = true;
            audit::note(tx, &actor, "console_line", &format!("session {}", session.id))?;
            Ok(Answer { status: 200, body: String::new() })
        })?;
        Ok(fresh)
    })?;
    if !fresh {
        return Ok(());
    }
    let tmux = terminals(engine);
    let done = tmux.paste(&session_name(engine)?, &line).and_then(|()| tmux.keys(&session_name(engine)?, &[Key::Enter]));
    if let Err(e) = done {
        let key = key.clone();
        engine.store.write(move |tx| idempotency::forget(tx, &key))?;
        return Err(e);
    }
    pause(ECHO);
    Ok(())
}

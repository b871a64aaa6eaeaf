//! The console: what a person sees of the persistent session's terminal, and what they may type into it. Never beside
//! the orchestrator: only with the keyboard taken and no turn in flight, or into a dialog, which waits for a person.

use crate::base::clock::pause;
use crate::base::error::{Error, Result};
use crate::domain::actor::Actor;
use crate::domain::ids::TurnId;
use crate::domain::orchestrator::session::{DriverKind, Session, SessionState};
use crate::domain::orchestrator::turn::{Turn, typed};
use crate::domain::profile::RuntimeKind;
use crate::domain::run::progress::Progress;
use crate::drivers::runtime;
use crate::drivers::supervise::run_dir;
use crate::drivers::tmux;
use crate::drivers::tmux::Tmux;
use crate::engine::run::readable_log;
use crate::engine::{Engine, lock};
use crate::store::db::audit;
use crate::store::db::idempotency;
use crate::store::db::idempotency::{Answer, Key};
use crate::store::orchestrator::{sessions, turns};
use rusqlite::Connection;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Lines of history that may be asked for.
pub const HISTORY_MAX: u32 = 10_000;
/// Bytes of a line that may be typed.
const LINE_MAX: usize = 10_000;
/// Bytes of a headless turn's log that are shown: its end.
const LOG_SHOWN: u64 = 512 * 1024;
/// How long a program gets to show what a key did before the screen is read again.
const ECHO: Duration = Duration::from_millis(60);

/// What there is to see of a session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Shown {
    /// Its terminal.
    Screen(Screen),
    /// It has no terminal: the readable log of its newest turn.
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
    pub const ALL: &[Press] =
        &[Press::Enter, Press::Escape, Press::CtrlC, Press::Up, Press::Down, Press::Tab, Press::BackTab, Press::Y, Press::N];

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

    fn key(self) -> tmux::Key {
        match self {
            Press::Enter => tmux::Key::Enter,
            Press::Escape => tmux::Key::Escape,
            Press::CtrlC => tmux::Key::CtrlC,
            Press::Up => tmux::Key::Up,
            Press::Down => tmux::Key::Down,
            Press::Tab => tmux::Key::Tab,
            Press::BackTab => tmux::Key::BackTab,
            Press::Y => tmux::Key::Char('y'),
            Press::N => tmux::Key::Char('n'),
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

fn terminals(engine: &Engine) -> Tmux {
    Tmux::at(&engine.data.tmux_socket())
}

/// The command with which a person attaches to the session from a terminal of the machine.
#[must_use]
pub fn attach_command(engine: &Engine, session: &str) -> String {
    let socket = engine.data.tmux_socket();
    let socket = shell_words::quote(&socket.to_string_lossy()).into_owned();
    format!("tmux -u -S {socket} attach -t {}", shell_words::quote(session))
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
    let _typist = lock(&engine.typist);
    let who = who.clone();
    engine.store.write(move |tx| {
        if sessions::wanted(tx.conn)?.keyboard != taken {
            sessions::want_keyboard(tx, taken)?;
            audit::record(tx, who.name(), if taken { "console_take" } else { "console_hand_back" }, None, "")?;
        }
        Ok(())
    })
}

/// Whose hands the keyboard is in.
#[derive(Debug, Clone)]
pub struct Hands {
    /// The orchestrator's session that is not over.
    pub session: Option<Session>,
    /// The turn in flight.
    pub turn: Option<Turn>,
    /// A person took the keyboard.
    pub taken: bool,
}

/// What a person may type now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum May {
    /// Lines and keys.
    Type,
    /// Only what interrupts this turn.
    Interrupt(TurnId),
    /// Nothing: why.
    Nothing(&'static str),
}

impl Hands {
    /// As stored.
    ///
    /// # Errors
    /// The store failed.
    pub fn read(conn: &Connection) -> Result<Hands> {
        Ok(Hands { session: sessions::current(conn)?, turn: turns::in_flight(conn)?, taken: sessions::wanted(conn)?.keyboard })
    }

    /// What a person may type. A dialog is answered without taking the keyboard: nobody else can answer it.
    #[must_use]
    pub fn may(&self) -> May {
        let Some(session) = &self.session else { return May::Nothing("there is no session to type into: start Luci first") };
        if session.driver == DriverKind::Headless {
            return May::Nothing("this session runs without a terminal: there is nothing to type into");
        }
        match (session.state, &self.turn) {
            (SessionState::Waiting, _) => May::Type,
            (SessionState::Down | SessionState::Broken | SessionState::Ended, _) => {
                May::Nothing("Luci's agent does not run at the moment")
            }
            (SessionState::Starting | SessionState::Idle | SessionState::Working, Some(turn)) => May::Interrupt(turn.id),
            (SessionState::Starting | SessionState::Idle | SessionState::Working, None) if self.taken => May::Type,
            (SessionState::Starting | SessionState::Idle | SessionState::Working, None) => {
                May::Nothing("Luci has the keyboard: take it over first")
            }
        }
    }
}

/// Types a line as it is and presses Enter. A repeated request types it once. Blocks.
///
/// # Errors
/// Nobody may type now, or the line cannot be typed: why.
pub fn type_line(engine: &Engine, who: &Actor, key: &Key, text: &str) -> Result<()> {
    let line = typed(text).replace('\n', " ");
    if line.trim().is_empty() {
        return Err(Error::field("line", "is empty"));
    }
    if line.len() > LINE_MAX {
        return Err(Error::field("line", format!("is longer than {LINE_MAX} bytes: send it to Luci as a message")));
    }
    let _typist = lock(&engine.typist);
    let hands = engine.store.read(Hands::read)?;
    let session = match hands.may() {
        May::Type => terminal_of(engine, hands.session)?,
        May::Interrupt(_) => {
            return Err(Error::Conflict("a turn is in flight: Luci has the keyboard until it is over".to_owned()));
        }
        May::Nothing(why) => return Err(Error::Conflict(why.to_owned())),
    };
    if !noted_once(engine, who, key, &session)? {
        return Ok(());
    }
    let pasted = terminals(engine).paste(&session.name, &line);
    if pasted.is_err() {
        let key = key.clone();
        engine.store.write(move |tx| idempotency::forget(tx, &key))?;
        return pasted;
    }
    // It stands in the terminal now: from here on a repeat would double it.
    terminals(engine).keys(&session.name, &[tmux::Key::Enter])?;
    pause(ECHO);
    Ok(())
}

/// Notes a line in the audit; false where this request was here before.
fn noted_once(engine: &Engine, who: &Actor, key: &Key, session: &Session) -> Result<bool> {
    let (who, key, session) = (who.clone(), key.clone(), session.id);
    engine.store.write(move |tx| {
        let mut first = false;
        idempotency::once(tx, &key, || {
            first = true;
            audit::record(tx, who.name(), "console_line", None, &format!("session {session}"))?;
            Ok(Answer { status: 200, body: String::new() })
        })?;
        Ok(first)
    })
}

/// Presses a key; of a turn in flight, what interrupts asks for its end. Blocks.
///
/// # Errors
/// Nobody may type now: why.
pub fn press(engine: &Engine, who: &Actor, key: Press) -> Result<()> {
    let _typist = lock(&engine.typist);
    let hands = engine.store.read(Hands::read)?;
    let (may, who, action) = (hands.may(), who.clone(), format!("console_key_{}", key.as_str()));
    match may {
        May::Type => {
            let session = terminal_of(engine, hands.session)?;
            let detail = format!("session {}", session.id);
            engine.store.write(move |tx| audit::record(tx, who.name(), &action, None, &detail))?;
            terminals(engine).keys(&session.name, &[key.key()])?;
            pause(ECHO);
            Ok(())
        }
        May::Interrupt(turn) if key.interrupts() => engine.store.write(move |tx| {
            turns::cancel(tx, turn)?;
            audit::record(tx, who.name(), &action, None, &format!("turn {turn}"))
        }),
        May::Interrupt(_) => Err(Error::Conflict("a turn is in flight: Luci has the keyboard until it is over".to_owned())),
        May::Nothing(why) => Err(Error::Conflict(why.to_owned())),
    }
}

/// A session whose terminal takes keys.
fn terminal_of(engine: &Engine, session: Option<Session>) -> Result<Session> {
    let gone = || Error::Conflict("Luci's agent does not run at the moment".to_owned());
    let session = session.ok_or_else(gone)?;
    let pane = terminals(engine).pane(&session.name)?.filter(|p| !p.dead).ok_or_else(gone)?;
    if pane.in_mode {
        terminals(engine).leave_copy_mode(&session.name)?;
    }
    Ok(session)
}

/// The readable log of a headless session's newest turn.
fn newest_log(engine: &Engine, session: &Session) -> Result<Option<String>> {
    let Some((turn, log)) = newest_turn(&Path::new(&session.dir).join("turns"))? else { return Ok(None) };
    let kind = engine.config.profile(&session.profile).map_or(RuntimeKind::Claude, |p| p.runtime);
    let (bytes, cut) = last_lines(&log)?;
    let (now, mut progress) = (engine.store.clock().now(), Progress::default());
    let mut out = format!("- turn {turn}\n");
    if cut {
        out.push_str("- the beginning is left out\n");
    }
    for (n, line) in (1_i64..).zip(bytes.split(|b| *b == b'\n').filter(|l| !l.is_empty())) {
        out.extend(runtime::read_line(kind, line, n, now, &mut progress).iter().filter_map(readable_log::line));
    }
    Ok(Some(out))
}

/// The newest turn's number and log: folders are named by turn and attempt, a later attempt is the later folder.
fn newest_turn(turns: &Path) -> Result<Option<(i64, PathBuf)>> {
    let entries = match fs::read_dir(turns) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e.into()),
    };
    let newest = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let turn: i64 = entry.file_name().to_str()?.split('-').next()?.parse().ok()?;
            let log = entry.path().join("stream.log");
            Some((turn, log.metadata().ok()?.modified().ok()?, log))
        })
        .max_by_key(|(turn, at, _)| (*turn, *at));
    Ok(newest.map(|(turn, _, log)| (turn, log)))
}

/// Whole lines at the end of a file, and whether some before them were left out.
fn last_lines(path: &Path) -> Result<(Vec<u8>, bool)> {
    let (mut bytes, cut) = run_dir::end_of(path, LOG_SHOWN)?;
    if cut {
        let whole = bytes.iter().position(|b| *b == b'\n').map_or(bytes.len(), |at| at + 1);
        bytes.drain(..whole);
    }
    Ok((bytes, cut))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::samples;

    fn session(state: SessionState, driver: DriverKind) -> Session {
        Session { state, driver, ..samples::session() }
    }

    fn may(state: SessionState, turn: Option<Turn>, taken: bool) -> May {
        Hands { session: Some(session(state, DriverKind::Tmux)), turn, taken }.may()
    }

    #[test]
    fn a_person_types_only_with_the_keyboard_and_between_turns_or_into_a_dialog() {
        assert_eq!(may(SessionState::Idle, None, true), May::Type);
        assert!(matches!(may(SessionState::Idle, None, false), May::Nothing(_)));
        assert_eq!(may(SessionState::Working, Some(samples::turn()), true), May::Interrupt(TurnId(7)));
        assert_eq!(may(SessionState::Idle, Some(samples::turn()), true), May::Interrupt(TurnId(7)));
        assert_eq!(may(SessionState::Waiting, Some(samples::turn()), false), May::Type);
        for state in [SessionState::Down, SessionState::Broken, SessionState::Ended] {
            assert!(matches!(may(state, None, true), May::Nothing(_)), "{state}");
        }
        let headless = Hands { session: Some(session(SessionState::Waiting, DriverKind::Headless)), turn: None, taken: true };
        assert!(matches!(headless.may(), May::Nothing(_)));
        assert!(matches!(Hands { session: None, turn: None, taken: true }.may(), May::Nothing(_)));
    }

    #[test]
    fn every_key_is_read_as_it_is_written() {
        for key in Press::ALL {
            assert_eq!(Press::parse(key.as_str()), Some(*key));
        }
        assert_eq!(Press::parse("f1"), None);
    }

    #[test]
    fn the_newest_turn_is_shown_and_of_it_whole_lines() {
        let dir = tempfile::tempdir().expect("a folder");
        assert_eq!(newest_turn(&dir.path().join("none")).expect("readable"), None);
        for (name, text) in [("9-aa", "old\n"), ("10-bb", "new\n"), ("notes", "")] {
            fs::create_dir(dir.path().join(name)).expect("made");
            fs::write(dir.path().join(name).join("stream.log"), text).expect("written");
        }
        let (turn, log) = newest_turn(dir.path()).expect("readable").expect("one");
        assert_eq!((turn, last_lines(&log).expect("readable")), (10, (b"new\n".to_vec(), false)));
        let line = format!("{}\n", "x".repeat(99_999));
        fs::write(&log, line.repeat(7)).expect("written");
        let (bytes, cut) = last_lines(&log).expect("readable");
        assert!(cut && bytes.len() == 500_000, "{}", bytes.len());
    }
}

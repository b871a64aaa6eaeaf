//! The tmux driver: the agent's conversation stays open in a terminal that outlives the server. We type a prompt as a
//! person would; whether it was taken and what came of it is told by the agent's hooks and its transcript.

pub mod hooks;
pub(crate) mod launch;
pub(crate) mod screen;
pub(crate) mod session_observer;
pub(crate) mod typing;

use crate::base::clock::{Deadline, pause};
use crate::base::error::{Error, Result};
use crate::domain::orchestrator::session::{LUCI, Session};
use crate::domain::orchestrator::turn::Turn;
use crate::domain::time::Time;
use crate::drivers::runtime::claude::home::Status;
use crate::drivers::supervise::process;
use crate::drivers::supervise::stop;
use crate::drivers::tmux::{Key, Pane, Tmux};
use crate::engine::orchestrator::driver::{Before, Driver, Harvest, Look, NotSent, Start};
use crate::engine::orchestrator::headless::Environment;
use crate::engine::orchestrator::tmux_driver::screen::Screen;
use crate::engine::orchestrator::tmux_driver::session_observer::Book;
use crate::engine::{Engine, lock};
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

/// While a turn is followed the terminal itself is looked at only so often, in milliseconds.
const LOOK_EACH_MS: i64 = 250;
/// The screen may lag so far behind what the hooks tell, in milliseconds.
const LAG_MS: i64 = 1_000;
/// How long an agent may take to come up before a screen we cannot read is shown to a person, in milliseconds.
const COMING_UP_MS: i64 = 45_000;
/// How long later, in milliseconds: a screen may be caught half painted.
const ODD_MS: i64 = 5_000;
/// How long tmux may take to notice that a program has ended, in milliseconds.
const ENDING_MS: i64 = 1_500;
/// What an agent gets to end by itself when its terminal is closed.
const GRACE: Duration = Duration::from_secs(2);

/// The tmux driver.
pub struct TmuxDriver {
    environment: Box<Environment>,
    /// What was read last. Only saves work.
    book: Mutex<Option<Book>>,
}

impl TmuxDriver {
    /// A driver; `environment` gives what is added to the agent's environment after its profile's.
    #[must_use]
    pub fn new(environment: Box<Environment>) -> TmuxDriver {
        TmuxDriver { environment, book: Mutex::new(None) }
    }

    fn with_book<T>(&self, session: &Session, act: impl FnOnce(&mut Book) -> Result<T>) -> Result<T> {
        let mut held = lock(&self.book);
        if held.as_ref().is_none_or(|book| !book.is_of(session)) {
            *held = None;
        }
        let book = held.get_or_insert_with(|| Book::open(session));
        act(book)
    }

    /// Whether the agent has a prompt with this marker.
    fn has(&self, session: &Session, marker: &str) -> bool {
        let has = self.with_book(session, |book| {
            book.catch_up(session)?;
            Ok(book.has(marker))
        });
        has.unwrap_or(false)
    }

    /// What was seen of the terminal before is of no use.
    fn forget_looks(&self) {
        if let Some(book) = lock(&self.book).as_mut() {
            (book.looked, book.ready_since) = (None, None);
        }
    }

    fn look_now(&self, engine: &Engine, session: &Session) -> Result<Look> {
        self.with_book(session, |book| {
            book.catch_up(session)?;
            let look = observe(engine, session, book)?;
            remember(engine, book, &look);
            Ok(look)
        })
    }
}

impl Driver for TmuxDriver {
    fn start(&self, engine: &Engine, session: &Session, how: Start) -> Result<Option<(i64, i64)>> {
        let started = self.bring_up(engine, session, how);
        *lock(&self.book) = None;
        started
    }

    fn look(&self, engine: &Engine, session: &Session) -> Result<Look> {
        self.look_now(engine, session)
    }

    fn send(
        &self,
        engine: &Engine,
        session: &Session,
        turn: &Turn,
        sending: &mut dyn FnMut() -> Result<()>,
    ) -> std::result::Result<(), NotSent> {
        self.type_in(engine, session, turn, sending)
    }

    fn harvest(&self, engine: &Engine, session: &Session, turn: &Turn) -> Result<Harvest> {
        let marker = turn.marker();
        if marker.is_empty() {
            return Ok(Harvest::Nowhere);
        }
        self.with_book(session, |book| {
            book.catch_up(session)?;
            let clock = engine.store.clock();
            if let Some(end) = book.ended(session, &marker, clock.now(), false) {
                return Ok(end);
            }
            let look = match &book.looked {
                Some((at, look)) if clock.mono_ms() - at < LOOK_EACH_MS => look.clone(),
                _ => {
                    let look = observe(engine, session, book)?;
                    remember(engine, book, &look);
                    look
                }
            };
            if matches!(look, Look::Gone(_)) {
                // Whatever it wrote before its end is there now.
                book.catch_up(session)?;
                if let Some(end) = book.ended(session, &marker, clock.now(), true) {
                    return Ok(end);
                }
            }
            Ok(book.open_turn(session, turn, &look, clock.mono_ms()))
        })
    }

    fn ask_again(&self, engine: &Engine, session: &Session, turn: &Turn) -> Result<Before> {
        typing::enter_again(&Tmux::at(&engine.data.tmux_socket()), session, turn)
    }

    fn interrupt(&self, engine: &Engine, session: &Session, _turn: &Turn) -> Result<()> {
        match self.look_now(engine, session)? {
            // In an idle box a second Escape would open a menu.
            Look::Gone(_) | Look::ComingUp | Look::Ready => Ok(()),
            Look::Busy | Look::Dialog(_) => Tmux::at(&engine.data.tmux_socket()).keys(LUCI, &[Key::Escape]),
        }
    }

    fn stop(&self, engine: &Engine, session: &Session) -> Result<()> {
        let dir = Path::new(&session.dir);
        let tmux = Tmux::at(&engine.data.tmux_socket());
        // Where tmux itself is broken or gone, the agent can be ended all the same.
        if let Ok(Some(pane)) = tmux.pane(LUCI)
            && (pane.dead || ours(pane.pid, dir))
        {
            let start = process::start_time(pane.pid);
            if let Err(e) = tmux.kill(LUCI) {
                tracing::debug!(error = %e, "the terminal could not be closed");
            }
            let deadline = Deadline::after(GRACE);
            while start.is_some_and(|start| process::is_same(pane.pid, start)) && !deadline.is_over() {
                pause(Duration::from_millis(10));
            }
        }
        *lock(&self.book) = None;
        if stop::end_marked("MC_SESSION_DIR", dir, Duration::from_millis(500)) {
            Ok(())
        } else {
            Err(Error::Busy("something that the session's agent started cannot be ended".to_owned()))
        }
    }
}

fn remember(engine: &Engine, book: &mut Book, look: &Look) {
    let now = engine.store.clock().mono_ms();
    book.ready_since = if *look == Look::Ready { book.ready_since.or(Some(now)) } else { None };
    book.looked = Some((now, look.clone()));
}

/// Whether the process that was written down is there.
fn lives(session: &Session) -> bool {
    let pid = session.pid.and_then(|pid| i32::try_from(pid).ok());
    let start = session.pid_start.and_then(|at| u64::try_from(at).ok());
    pid.zip(start).is_some_and(|(pid, start)| process::is_same(pid, start))
}

/// How the terminal stands.
fn observe(engine: &Engine, session: &Session, book: &mut Book) -> Result<Look> {
    let tmux = Tmux::at(&engine.data.tmux_socket());
    let pane = match tmux.pane(LUCI) {
        Ok(Some(pane)) => pane,
        Ok(None) => return Ok(Look::Gone(None)),
        // Without tmux her process itself says whether she is there.
        Err(e) if !lives(session) => return Ok(Look::Gone(Some(e.to_string()))),
        Err(e) => return Err(e),
    };
    if pane.dead {
        return Ok(Look::Gone(why_dead(&tmux, &pane)));
    }
    let clock = engine.store.clock();
    let now = clock.mono_ms();
    // A process on its way out has no words any more, then it is a zombie.
    if process::command_line(pane.pid).iter().all(String::is_empty) {
        // tmux is about to notice; where something else holds the terminal open it never does.
        let ended = now - *book.odd_since.get_or_insert(now);
        return Ok(if ended < ENDING_MS { Look::Busy } else { Look::Gone(why_dead(&tmux, &pane)) });
    }
    if !ours(pane.pid, Path::new(&session.dir)) {
        return Ok(Look::Gone(Some("another session has the terminal".to_owned())));
    }
    if pane.in_mode {
        tmux.leave_copy_mode(LUCI)?;
    }
    let seen = match tmux.coloured(LUCI, 0) {
        Ok(text) => screen::read(&text),
        // It went away in between.
        Err(_) if !tmux.exists(LUCI)? => return Ok(Look::Gone(None)),
        Err(e) => return Err(e),
    };
    let status = process::start_time(pane.pid).and_then(|start| book.home.as_ref()?.status(pane.pid, start));
    let told = book.hooks.busy_since().is_some_and(|at| just(at, clock.now()));
    let look = decide(&seen, status.as_ref(), told);
    if look != Look::ComingUp {
        book.odd_since = None;
        return Ok(look);
    }
    let up = session.launched_at.map_or(0, |at| clock.now().waited(at));
    let odd = now - *book.odd_since.get_or_insert(now);
    if up < COMING_UP_MS {
        return Ok(Look::ComingUp);
    }
    Ok(if odd < ODD_MS {
        Look::Busy
    } else {
        Look::Dialog("her screen shows no input box: look at it in the console".to_owned())
    })
}

/// Whether the screen may lag behind what was told then.
fn just(told: Time, now: Time) -> bool {
    now.waited(told) < LAG_MS
}

/// What screen and status together say; `told`: her hooks said a moment ago that she works.
fn decide(seen: &Screen, status: Option<&Status>, told: bool) -> Look {
    if let Some(words) = &seen.dialog {
        return Look::Dialog(words.clone());
    }
    if seen.busy || status == Some(&Status::Busy) {
        return Look::Busy;
    }
    match (&seen.input, status) {
        (_, Some(Status::Waiting(what))) => Look::Dialog(format!("she waits for {what}")),
        (Some(_), _) if told => Look::Busy,
        (Some(_), _) => Look::Ready,
        (None, _) => Look::ComingUp,
    }
}

/// Whether a living process is the agent of this session, or about to become it.
fn ours(pid: i32, dir: &Path) -> bool {
    let about_to_be = || {
        let words = process::command_line(pid);
        words.windows(2).any(|w| w[0] == "attend" && Path::new(&w[1]) == dir)
    };
    process::carries(pid, "MC_SESSION_DIR", dir) || about_to_be()
}

/// Why the process of a terminal ended.
fn why_dead(tmux: &Tmux, pane: &Pane) -> Option<String> {
    let words = tmux.last_words(LUCI).ok().and_then(|text| screen::last_words(&text));
    match (words, pane.dead_status) {
        (_, Some(code)) if code > 128 => Some(format!("its program was ended by signal {}", code - 128)),
        (Some(words), _) => Some(words),
        (None, Some(code)) => Some(format!("its program ended (exit code {code})")),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::orchestrator::tmux_driver::screen::InputBox;

    #[test]
    fn what_was_told_by_a_clock_that_ran_ahead_is_long_ago() {
        let now = Time(1_000_000);
        assert!(just(now, now) && just(now.plus_ms(-900), now));
        assert!(!just(now.plus_ms(-1_100), now) && !just(now.plus_ms(3_600_000), now));
    }

    #[test]
    fn ready_is_only_what_nothing_speaks_against() {
        let idle = Screen { input: Some(InputBox::default()), ..Screen::default() };
        let busy = Screen { busy: true, ..idle.clone() };
        let asks = Screen { dialog: Some("Which one?".to_owned()), ..Screen::default() };
        let waiting = Status::Waiting("permission prompt".to_owned());
        assert_eq!(decide(&idle, None, false), Look::Ready);
        assert_eq!(decide(&idle, Some(&Status::Idle), false), Look::Ready);
        assert_eq!(decide(&idle, Some(&Status::Busy), false), Look::Busy);
        assert_eq!(decide(&idle, None, true), Look::Busy);
        assert_eq!(decide(&busy, Some(&Status::Idle), false), Look::Busy);
        assert_eq!(decide(&asks, Some(&Status::Idle), false), Look::Dialog("Which one?".to_owned()));
        assert_eq!(decide(&idle, Some(&waiting), false), Look::Dialog("she waits for permission prompt".to_owned()));
        assert_eq!(decide(&Screen::default(), Some(&Status::Idle), false), Look::ComingUp);
    }
}

//! The outside that is played: what engines start, speak with and write to lies behind these traits.

use crate::luci::Program;
use crate::moment::{Hands, pass};
use crate::shims::Shims;
use fastrand::Rng;
use mission_control::drivers::supervise::host::Host;
use mission_control::drivers::supervise::run_dir::RunDir;
use mission_control::drivers::supervise::stop::Ended;
use mission_control::drivers::telegram::{Chats, Fault, Outgoing};
use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Everything outside the server. It lives on when the server dies.
pub struct Outside {
    /// What is left to chance in the step that goes on.
    pub dice: Rng,
    /// Nothing goes wrong any more.
    pub calm: bool,
    pub shims: Shims,
    pub luci: Program,
    /// Messages that came into the chats.
    pub messages: i64,
    pub hands: Arc<Hands>,
}

impl Outside {
    /// Whether something that happens in so many of a hundred cases happens now.
    pub fn chance(&mut self, percent: u32) -> bool {
        !self.calm && self.dice.u32(0..100) < percent
    }
}

/// A handle on the outside, for those who act in it.
#[derive(Clone)]
pub struct Stage(pub Arc<Mutex<Outside>>);

impl Stage {
    pub fn set(&self) -> MutexGuard<'_, Outside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Work = Box<dyn FnOnce() + Send>;

/// What the threads of one server are still to do. It dies with the server.
#[derive(Clone, Default)]
pub struct Threads(Arc<Mutex<VecDeque<Work>>>);

impl Threads {
    pub fn next(&self) -> Option<Work> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

/// Processes and threads, played.
pub struct PlayedHost {
    pub stage: Stage,
    pub threads: Threads,
}

impl Host for PlayedHost {
    fn spawn(&self, _: &Path, dir: &RunDir) -> io::Result<()> {
        pass();
        self.stage.set().start_shim(dir)?;
        pass();
        Ok(())
    }

    fn list(&self, _: &RunDir) -> Vec<i32> {
        Vec::new()
    }

    fn ask_to_stop(&self, dir: &RunDir) -> bool {
        pass();
        self.stage.set().ask_to_stop(dir)
    }

    fn stop(&self, dir: &RunDir, _: Duration) -> Ended {
        pass();
        let ended = self.stage.set().stop_run(dir);
        pass();
        ended
    }

    fn beside(&self, _: &str, work: Work) -> io::Result<Option<JoinHandle<()>>> {
        if self.stage.set().chance(2) {
            return Err(io::Error::other("no more threads"));
        }
        self.threads.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(work);
        Ok(None)
    }

    fn pause(&self, _: Duration) {
        pass();
        let mut out = self.stage.set();
        out.hands.advance(1_000);
        if out.dice.bool() {
            out.begin_one();
        }
    }
}

/// The chats, played.
pub struct PlayedChats(pub Stage);

impl PlayedChats {
    fn fate(&self) -> Result<i64, Fault> {
        pass();
        let mut out = self.0.set();
        if out.chance(25) {
            let why = || "so it goes".to_owned();
            return Err(match out.dice.u32(0..12) {
                0..3 => Fault::Slow(i64::from(out.dice.u32(1..60)) * 1_000),
                3..7 => Fault::Unreachable(why()),
                7..9 => Fault::Refused(why()),
                9 => Fault::Forbidden(why()),
                10 => Fault::Unknown(why()),
                _ => Fault::Elsewhere(why()),
            });
        }
        out.messages += 1;
        Ok(out.messages)
    }
}

impl Chats for PlayedChats {
    fn me(&self) -> Result<String, Fault> {
        self.fate().map(|_| "luci_bot".to_owned())
    }

    fn send(&self, _: &Outgoing<'_>) -> Result<i64, Fault> {
        let placed = self.fate()?;
        // It is in the chat, and we may die before we hear so.
        pass();
        Ok(placed)
    }

    fn take_buttons(&self, _: i64, _: i64) -> Result<(), Fault> {
        self.fate().map(drop)
    }
}

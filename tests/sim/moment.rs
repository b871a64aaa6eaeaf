//! Moments: a clock in our hands, and the crash that comes at one of the moments an engine passes.
//!
//! Whoever acts asks the time, starts a process or talks to somebody: at each of these the server can be made to die, by
//! unwinding out of whatever it was doing. What it held in memory is then thrown away.

use mission_control::base::clock::Clock;
use mission_control::domain::time::Time;
use std::cell::Cell;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicI64, Ordering};

/// What unwinds out of a server that dies.
pub struct Crash;

thread_local! {
    static LEFT: Cell<Option<u32>> = const { Cell::new(None) };
}

/// The server dies after so many more moments; never where there is none.
pub fn arm(after: Option<u32>) {
    LEFT.set(after);
}

/// A moment at which the server may die. Other threads than the one that acts pass it unharmed.
pub fn pass() {
    match LEFT.get() {
        Some(0) => {
            LEFT.set(None);
            resume_unwind(Box::new(Crash));
        }
        Some(n) => LEFT.set(Some(n - 1)),
        None => {}
    }
}

/// A clock that stands until it is moved.
pub struct Hands {
    now: AtomicI64,
    mono: AtomicI64,
}

impl Hands {
    pub fn at(now: i64) -> Hands {
        Hands { now: AtomicI64::new(now), mono: AtomicI64::new(1_000_000) }
    }

    /// Time passes.
    pub fn advance(&self, ms: i64) {
        self.now.fetch_add(ms, Ordering::SeqCst);
        self.mono.fetch_add(ms, Ordering::SeqCst);
    }

    /// Somebody puts the wall clock elsewhere.
    pub fn put(&self, ms: i64) {
        self.now.fetch_add(ms, Ordering::SeqCst);
    }

    /// The wall clock, without a moment.
    pub fn wall(&self) -> i64 {
        self.now.load(Ordering::SeqCst)
    }

    /// The monotonic clock, without a moment.
    pub fn ticks(&self) -> i64 {
        self.mono.load(Ordering::SeqCst)
    }
}

impl Clock for Hands {
    fn now(&self) -> Time {
        pass();
        Time(self.wall())
    }

    fn mono_ms(&self) -> i64 {
        pass();
        self.ticks()
    }
}

//! The only place that asks the machine for the time or waits for it to pass.
#![allow(clippy::disallowed_methods, reason = "this is the one door to the system's clock")]

use crate::domain::time::Time;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Tells the time. Engines and stores take one as a parameter, so that tests can turn it.
pub trait Clock: Send + Sync {
    /// The wall clock.
    fn now(&self) -> Time;
    /// A clock that never jumps, in milliseconds since some fixed moment. Limits are counted on it.
    fn mono_ms(&self) -> i64;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    since: Instant,
}

impl SystemClock {
    /// The machine's clock, its monotonic side counted from now.
    #[must_use]
    pub fn new() -> SystemClock {
        SystemClock { since: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        SystemClock::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Time {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Time(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn mono_ms(&self) -> i64 {
        i64::try_from(self.since.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}

/// Lets some time pass between two looks at something that cannot be waited for.
pub fn pause(d: Duration) {
    std::thread::sleep(d);
}

/// A moment on the monotonic clock by which something must have happened.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Instant);

impl Deadline {
    /// So long from now.
    #[must_use]
    pub fn after(d: Duration) -> Deadline {
        Deadline(Instant::now() + d)
    }

    /// Whether it is over.
    #[must_use]
    pub fn is_over(self) -> bool {
        Instant::now() >= self.0
    }
}

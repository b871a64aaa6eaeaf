//! Time for measuring: the one place here that asks the machine for it.
#![allow(clippy::disallowed_methods, reason = "a benchmark measures real time")]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A running stopwatch.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// From now.
    pub fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    /// So far.
    pub fn seconds(self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }

    /// So far.
    pub fn millis(self) -> f64 {
        self.seconds() * 1e3
    }
}

/// A moment that all processes of this machine agree on.
pub fn stamp_ns() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos()).unwrap_or(0)
}

/// Waits.
pub fn pause(d: Duration) {
    std::thread::sleep(d);
}

/// Waits for a condition, for at most so long.
pub fn wait_for<T>(what: &str, seconds: f64, mut look: impl FnMut() -> Option<T>) -> Result<T, String> {
    let began = Stopwatch::start();
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        if began.seconds() > seconds {
            return Err(format!("{what}: not within {seconds} s"));
        }
        pause(Duration::from_millis(2));
    }
}

//! Waiting for what must come, and repeatable random numbers.

use mission_control::base::clock::{Clock, SystemClock, pause};
use std::time::Duration;

/// The longest anything may take, with two slow cores and everything else running beside it.
const PATIENCE_MS: i64 = 60_000;
/// Two fast looks apart.
pub const STEP: Duration = Duration::from_millis(4);

/// Waits for something that must come.
pub fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    until_ms(PATIENCE_MS, what, look)
}

/// As [`until`], with another patience.
pub fn until_ms<T>(patience: i64, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let clock = SystemClock::new();
    loop {
        let late = clock.mono_ms() >= patience;
        if let Some(found) = look() {
            return found;
        }
        assert!(!late, "waited in vain for: {what}");
        pause(STEP);
    }
}

/// A repeatable source of numbers.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    pub fn roll(&mut self, below: u64) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below.max(1)
    }
}

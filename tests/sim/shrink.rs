//! Shrinking: leaves out steps, many at first and then one by one, for as long as it still fails in the same way.

use crate::step::Step;
use crate::world::Wrong;
use mission_control::base::clock::{Clock, SystemClock};

/// The longest that is shrunk, in milliseconds.
const LONGEST_MS: i64 = 90_000;

/// A failure, and after how many steps it was seen.
#[derive(Debug, Clone)]
pub struct Failed {
    pub after: usize,
    pub wrong: Wrong,
}

/// The fewest steps found that still break the same invariant, and how they do.
pub fn shrink(
    steps: &[(usize, Step)],
    wrong: &Wrong,
    fails: impl Fn(&[(usize, Step)]) -> Option<Failed>,
) -> (Vec<(usize, Step)>, Wrong) {
    let clock = SystemClock::new();
    let (mut few, mut wrong) = (steps.to_vec(), wrong.clone());
    let mut size = few.len().div_ceil(2);
    while size > 0 && clock.mono_ms() < LONGEST_MS {
        let (mut at, mut fewer) = (few.len(), false);
        // From the end: what comes later depends on what came before.
        while at > 0 && clock.mono_ms() < LONGEST_MS {
            let from = at.saturating_sub(size);
            let mut without = few.clone();
            without.drain(from..at);
            if let Some(failed) = fails(&without).filter(|f| f.wrong.which == wrong.which) {
                without.truncate(failed.after);
                few = without;
                wrong = failed.wrong;
                fewer = true;
            }
            at = from.min(few.len());
        }
        if !fewer || size > 1 {
            size /= 2;
        }
    }
    (few, wrong)
}

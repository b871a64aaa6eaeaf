//! What pickup remembers between two ticks. Nothing in it is missed after a restart.

use crate::drivers::git::DiffStat;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// A launch that failed for a fault of the machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct LaunchBackoff {
    /// Until when (monotonic) it is left alone.
    pub(crate) until: i64,
    /// How often it failed in a row.
    pub(crate) times: u32,
    /// Why it failed last, in words.
    pub(crate) why: String,
}

/// What is known of a run that could not be moved on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Overdue {
    /// Since when (monotonic).
    pub(crate) since: i64,
    /// The next look (monotonic).
    pub(crate) next: i64,
}

/// Measures by run folder: one that forks keeps its own.
pub(crate) type Measures = Arc<Mutex<BTreeMap<String, Measure>>>;

/// What is known of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    /// Git is at it.
    UnderWay,
    /// What it said; nothing where there is no worktree or it failed.
    Taken(Option<DiffStat>),
}

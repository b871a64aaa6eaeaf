//! What the scheduler remembers between two ticks, the files of tasks among it.

use crate::domain::ids::TaskRunId;
use crate::domain::task::{Broken, Task};
use crate::domain::time::Time;
use crate::engine::orchestrator::headless::reading::Reading;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the scheduler remembers between two ticks. Nothing in it is missed after a restart.
#[derive(Default)]
pub struct Memory {
    pub(crate) files: Files,
    /// The tasks that can run.
    pub(crate) parsed: Arc<Parsed>,
    /// Run folders a shim was spawned on by this process, and when (monotonic).
    pub(crate) spawned: BTreeMap<TaskRunId, i64>,
    /// The streams of live agents, as far as they were read.
    pub(crate) readings: BTreeMap<TaskRunId, Reading>,
    /// The wall clock and the monotonic one at the last tick.
    pub(crate) clocks: Option<(Time, i64)>,
}

/// Tasks by their file and its hash.
pub(crate) type Parsed = BTreeMap<(String, String), Arc<Task>>;

/// The files as last read.
#[derive(Default)]
pub(crate) struct Files {
    pub(crate) seen: BTreeMap<String, Seen>,
    pub(crate) taken_in: bool,
    /// Whether there are broken ones.
    pub(crate) any_broken: bool,
}

/// A file as last read.
pub(crate) struct Seen {
    /// Time of change (of its rights as well), size, inode; nothing for one that could not be read. When one differs the file is read again.
    pub(crate) stamp: (i64, i64, u64, u64),
    pub(crate) hash: String,
    pub(crate) source: String,
    pub(crate) parsed: std::result::Result<Arc<Task>, Broken>,
}

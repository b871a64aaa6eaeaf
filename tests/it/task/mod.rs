//! Scheduled tasks.

pub(crate) mod scheduler;
pub(crate) mod scheduler_live;
pub(crate) mod scheduler_runs;

//! Scheduled tasks: what is known of each file, the ledger of due times, streaks of failures.

pub mod streaks;
pub mod task_runs;
pub mod tasks;

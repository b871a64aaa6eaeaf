//! Runs: rows, events, reports, and which tickets may start.

pub mod activity;
pub mod conclude;
pub mod dispatch;
pub mod events;
pub(crate) mod inbox_report;
pub mod pauses;
pub mod reports;
pub mod running;
pub mod runs;

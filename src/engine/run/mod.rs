//! Runs: from a ticket that is ready to one that is concluded.

pub mod brief;
pub(crate) mod change_stat;
pub mod conclude;
pub mod dispatch;
pub mod ingest;
pub mod launch;
pub(crate) mod memory;
pub mod pickup;
pub mod readable_log;
pub mod reader;
pub mod reaper;

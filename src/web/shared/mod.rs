//! Reads that two screens share, each from rows to what a view shows.

pub mod activity;
pub mod attention;
pub mod choices;
pub mod orchestrator_status;
pub mod waiting;

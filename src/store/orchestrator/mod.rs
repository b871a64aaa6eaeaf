//! The orchestrator's sessions, turns and proposals.

pub mod actions;
pub(crate) mod effects;
pub mod proposals;
pub mod sessions;
pub mod turns;

//! The orchestrator's sessions, turns and proposals.

pub mod actions;
pub mod autonomy;
pub mod carry_out;
pub mod dependencies;
pub mod effects;
pub mod proposals;
pub mod record;
pub mod sessions;
pub mod turns;

//! The orchestrator: its sessions, its turns, and what it proposes.

pub mod action;
pub mod outcome;
pub mod proposal;
pub mod proposal_block;
pub mod session;
pub mod turn;

//! The orchestrator's inbox and its digests.

pub mod digests;
pub mod items;

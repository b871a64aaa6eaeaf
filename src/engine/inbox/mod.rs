//! The orchestrator's inbox: reports to digests and back.

pub mod drain;

//! The demo agent: works really, thinks of nothing.

pub mod agent;
pub(crate) mod orchestrator;
pub(crate) mod script;

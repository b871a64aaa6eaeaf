//! Runs: agents, shims, crashes.

pub(crate) mod bad_agents;
pub(crate) mod crash;
pub(crate) mod one_worker;
pub(crate) mod real_cli;
pub(crate) mod shim;
pub(crate) mod ticks;
pub(crate) mod unheard;

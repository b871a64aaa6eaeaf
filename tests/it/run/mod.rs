//! Runs: agents, shims, crashes.

pub(crate) mod agent_sessions;
pub(crate) mod crash;
pub(crate) mod launch_trouble;
pub(crate) mod leftover_processes;
pub(crate) mod one_worker;
pub(crate) mod output_limits;
pub(crate) mod real_cli;
pub(crate) mod reports;
pub(crate) mod retries;
pub(crate) mod rig;
pub(crate) mod shim;
pub(crate) mod shim_rig;
pub(crate) mod shim_stops;
pub(crate) mod ticks;
pub(crate) mod unheard;

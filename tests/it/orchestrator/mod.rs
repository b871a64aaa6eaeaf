//! The orchestrator: its drivers, its API, its proposals.

pub(crate) mod demo_terminal;
pub(crate) mod headless_driver;
pub(crate) mod luci_api;
pub(crate) mod proposals;
pub(crate) mod real_luci;
pub(crate) mod real_luci_tmux;
pub(crate) mod tmux_driver;

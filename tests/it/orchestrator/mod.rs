//! The orchestrator: its drivers, its API, its proposals.

pub(crate) mod api_proposals;
pub(crate) mod api_refusals;
pub(crate) mod api_rig;
pub(crate) mod api_turns;
pub(crate) mod conversation;
pub(crate) mod demo_terminal;
pub(crate) mod grants;
pub(crate) mod headless_demo;
pub(crate) mod headless_driver;
pub(crate) mod headless_kills;
pub(crate) mod headless_rig;
pub(crate) mod proposal_blocks;
pub(crate) mod proposal_effects;
pub(crate) mod proposals;
pub(crate) mod proposals_rig;
pub(crate) mod real_luci;
pub(crate) mod real_luci_tmux;
pub(crate) mod tmux_driver;

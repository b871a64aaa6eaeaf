//! Notices, and Telegram.

pub(crate) mod decisions;
pub(crate) mod delivery;
pub(crate) mod inbound;
pub(crate) mod long_outages;
pub(crate) mod rig;

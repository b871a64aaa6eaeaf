//! The inbox and its digests.

pub(crate) mod decided_once;
pub(crate) mod digests;
pub(crate) mod failed_digests;
pub(crate) mod leases;
pub(crate) mod page;
pub(crate) mod reports;
pub(crate) mod rig;
pub(crate) mod streaks;

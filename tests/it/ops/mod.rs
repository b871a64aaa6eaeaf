//! Running it: the server as a process, disks, faults, commands.

pub(crate) mod commands;
pub(crate) mod disk;
#[cfg(feature = "faults")]
pub(crate) mod faults;
pub(crate) mod loopback;
pub(crate) mod mishaps;
pub(crate) mod shutdown;
pub(crate) mod store_faults;
pub(crate) mod wal;

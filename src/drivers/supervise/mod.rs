//! Processes that outlive the server: the shim, its run folder, starting and stopping.

pub mod host;
pub mod process;
pub mod run_dir;
pub mod shim;
pub mod stop;

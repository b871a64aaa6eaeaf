//! The configuration: file, environment and flags, parsed once into types that cannot be wrong.

pub mod data_dir;
pub(crate) mod file;
pub(crate) mod folders;
pub(crate) mod load;
pub(crate) mod origin;
pub(crate) mod parse;
pub(crate) mod telegram;
pub(crate) mod values;

pub use crate::config::load::default_data;
pub use crate::config::origin::Origin;
pub use crate::config::telegram::Telegram;
pub use crate::config::values::{Config, DEMO, Flags, Orchestrator, Scheduler};

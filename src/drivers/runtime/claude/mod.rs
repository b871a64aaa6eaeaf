//! Claude Code: its arguments, formats, files, hooks and screen.

pub mod argv;
pub(crate) mod costs;
pub mod home;
pub mod hook;
pub mod interactive;
pub mod probe;
pub mod stream;
pub mod transcript;
pub mod turn_stream;

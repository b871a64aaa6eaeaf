//! Floor 2: drivers. Each knows one thing outside of us: processes, agents, git, tmux, Telegram, files.

pub mod exec;
pub mod git;
pub mod memory;
pub mod runtime;
pub mod supervise;
pub mod task_file;
pub mod telegram;
pub mod tmux;

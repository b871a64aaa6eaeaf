//! Scheduled tasks.

pub(crate) mod agents;
pub(crate) mod clock_jumps;
pub(crate) mod commands;
pub(crate) mod due_times;
pub(crate) mod files;
pub(crate) mod model_api;
pub(crate) mod restarts;
pub(crate) mod rig;
pub(crate) mod scheduler_live;
pub(crate) mod slots;

//! The pages of scheduled tasks.

pub mod page;
pub mod view;
pub mod view_task;

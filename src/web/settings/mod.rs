//! Settings.

pub mod page;
pub mod telegram;
pub mod view;
pub mod view_telegram;

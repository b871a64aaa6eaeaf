//! The console.

pub mod page;
pub mod screen;
pub mod view;

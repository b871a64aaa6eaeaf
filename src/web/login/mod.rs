//! Logging in and out.

pub mod page;
pub mod view;

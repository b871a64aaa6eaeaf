//! The page of the inbox.

pub mod page;
pub mod view;

//! The composer.

pub mod page;
pub mod view;

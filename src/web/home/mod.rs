//! Home: what needs a person, what runs, what happened since.

pub mod known;
pub mod page;
pub mod run_row;
pub mod stream;
pub mod view;

//! The board.

pub mod card;
pub mod filter;
pub mod kept;
pub mod page;
pub mod stream;
pub mod view;

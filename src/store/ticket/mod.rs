//! Tickets: rows, moves, comments, messages, evidence, and what moves each of them next.

pub mod board;
pub mod changes;
pub mod columns;
pub mod comments;
pub mod evidence;
pub mod filter;
pub mod lifecycle;
pub mod lists;
pub mod messages;
pub mod next_actions;
pub mod search;
pub mod start;
pub mod status;
pub mod tickets;

//! Floor 0: values and pure functions. No I/O, no clock, no randomness: what is needed comes in as a parameter.

pub mod action;
pub mod actor;
pub mod brief;
pub mod comment;
pub mod conclude;
pub mod digest;
pub mod event;
pub mod evidence;
pub mod ids;
pub mod inbox;
pub mod message;
pub mod next_action;
pub mod notice;
pub mod notice_words;
pub mod profile;
pub mod progress;
pub mod project;
pub mod proposal;
pub mod proposal_block;
pub mod rules;
pub mod run;
#[cfg(test)]
pub(crate) mod samples;
pub mod schedule;
#[cfg(test)]
mod schedule_tests;
pub mod session;
pub mod shorthand;
pub mod signs;
pub mod task;
pub mod terminal;
pub mod text;
pub mod ticket;
pub mod time;
pub mod turn;
pub mod verdict;

//! Floor 0: values and pure functions. No I/O, no clock, no randomness: what is needed comes in as a parameter.

pub mod actor;
pub mod ids;
pub mod inbox;
pub mod notice;
pub mod orchestrator;
pub mod ports;
pub mod profile;
pub mod project;
pub mod run;
#[cfg(test)]
pub(crate) mod samples;
pub mod task;
pub mod text;
pub mod ticket;
pub mod time;

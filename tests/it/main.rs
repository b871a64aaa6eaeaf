//! One integration binary.

mod corpora;
mod floors;
mod inbox;
mod notice;
mod ops;
mod orchestrator;
mod run;
mod support;
mod task;
mod ticket;
mod web;

//! Mission Control: the board, front door and control room for work delegated to AI coding agents.
//!
//! Five floors, imports point down only: [`domain`] (values), store, drivers, engines, web.

pub mod clock;
pub mod domain;
pub mod error;
pub mod web;

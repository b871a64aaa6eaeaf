//! Mission Control: the board, front door and control room for work delegated to AI coding agents.
//!
//! Five floors, imports point down only: [`domain`] (values), [`store`], [`drivers`], [`engine`], [`web`].

pub mod app;
pub mod base;
pub mod cli;
pub mod config;
pub mod domain;
pub mod drivers;
pub mod engine;
pub mod store;
pub mod web;

//! Mission Control: the board, front door and control room for work delegated to AI coding agents.
//!
//! Five floors, imports point down only: [`domain`] (values), [`store`], drivers ([`runtime`], [`shim`], [`git`], [`tmux`] and
//! the like), [`engine`], [`web`].

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod data_dir;
pub mod demo_board;
pub mod doctor;
pub mod domain;
pub mod doorbell;
pub mod engine;
pub mod error;
pub mod faults;
pub mod git;
pub mod memory;
pub mod process;
pub mod random;
pub mod run_dir;
pub mod runtime;
pub mod shim;
pub mod store;
pub mod task_file;
pub mod telegram;
pub mod tmux;
pub mod web;

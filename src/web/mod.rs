//! Floor 4: everything that speaks HTTP. JSON under `/api/v1` is a contract; pages may change any day.

pub mod api;
pub mod guard;
pub mod problem;
pub mod security;
pub mod server;
pub mod state;

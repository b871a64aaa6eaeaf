//! The database file itself: the writer, migrations, health, and small tables that serve all rooms.

pub mod audit;
pub mod check;
pub(crate) mod connection;
pub mod health;
pub mod idempotency;
pub(crate) mod migrate;
pub(crate) mod readers;
pub mod sequences;
pub mod settings;
pub(crate) mod writer;

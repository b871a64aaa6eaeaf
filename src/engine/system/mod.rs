//! What keeps the house in order: watching files, housekeeping, invariants.

pub mod check;
pub mod fs_watch;
pub mod housekeeping;
pub mod sequences;

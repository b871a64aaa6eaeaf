//! What the owner is told outside the page, and what comes back from there.

pub mod outbox;
pub mod telegram;

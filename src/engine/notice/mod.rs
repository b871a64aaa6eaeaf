//! What the owner is told outside the page, and what comes back from there.

pub(crate) mod answers;
pub(crate) mod deliver;
pub mod outbox;
pub mod telegram;

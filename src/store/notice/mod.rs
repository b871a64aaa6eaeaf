//! What the owner is told outside the page, and what is known of the ways there.

pub mod notifications;
pub mod telegram;

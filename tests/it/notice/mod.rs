//! Notices, and Telegram.

pub(crate) mod telegram;

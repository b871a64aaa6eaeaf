//! Who may come in: users, login sessions, tokens.

pub mod credentials;

//! What stands in a ticket's address: which ticket, which part of it, which window.

use crate::base::error::{Error, Result};
use crate::domain::ids::TicketId;
use serde::Deserialize;

/// The ticket a path names.
///
/// # Errors
/// It names none.
pub fn identifier(text: &str) -> Result<TicketId> {
    text.parse().map_err(|_| Error::not_found(format!("a ticket {:?}", text.chars().take(40).collect::<String>())))
}

/// What stands in the ticket's address.
#[derive(Debug, Default, Deserialize)]
pub struct Query {
    /// The part a phone shows.
    pub tab: Option<String>,
    /// Events before this one.
    pub before: Option<i64>,
    /// Comments before this one.
    pub talk_before: Option<i64>,
}

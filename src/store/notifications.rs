//! What the owner is told outside the page: the outbox.

use super::Tx;
use crate::domain::ids::TicketId;
use crate::error::{Error, Result};
use rusqlite::params;

/// A button under a notice.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Button {
    /// What stands on it.
    pub label: String,
    /// What it does: `approve:MC-12`, `resume:profile`.
    pub action: String,
}

/// Something to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The same key is told once.
    pub key: String,
    /// Plain text.
    pub text: String,
    /// What can be done about it at once.
    pub buttons: Vec<Button>,
    /// The ticket it is about.
    pub ticket: Option<TicketId>,
    /// Also in quiet hours.
    pub urgent: bool,
}

/// Puts a notice into the outbox; one whose key is known is told already.
///
/// # Errors
/// The database refused.
pub fn tell(tx: &Tx<'_>, notice: &Notice) -> Result<()> {
    let buttons = serde_json::to_string(&notice.buttons).map_err(|e| Error::Internal(e.to_string()))?;
    tx.conn
        .prepare_cached(
            "insert into notifications (key, text, buttons, ticket_id, urgent, state, next_at, created_at)
             values (?1, ?2, ?3, ?4, ?5, 'pending', ?6, ?6) on conflict (key) do nothing",
        )?
        .execute(params![notice.key, notice.text, buttons, notice.ticket.map(|t| t.0), notice.urgent, tx.now.0])?;
    Ok(())
}

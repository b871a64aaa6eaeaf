//! Audit: what was done in whose name beside the plain history of a ticket, and by whose leave.

use crate::base::error::Result;
use crate::domain::ids::TicketId;
use crate::domain::time::Time;
use crate::store::Tx;
use rusqlite::{Connection, params};

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub id: i64,
    /// Who.
    pub actor: String,
    /// What was done (`proposal.apply`).
    pub action: String,
    /// With which ticket.
    pub ticket: Option<TicketId>,
    /// In words.
    pub detail: String,
    /// When.
    pub created_at: Time,
}

/// Writes an entry.
///
/// # Errors
/// The database refused.
pub fn record(tx: &Tx<'_>, actor: &str, action: &str, ticket: Option<TicketId>, detail: &str) -> Result<()> {
    tx.conn
        .prepare_cached("insert into audit (actor, action, ticket_id, detail, created_at) values (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![actor, action, ticket.map(|t| t.0), detail, tx.now.0])?;
    Ok(())
}

/// Entries, newest first, before a number.
///
/// # Errors
/// The database refused.
pub fn list(conn: &Connection, before: Option<i64>, limit: i64) -> Result<Vec<Entry>> {
    let mut stmt = conn.prepare_cached(
        "select id, actor, action, ticket_id, detail, created_at from audit where id < ?1 order by id desc limit ?2",
    )?;
    let rows = stmt.query_map(params![before.unwrap_or(i64::MAX), limit], |r| {
        Ok(Entry {
            id: r.get(0)?,
            actor: r.get(1)?,
            action: r.get(2)?,
            ticket: r.get::<_, Option<i64>>(3)?.map(TicketId),
            detail: r.get(4)?,
            created_at: Time(r.get(5)?),
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

//! Evidence shown for a ticket's work.

use crate::base::doorbell::Topic;
use crate::base::error::Result;
use crate::domain::ids::{RunId, TicketId};
use crate::domain::ticket::evidence::Evidence;
use crate::domain::time::Time;
use crate::store::Tx;
use rusqlite::{Connection, params};

/// Adds a piece of evidence.
///
/// # Errors
/// The database refused.
pub fn add(tx: &Tx<'_>, ticket: TicketId, run: Option<RunId>, kind: &str, label: &str, detail: &str) -> Result<i64> {
    tx.conn
        .prepare_cached(
            "insert into evidence (ticket_id, run_id, kind, label, detail, created_at) values (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![ticket.0, run.map(|r| r.0), kind, label, detail, tx.now.0])?;
    tx.ring(Topic::Ticket(ticket));
    Ok(tx.conn.last_insert_rowid())
}

/// A ticket's evidence, newest first.
///
/// # Errors
/// The database refused.
pub fn of_ticket(conn: &Connection, ticket: TicketId, limit: i64) -> Result<Vec<Evidence>> {
    before(conn, ticket, i64::MAX, limit)
}

/// A ticket's evidence before a piece of it, newest first.
///
/// # Errors
/// The database refused.
pub fn before(conn: &Connection, ticket: TicketId, id: i64, limit: i64) -> Result<Vec<Evidence>> {
    let mut stmt = conn.prepare_cached(
        "select id, ticket_id, run_id, kind, label, detail, created_at from evidence
         where ticket_id = ?1 and id < ?2 order by id desc limit ?3",
    )?;
    let rows = stmt.query_map(params![ticket.0, id, limit], |r| {
        Ok(Evidence {
            id: r.get(0)?,
            ticket: TicketId(r.get(1)?),
            run: r.get::<_, Option<i64>>(2)?.map(RunId),
            kind: r.get(3)?,
            label: r.get(4)?,
            detail: r.get(5)?,
            created_at: Time(r.get(6)?),
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

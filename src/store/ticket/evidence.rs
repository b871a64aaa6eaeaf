//! Evidence shown for a ticket's work.

use crate::base::doorbell::Topic;
use crate::base::error::Result;
use crate::domain::ids::{RunId, TicketId};
use crate::domain::ticket::evidence::Evidence;
use crate::domain::time::Time;
use crate::store::Tx;
use crate::store::ticket::tickets::id_list;
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
    let rows = stmt.query_map(params![ticket.0, id, limit], row_to_evidence)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The newest evidence of each of these tickets, at most `each` pieces of one, newest first.
///
/// # Errors
/// The database refused.
pub fn newest_of(conn: &Connection, tickets: &[TicketId], each: i64) -> Result<Vec<Evidence>> {
    if tickets.is_empty() {
        return Ok(Vec::new());
    }
    let mut stmt = conn.prepare_cached(
        "select e.id, e.ticket_id, e.run_id, e.kind, e.label, e.detail, e.created_at
         from json_each(?1) t join evidence e on e.ticket_id = t.value
         where e.id in (select n.id from evidence n where n.ticket_id = t.value order by n.id desc limit ?2)
         order by e.ticket_id, e.id desc",
    )?;
    let rows = stmt.query_map(params![id_list(tickets), each], row_to_evidence)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn row_to_evidence(r: &rusqlite::Row<'_>) -> rusqlite::Result<Evidence> {
    Ok(Evidence {
        id: r.get(0)?,
        ticket: TicketId(r.get(1)?),
        run: r.get::<_, Option<i64>>(2)?.map(RunId),
        kind: r.get(3)?,
        label: r.get(4)?,
        detail: r.get(5)?,
        created_at: Time(r.get(6)?),
    })
}

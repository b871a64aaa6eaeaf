//! Changes of tickets: their history, and the cursor of the board's stream.

use crate::base::doorbell::Topic;
use crate::base::error::Result;
use crate::domain::ids::{ChangeId, RunId, TicketId};
use crate::domain::ticket::Status;
use crate::domain::time::Time;
use crate::store::Tx;
use rusqlite::{Connection, params};

/// A change as stored.
#[derive(Debug, Clone)]
pub struct Change {
    /// The cursor.
    pub id: ChangeId,
    /// The ticket.
    pub ticket: TicketId,
    /// `created`, `status`, `fields`, `run`, `comment`, `message`.
    pub kind: String,
    /// Status before, where it moved.
    pub from: Option<String>,
    /// Status after, where it moved.
    pub to: Option<String>,
    /// The run it belongs to.
    pub run: Option<RunId>,
    /// Who.
    pub actor: String,
    /// Why, in words.
    pub note: String,
    /// When.
    pub created_at: Time,
}

/// What to record.
pub struct NewChange<'a> {
    /// The ticket.
    pub ticket: TicketId,
    /// See [`Change::kind`].
    pub kind: &'a str,
    /// The move, for kind `status`.
    pub moved: Option<(Status, Status)>,
    /// The run it belongs to.
    pub run: Option<RunId>,
    /// Who.
    pub actor: &'a str,
    /// Why, in words.
    pub note: &'a str,
}

/// Records a change and rings the ticket and the board.
///
/// # Errors
/// The database refused.
pub fn record(tx: &Tx<'_>, c: &NewChange<'_>) -> Result<()> {
    tx.conn
        .prepare_cached(
            "insert into ticket_changes (ticket_id, kind, from_status, to_status, run_id, actor, note, created_at)
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            c.ticket.0,
            c.kind,
            c.moved.map(|m| m.0.as_str()),
            c.moved.map(|m| m.1.as_str()),
            c.run.map(|r| r.0),
            c.actor,
            c.note,
            tx.now.0
        ])?;
    tx.ring(Topic::Ticket(c.ticket));
    tx.ring(Topic::Board);
    Ok(())
}

/// The newest change's cursor; 0 where there is none.
///
/// # Errors
/// The database refused.
pub fn newest(conn: &Connection) -> Result<ChangeId> {
    let id: Option<i64> = conn.prepare_cached("select max(id) from ticket_changes")?.query_row([], |r| r.get(0))?;
    Ok(ChangeId(id.unwrap_or(0)))
}

/// The newest change of one ticket; 0 where there is none.
///
/// # Errors
/// The database refused.
pub fn newest_of(conn: &Connection, ticket: TicketId) -> Result<ChangeId> {
    let mut stmt = conn.prepare_cached("select max(id) from ticket_changes where ticket_id = ?1")?;
    let id: Option<i64> = stmt.query_row([ticket.0], |r| r.get(0))?;
    Ok(ChangeId(id.unwrap_or(0)))
}

/// Changes after a cursor, oldest first.
///
/// # Errors
/// The database refused.
pub fn after(conn: &Connection, cursor: ChangeId, limit: i64) -> Result<Vec<Change>> {
    let mut stmt = conn.prepare_cached(
        "select id, ticket_id, kind, from_status, to_status, run_id, actor, note, created_at
         from ticket_changes where id > ?1 order by id limit ?2",
    )?;
    let rows = stmt.query_map(params![cursor.0, limit], row_to_change)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The newest closings (done, cancelled), newest first: what happened since somebody looked.
///
/// # Errors
/// The database refused.
pub fn recent_moves(conn: &Connection, since: Time, limit: i64) -> Result<Vec<Change>> {
    // Walks the newest rows only: bounded, however long the history.
    let mut stmt = conn.prepare_cached(
        "select id, ticket_id, kind, from_status, to_status, run_id, actor, note, created_at
         from (select * from ticket_changes order by id desc limit 500)
         where kind = 'status' and created_at > ?1 and to_status in ('done', 'cancelled', 'in_review', 'blocked', 'needs_input')
         order by id desc limit ?2",
    )?;
    let rows = stmt.query_map(params![since.0, limit], row_to_change)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// A ticket's changes, oldest first.
///
/// # Errors
/// The database refused.
pub fn of_ticket(conn: &Connection, ticket: TicketId, limit: i64) -> Result<Vec<Change>> {
    let mut stmt = conn.prepare_cached(
        "select id, ticket_id, kind, from_status, to_status, run_id, actor, note, created_at
         from ticket_changes where ticket_id = ?1 order by id limit ?2",
    )?;
    let rows = stmt.query_map(params![ticket.0, limit], row_to_change)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn row_to_change(r: &rusqlite::Row<'_>) -> rusqlite::Result<Change> {
    Ok(Change {
        id: ChangeId(r.get(0)?),
        ticket: TicketId(r.get(1)?),
        kind: r.get(2)?,
        from: r.get(3)?,
        to: r.get(4)?,
        run: r.get::<_, Option<i64>>(5)?.map(RunId),
        actor: r.get(6)?,
        note: r.get(7)?,
        created_at: Time(r.get(8)?),
    })
}

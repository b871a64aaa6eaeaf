//! Events: appended together with the log offset they came from, so that every line counts exactly once.

use crate::base::doorbell::Topic;
use crate::base::error::{Error, Result};
use crate::domain::ids::{EventId, RunId, TicketId};
use crate::domain::run::event::{Event, EventKind, NewEvent};
use crate::domain::run::{Run, Tokens};
use crate::domain::time::Time;
use crate::store::Tx;
use crate::store::run::runs::fenced;
use crate::store::ticket::columns::parsed;
use rusqlite::{Connection, OptionalExtension, params};

pub(crate) const COLUMNS: &str = "id, ticket_id, seq, run_id, attempt, line, kind, tool, context, input, content, truncated, is_error, \
     sub_agent, call_id, created_at";

/// A stretch of a run's raw log, read and understood.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Where the stretch began; must be the stored offset.
    pub from: i64,
    /// Where it ended.
    pub to: i64,
    /// Lines of the log up to its end.
    pub lines: i64,
    /// What they meant.
    pub events: Vec<NewEvent>,
    /// The stream's state after it, as JSON.
    pub progress: String,
    /// The session the agent reported, once it has.
    pub session_id: Option<String>,
    /// Tokens so far.
    pub tokens: Tokens,
    /// Cost so far, in US dollars.
    pub cost_usd: f64,
}

/// Appends a stretch: its events, the new offset and the stream's state, in one transaction.
///
/// # Errors
/// `Conflict` where the stored offset is not `from` (somebody else read it) or the run is no longer live.
pub fn append(tx: &Tx<'_>, run: &Run, batch: &Batch) -> Result<()> {
    let n = tx
        .conn
        .prepare_cached(
            "update runs set log_offset = ?4, log_lines = ?5, progress = ?6, session_id = coalesce(?7, session_id),
               tokens_input = ?8, tokens_output = ?9, tokens_cache_read = ?10, tokens_cache_creation = ?11, cost_usd = ?12,
               last_output_at = ?13
             where id = ?1 and generation = ?2 and log_offset = ?3 and state in ('starting', 'running')",
        )?
        .execute(params![
            run.id.0,
            run.generation,
            batch.from,
            batch.to,
            batch.lines,
            batch.progress,
            batch.session_id,
            batch.tokens.input,
            batch.tokens.output,
            batch.tokens.cache_read,
            batch.tokens.cache_creation,
            batch.cost_usd,
            tx.now.0,
        ])?;
    fenced(n, run)?;
    insert(tx, run, &batch.events)
}

/// Adds events that no line of the log gave (a start, an end, a stop).
///
/// # Errors
/// The database refused.
pub fn note(tx: &Tx<'_>, run: &Run, events: &[NewEvent]) -> Result<()> {
    insert(tx, run, events)
}

fn insert(tx: &Tx<'_>, run: &Run, events: &[NewEvent]) -> Result<()> {
    tx.ring(Topic::Ticket(run.ticket));
    if events.is_empty() {
        return Ok(());
    }
    let count = i64::try_from(events.len()).map_err(|_| Error::Internal("too many events at once".to_owned()))?;
    let last: i64 = tx
        .conn
        .prepare_cached("update tickets set last_seq = last_seq + ?2 where id = ?1 returning last_seq")?
        .query_row(params![run.ticket.0, count], |r| r.get(0))?;
    let mut stmt = tx.conn.prepare_cached(
        "insert into ticket_events (ticket_id, seq, run_id, attempt, line, kind, tool, context, input, content, truncated,
           is_error, sub_agent, call_id, created_at)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
    )?;
    for (seq, e) in (last - count + 1..).zip(events) {
        stmt.execute(params![
            run.ticket.0,
            seq,
            run.id.0,
            run.attempt,
            e.line,
            e.kind.as_str(),
            e.tool,
            e.context,
            e.input,
            e.content,
            e.truncated,
            e.is_error,
            e.sub_agent,
            e.call_id,
            tx.now.0
        ])?;
    }
    Ok(())
}

/// Events of a ticket after a cursor, oldest first.
///
/// # Errors
/// The database refused.
pub fn after(conn: &Connection, ticket: TicketId, cursor: EventId, kind: Option<EventKind>, limit: i64) -> Result<Vec<Event>> {
    // The cursor is an id, the index is by number within the ticket: one step from the one to the other.
    let seq = seq_at(conn, ticket, cursor)?;
    let mut sql = format!("select {COLUMNS} from ticket_events where ticket_id = ?1 and seq > ?2");
    if let Some(kind) = kind {
        sql.push_str(" and kind = '");
        sql.push_str(kind.as_str());
        sql.push('\'');
    }
    sql.push_str(" order by seq limit ?3");
    let mut stmt = conn.prepare_cached(&sql)?;
    let rows = stmt.query_map(params![ticket.0, seq, limit], row_to_event)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// A bite of the events after a cursor, oldest first, and whether there may be more: at most `limit` of them, and no
/// more than `bytes` of text but for the last one.
///
/// # Errors
/// The database refused.
pub fn bite(conn: &Connection, ticket: TicketId, cursor: EventId, limit: usize, bytes: usize) -> Result<(Vec<Event>, bool)> {
    let seq = seq_at(conn, ticket, cursor)?;
    let mut stmt =
        conn.prepare_cached(&format!("select {COLUMNS} from ticket_events where ticket_id = ?1 and seq > ?2 order by seq"))?;
    let (mut found, mut size) = (Vec::new(), 0);
    for event in stmt.query_map(params![ticket.0, seq], row_to_event)? {
        let event = event?;
        size += event.what.content.len() + event.what.input.as_ref().map_or(0, String::len);
        found.push(event);
        if found.len() >= limit || size >= bytes {
            return Ok((found, true));
        }
    }
    Ok((found, false))
}

/// The newest events of a ticket before a number (`i64::MAX` for the end), oldest first.
///
/// # Errors
/// The database refused.
pub fn window(conn: &Connection, ticket: TicketId, before_seq: i64, limit: i64) -> Result<Vec<Event>> {
    let sql = format!("select {COLUMNS} from ticket_events where ticket_id = ?1 and seq < ?2 order by seq desc limit ?3");
    let mut stmt = conn.prepare_cached(&sql)?;
    let rows = stmt.query_map(params![ticket.0, before_seq, limit], row_to_event)?;
    let mut found: Vec<Event> = rows.collect::<rusqlite::Result<_>>()?;
    found.reverse();
    Ok(found)
}

/// How many events a ticket has.
///
/// # Errors
/// The database refused.
pub fn count(conn: &Connection, ticket: TicketId) -> Result<i64> {
    Ok(conn.prepare_cached("select last_seq from tickets where id = ?1")?.query_row([ticket.0], |r| r.get(0))?)
}

/// The number within the ticket of the event that a cursor names (or the last one before it).
///
/// # Errors
/// The database refused.
pub fn seq_of(conn: &Connection, ticket: TicketId, cursor: EventId) -> Result<i64> {
    seq_at(conn, ticket, cursor)
}

fn seq_at(conn: &Connection, ticket: TicketId, cursor: EventId) -> Result<i64> {
    if cursor.0 <= 0 {
        return Ok(0);
    }
    let exact: Option<i64> = conn
        .prepare_cached("select seq from ticket_events where id = ?1 and ticket_id = ?2")?
        .query_row(params![cursor.0, ticket.0], |r| r.get(0))
        .optional()?;
    if let Some(seq) = exact {
        return Ok(seq);
    }
    // A cursor of another ticket, or one that was pruned: the highest number not past it. Ids and numbers grow together.
    let found: Option<i64> = conn
        .prepare_cached("select max(seq) from ticket_events where ticket_id = ?1 and id <= ?2")?
        .query_row(params![ticket.0, cursor.0], |r| r.get(0))?;
    Ok(found.unwrap_or(0))
}

pub(crate) fn row_to_event(r: &rusqlite::Row<'_>) -> rusqlite::Result<Event> {
    Ok(Event {
        id: EventId(r.get(0)?),
        ticket: TicketId(r.get(1)?),
        seq: r.get(2)?,
        run: RunId(r.get(3)?),
        attempt: r.get(4)?,
        created_at: Time(r.get(15)?),
        what: NewEvent {
            line: r.get(5)?,
            kind: parsed::<EventKind>(r, 6)?,
            tool: r.get(7)?,
            context: r.get(8)?,
            input: r.get(9)?,
            content: r.get(10)?,
            truncated: r.get(11)?,
            is_error: r.get(12)?,
            sub_agent: r.get(13)?,
            call_id: r.get(14)?,
        },
    })
}

/// The kinds a filter may name.
///
/// # Errors
/// The word is no kind.
pub fn kind_from(text: &str) -> Result<EventKind> {
    text.parse().map_err(|e: crate::domain::ticket::UnknownWord| Error::field("kind", e.to_string()))
}

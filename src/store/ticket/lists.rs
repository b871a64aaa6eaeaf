//! Lists of tickets, page by page.

use crate::base::error::Result;
use crate::domain::ticket::Ticket;
use crate::store::ticket::columns::{COLUMNS, FACE};
use crate::store::ticket::filter::{Cursor, Filter, rows};
use crate::store::ticket::{filter, search};
use rusqlite::Connection;

/// A page of tickets, last changed first; and the cursor of the next page.
///
/// # Errors
/// The database refused.
pub fn list(conn: &Connection, filter: &Filter, after: Option<Cursor>, limit: usize) -> Result<(Vec<Ticket>, Option<Cursor>)> {
    listed(conn, COLUMNS, filter, after, limit)
}

/// As [`list`], with empty descriptions: what cards need, however much their tickets have to say.
///
/// # Errors
/// The database refused.
pub fn faces(conn: &Connection, filter: &Filter, after: Option<Cursor>, limit: usize) -> Result<(Vec<Ticket>, Option<Cursor>)> {
    listed(conn, FACE, filter, after, limit)
}

fn listed(
    conn: &Connection,
    columns: &str,
    filter: &Filter,
    after: Option<Cursor>,
    limit: usize,
) -> Result<(Vec<Ticket>, Option<Cursor>)> {
    let mut found = match &filter.q {
        Some(words) => search::search(conn, columns, filter, words, after, limit + 1)?,
        None => filter::rows(conn, columns, filter, after, limit + 1)?,
    };
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|t| match &filter.q {
        Some(words) => search::next_place(words, after, t, found.len()),
        None => Cursor { updated_at: t.updated_at, id: t.id },
    });
    Ok((found, next))
}

/// Tickets of a filter, last changed first, after a cursor.
///
/// # Errors
/// The database refused.
pub fn window(conn: &Connection, filter: &Filter, after: Option<Cursor>, limit: usize) -> Result<Vec<Ticket>> {
    rows(conn, COLUMNS, filter, after, limit)
}

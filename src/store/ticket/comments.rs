//! Comments on tickets.

use crate::base::doorbell::Topic;
use crate::base::error::{Error, Result};
use crate::domain::ids::{CommentId, RunId, TicketId};
use crate::domain::ticket::comment::{Comment, CommentKind, Source};
use crate::domain::time::Time;
use crate::store::Tx;
use crate::store::ticket::columns::parsed;
use crate::store::ticket::tickets::id_list;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeMap;

/// A comment to be stored.
#[derive(Debug, Clone)]
pub struct NewComment {
    /// The ticket.
    pub ticket: TicketId,
    /// The run it belongs to.
    pub run: Option<RunId>,
    /// Shown name.
    pub author: String,
    /// Where from.
    pub source: Source,
    /// What it is.
    pub kind: CommentKind,
    /// Markdown.
    pub body: String,
}

/// Stores a comment.
///
/// # Errors
/// The database refused.
pub fn add(tx: &Tx<'_>, c: &NewComment) -> Result<Comment> {
    tx.conn
        .prepare_cached(
            "insert into comments (ticket_id, run_id, author, source, kind, body, created_at) values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            c.ticket.0,
            c.run.map(|r| r.0),
            c.author,
            c.source.as_str(),
            c.kind.as_str(),
            c.body,
            tx.now.0
        ])?;
    let id = CommentId(tx.conn.last_insert_rowid());
    tx.ring(Topic::Ticket(c.ticket));
    get(tx.conn, id)
}

/// One comment.
///
/// # Errors
/// It does not exist.
pub fn get(conn: &Connection, id: CommentId) -> Result<Comment> {
    conn.prepare_cached("select id, ticket_id, run_id, author, source, kind, body, created_at from comments where id = ?1")?
        .query_row([id.0], row_to_comment)
        .optional()?
        .ok_or_else(|| Error::not_found(format!("comment {id}")))
}

/// Comments after a cursor, oldest first.
///
/// # Errors
/// The database refused.
pub fn after(conn: &Connection, ticket: TicketId, cursor: CommentId, limit: i64) -> Result<Vec<Comment>> {
    let mut stmt = conn.prepare_cached(
        "select id, ticket_id, run_id, author, source, kind, body, created_at from comments
         where ticket_id = ?1 and id > ?2 order by id limit ?3",
    )?;
    let rows = stmt.query_map(params![ticket.0, cursor.0, limit], row_to_comment)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The newest comments before a cursor, oldest first.
///
/// # Errors
/// The database refused.
pub fn newest(conn: &Connection, ticket: TicketId, before: CommentId, limit: i64) -> Result<Vec<Comment>> {
    let mut stmt = conn.prepare_cached(
        "select id, ticket_id, run_id, author, source, kind, body, created_at from comments
         where ticket_id = ?1 and id < ?2 order by id desc limit ?3",
    )?;
    let rows = stmt.query_map(params![ticket.0, before.0, limit], row_to_comment)?;
    let mut found: Vec<Comment> = rows.collect::<rusqlite::Result<_>>()?;
    found.reverse();
    Ok(found)
}

/// The newest result or terminal-state comment: what the agent last said of its work.
///
/// # Errors
/// The database refused.
pub fn last_word(conn: &Connection, ticket: TicketId) -> Result<Option<Comment>> {
    Ok(conn
        .prepare_cached(
            "select id, ticket_id, run_id, author, source, kind, body, created_at from comments
             where ticket_id = ?1 and kind in ('result', 'terminal_state') order by id desc limit 1",
        )?
        .query_row([ticket.0], row_to_comment)
        .optional()?)
}

/// As [`last_word`], of each of these tickets that has one.
///
/// # Errors
/// The database refused.
pub fn last_words(conn: &Connection, tickets: &[TicketId]) -> Result<BTreeMap<TicketId, Comment>> {
    if tickets.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut stmt = conn.prepare_cached(
        "select id, ticket_id, run_id, author, source, kind, body, created_at from comments where id in (
           select (select c.id from comments c where c.ticket_id = t.value and c.kind in ('result', 'terminal_state')
                   order by c.id desc limit 1)
           from json_each(?1) t)",
    )?;
    let rows = stmt.query_map([id_list(tickets)], row_to_comment)?;
    rows.map(|comment| Ok(comment.map(|comment| (comment.ticket, comment))?)).collect()
}

fn row_to_comment(r: &rusqlite::Row<'_>) -> rusqlite::Result<Comment> {
    Ok(Comment {
        id: CommentId(r.get(0)?),
        ticket: TicketId(r.get(1)?),
        run: r.get::<_, Option<i64>>(2)?.map(RunId),
        author: r.get(3)?,
        source: parsed::<Source>(r, 4)?,
        kind: parsed::<CommentKind>(r, 5)?,
        body: r.get(6)?,
        created_at: Time(r.get(7)?),
    })
}

/// How many comments a ticket has.
///
/// # Errors
/// The database refused.
pub fn count(conn: &Connection, ticket: TicketId) -> Result<i64> {
    Ok(conn.prepare_cached("select count(*) from comments where ticket_id = ?1")?.query_row([ticket.0], |r| r.get(0))?)
}

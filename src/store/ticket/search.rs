//! Search over tickets: a number's own ticket first, then all whose words match, newest first.

use crate::base::error::Result;
use crate::domain::ids::TicketId;
use crate::domain::ticket::{Status, Ticket};
use crate::store::ticket::columns::{FACE, row_to_ticket};
use crate::store::ticket::filter::{Cursor, Filter, fits, narrow, rows};
use crate::store::ticket::{board, tickets};
use rusqlite::{Connection, ToSql, params};
use unicode_normalization::char::is_combining_mark;

/// Where no more tickets than this stand in the status that is looked through, each of them is asked whether it has the
/// words; else the tickets that have the words are gone through until there are enough. So a search costs no more than one
/// look at each ticket that has its words, and little where few tickets can be meant.
const FEW: i64 = 200;
/// The longest beginnings of words that have an index of their own (`migrations/0007_long_texts.sql`); of a longer word
/// this much is looked for.
const LONGEST_BEGINNING: usize = 12;

/// How many tickets of one status match a filter, counted up to `cap`.
///
/// # Errors
/// The database refused.
pub fn count_matching(conn: &Connection, filter: &Filter, cap: usize) -> Result<usize> {
    let found = match &filter.q {
        Some(words) => search(conn, FACE, filter, words, None, cap)?,
        None => rows(conn, FACE, filter, None, cap)?,
    };
    Ok(found.len())
}

/// Whether a list under this filter holds this ticket, as it stands now.
///
/// # Errors
/// The database refused.
pub fn holds(conn: &Connection, filter: &Filter, t: &Ticket) -> Result<bool> {
    if !fits(filter, t) {
        return Ok(false);
    }
    let Some(words) = &filter.q else { return Ok(true) };
    if named(conn, words).is_some_and(|named| named.id == t.id) {
        return Ok(true);
    }
    let terms = fts_terms(words);
    if terms.is_empty() {
        return Ok(true);
    }
    let mut stmt =
        conn.prepare_cached("select exists (select 1 from tickets_text where tickets_text match ?1 and rowid = ?2)")?;
    Ok(stmt.query_row(params![terms, t.id.0], |r| r.get(0))?)
}

/// The ticket whose number the words are.
fn named(conn: &Connection, words: &str) -> Option<Ticket> {
    words.trim().parse::<TicketId>().ok().and_then(|id| tickets::get(conn, id).ok())
}

/// Tickets whose words match, newest first, with the columns that are wanted. Every word must begin some word of the
/// ticket. The ticket whose number the words are comes before all others.
///
/// # Errors
/// The database refused.
pub(crate) fn search(
    conn: &Connection,
    columns: &str,
    filter: &Filter,
    words: &str,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Vec<Ticket>> {
    let terms = fts_terms(words);
    if terms.is_empty() {
        return rows(conn, columns, filter, after, limit);
    }
    let named = named(conn, words);
    let first = named.as_ref().map_or(0, |t| t.id.0);
    // Every column of the board looks for itself: it is found where it stands, not in all of them.
    let mut found: Vec<Ticket> = named.into_iter().filter(|t| after.is_none() && fits(filter, t)).collect();
    let below = after.map_or(i64::MAX, |c| c.id.0);
    let limit = i64::try_from(limit.saturating_sub(found.len())).unwrap_or(i64::MAX);
    let status = filter.status.map(Status::as_str);
    let few = match filter.status {
        Some(status) => board::count(conn, status)? <= FEW,
        None => false,
    };
    let (from, order) = if few { BY_STATUS } else { BY_WORDS };
    let mut sql = format!("select {columns} from {from}");
    let mut args: Vec<&dyn ToSql> = vec![&terms, &below, &first];
    if let Some(status) = &status {
        sql.push_str(" and t.status = ?");
        args.push(status);
    }
    narrow(&mut sql, &mut args, filter);
    sql.push_str(&format!(" order by {order} desc limit ?"));
    args.push(&limit);
    let mut stmt = conn.prepare_cached(&sql)?;
    let rows = stmt.query_map(args.as_slice(), row_to_ticket)?;
    for ticket in rows {
        found.push(ticket?);
    }
    Ok(found)
}

/// Goes through the tickets that have the words, newest first, and asks each for the rest of the filter.
const BY_WORDS: (&str, &str) = (
    "tickets_text m cross join tickets t on t.id = m.rowid where m.tickets_text match ?1 and m.rowid < ?2 and t.id <> ?3",
    "m.rowid",
);
/// Goes through the tickets of a status and asks each for the words.
const BY_STATUS: (&str, &str) = (
    "tickets t indexed by tickets_by_status where exists (select 1 from tickets_text m where m.tickets_text match ?1 and m.rowid = t.id)
     and t.id < ?2 and t.id <> ?3",
    "t.id",
);

/// The place after a page of a search. After the ticket that was found by its number the others begin, newest first.
pub(crate) fn next_place(words: &str, after: Option<Cursor>, last: &Ticket, shown: usize) -> Cursor {
    let by_number = after.is_none() && shown == 1 && words.trim().parse::<TicketId>().is_ok_and(|id| id == last.id);
    Cursor { updated_at: last.updated_at, id: if by_number { TicketId(i64::MAX) } else { last.id } }
}

/// Any text as a query that FTS5 can only read as beginnings of words. What it takes for several words must be several
/// here: its index does not know what stands beside what.
fn fts_terms(words: &str) -> String {
    words
        .split(|c: char| !c.is_alphanumeric() || parts_words(c))
        .filter(|w| !w.is_empty())
        .take(12)
        .map(|w| format!("\"{}\"*", w.chars().take(LONGEST_BEGINNING).collect::<String>()))
        .collect::<Vec<_>>()
        .join(" ")
}

/// What is a letter to Rust and stands between words for FTS5's `unicode61`: marks, but for the accents that it takes
/// off; letters in circles and squares; some that were marks when its table was made.
fn parts_words(c: char) -> bool {
    let accent = matches!(c, '\u{300}'..='\u{331}');
    is_combining_mark(c) && !accent
        || matches!(c,
        '\u{24b6}'..='\u{24e9}' | '\u{1f130}'..='\u{1f189}' | '\u{19b0}'..='\u{19c9}' | '\u{1cf2}'..='\u{1cf3}')
}

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;

//! Windows over many tickets: the board's columns, filtered lists, search, counters. None grows with the table.

use crate::base::error::Result;
use crate::domain::ids::TicketId;
use crate::domain::ticket::{Status, Ticket};
use crate::store::ticket::tickets::{COLUMNS, Cursor, FACE, Filter, row_to_ticket};
use rusqlite::{Connection, ToSql, params};
use std::collections::BTreeMap;
use unicode_normalization::char::is_combining_mark;

/// Search looks at no more than so many matches, newest first, before the other filters are applied.
const SEARCH_SET: i64 = 1000;
/// The longest beginnings of words that have an index of their own (`migrations/0007_long_texts.sql`); of a longer word
/// this much is looked for.
const LONGEST_BEGINNING: usize = 12;

/// How many tickets stand in each status.
///
/// # Errors
/// The database refused.
pub fn counts(conn: &Connection) -> Result<BTreeMap<Status, i64>> {
    let mut stmt = conn.prepare_cached("select status, n from status_counts")?;
    let found = stmt.query_map([], |r| Ok((crate::store::ticket::tickets::parsed(r, 0)?, r.get(1)?)))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

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

/// Tickets of a filter, last changed first, after a cursor.
///
/// # Errors
/// The database refused.
pub fn window(conn: &Connection, filter: &Filter, after: Option<Cursor>, limit: usize) -> Result<Vec<Ticket>> {
    rows(conn, COLUMNS, filter, after, limit)
}

/// The condition is written as that of the index.
const WAITING: &str = "tickets t indexed by tickets_waiting where t.status in ('needs_input','in_review','blocked') order by t.rank, t.status_since, t.id limit ?1";

/// The most urgent of the tickets that wait for a person, then those that have waited longest.
///
/// # Errors
/// The database refused.
pub fn waiting(conn: &Connection, limit: usize) -> Result<Vec<Ticket>> {
    let mut stmt = conn.prepare_cached(&format!("select {COLUMNS} from {WAITING}"))?;
    let found = stmt.query_map([i64::try_from(limit).unwrap_or(i64::MAX)], row_to_ticket)?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// As [`window`], with the columns that are wanted.
pub(crate) fn rows(
    conn: &Connection,
    columns: &str,
    filter: &Filter,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Vec<Ticket>> {
    let Some(status) = filter.status else {
        return all_statuses(conn, columns, filter, after, limit);
    };
    let mut sql = format!("select {columns} from tickets t where t.status = ?");
    let status = status.as_str();
    let mut args: Vec<&dyn ToSql> = vec![&status];
    let (at, id) = after.map_or((i64::MAX, i64::MAX), |c| (c.updated_at.0, c.id.0));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    narrow(&mut sql, &mut args, filter);
    sql.push_str(" and (t.updated_at, t.id) < (?, ?) order by t.updated_at desc, t.id desc limit ?");
    args.push(&at);
    args.push(&id);
    args.push(&limit);
    let mut stmt = conn.prepare_cached(&sql)?;
    let found = stmt.query_map(args.as_slice(), row_to_ticket)?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
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
    if let Some(named) = named(conn, words) {
        return Ok(named.id == t.id);
    }
    let terms = fts_terms(words);
    if terms.is_empty() {
        return Ok(true);
    }
    let mut stmt =
        conn.prepare_cached("select exists (select 1 from tickets_text where tickets_text match ?1 and rowid = ?2)")?;
    Ok(stmt.query_row(params![terms, t.id.0], |r| r.get(0))?)
}

/// Whether a ticket has all that a filter asks for beside words.
fn fits(filter: &Filter, t: &Ticket) -> bool {
    filter.status.is_none_or(|s| s == t.status)
        && filter.project.as_ref().is_none_or(|p| *p == t.project)
        && filter.role.as_ref().is_none_or(|r| r == t.role.as_str())
        && filter.priority.is_none_or(|p| p == t.priority)
}

/// The ticket whose number the words are.
fn named(conn: &Connection, words: &str) -> Option<Ticket> {
    words.trim().parse::<TicketId>().ok().and_then(|id| crate::store::ticket::tickets::get(conn, id).ok())
}

/// Tickets whose words match, newest first, with the columns that are wanted. Every word must begin some word of the
/// ticket.
pub(crate) fn search(
    conn: &Connection,
    columns: &str,
    filter: &Filter,
    words: &str,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Vec<Ticket>> {
    if after.is_none()
        && let Some(ticket) = named(conn, words)
    {
        // Every column of the board looks for itself: it is found where it stands, not in all of them.
        return Ok(Some(ticket).filter(|t| fits(filter, t)).into_iter().collect());
    }
    let terms = fts_terms(words);
    if terms.is_empty() {
        return rows(conn, columns, filter, after, limit);
    }
    let mut sql = format!(
        "select {columns} from (select rowid as hit from tickets_text where tickets_text match ? order by rowid desc limit ?) m
         join tickets t on t.id = m.hit where t.id < ?"
    );
    let below = after.map_or(i64::MAX, |c| c.id.0);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let status = filter.status.map(Status::as_str);
    let mut args: Vec<&dyn ToSql> = vec![&terms, &SEARCH_SET, &below];
    if let Some(status) = &status {
        sql.push_str(" and t.status = ?");
        args.push(status);
    }
    narrow(&mut sql, &mut args, filter);
    sql.push_str(" order by t.id desc limit ?");
    args.push(&limit);
    let mut stmt = conn.prepare_cached(&sql)?;
    let found = stmt.query_map(args.as_slice(), row_to_ticket)?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// Names of projects in use, for the filter bar; bounded.
///
/// # Errors
/// The database refused.
pub fn projects(conn: &Connection) -> Result<Vec<String>> {
    // Hops from one project to the next over the index instead of reading every row.
    let mut stmt = conn.prepare_cached(
        "with recursive names (project) as (
           select min(project) from tickets
           union all
           select (select min(t.project) from tickets t where t.project > names.project) from names where names.project is not null)
         select project from names where project is not null and project <> '' limit 100",
    )?;
    let found = stmt.query_map([], |r| r.get(0))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

fn all_statuses(conn: &Connection, columns: &str, filter: &Filter, after: Option<Cursor>, limit: usize) -> Result<Vec<Ticket>> {
    // Eight short index walks, merged: flat in the number of tickets.
    let mut found = Vec::new();
    for status in Status::ALL {
        found.extend(rows(conn, columns, &Filter { status: Some(*status), ..filter.clone() }, after, limit)?);
    }
    found.sort_by_key(|t| std::cmp::Reverse((t.updated_at, t.id)));
    found.truncate(limit);
    Ok(found)
}

fn narrow<'a>(sql: &mut String, args: &mut Vec<&'a dyn ToSql>, filter: &'a Filter) {
    if let Some(project) = &filter.project {
        sql.push_str(" and t.project = ?");
        args.push(project);
    }
    if let Some(role) = &filter.role {
        sql.push_str(" and t.role = ?");
        args.push(role);
    }
    if let Some(priority) = &filter.priority {
        // One of four fixed words: safe inside the text, and the statement stays cacheable.
        sql.push_str(" and t.priority = '");
        sql.push_str(priority.as_str());
        sql.push('\'');
    }
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
mod tests {
    use super::*;
    use crate::store::db::migrate;

    #[test]
    fn no_text_is_a_search_syntax_error() {
        assert_eq!(fts_terms("up\" OR * near(x"), "\"up\"* \"OR\"* \"near\"* \"x\"*");
        assert_eq!(fts_terms("\"'*(-"), "");
        assert_eq!(fts_terms("internationalization"), "\"internationa\"*");
    }

    fn finds(conn: &Connection, words: &str) -> rusqlite::Result<Vec<i64>> {
        let mut stmt = conn.prepare_cached("select rowid from tickets_text where tickets_text match ? order by rowid desc")?;
        let found = stmt.query_map([fts_terms(words)], |r| r.get(0))?;
        found.collect()
    }

    #[test]
    fn every_letter_and_mark_can_be_looked_for_within_a_word() {
        let mut conn = Connection::open_in_memory().expect("opens");
        migrate::up(&mut conn).expect("migrated");
        let refused: Vec<String> = ('\0'..=char::MAX)
            .filter(|c| c.is_alphanumeric() && finds(&conn, &format!("a{c}b")).is_err())
            .map(|c| format!("{:x}", u32::from(c)))
            .collect();
        assert!(refused.is_empty(), "{} characters: {}", refused.len(), refused.join(" "));
    }

    #[test]
    fn words_are_found_by_their_beginnings_in_many_languages() {
        let mut conn = Connection::open_in_memory().expect("opens");
        migrate::up(&mut conn).expect("migrated");
        let texts =
            ["Größe der Übertragung", "हिन्दी में लिखो", "Café crème", "支払い 処理", "Internationalizations", "оплата заказа"];
        for (n, text) in (1_i64..).zip(texts) {
            conn.execute("insert into tickets_text (rowid, title, description) values (?1, ?2, '')", (n, text)).expect("kept");
        }
        for (words, n) in
            [("größe übertr", 1), ("हिन्दी", 2), ("cafe", 3), ("crè", 3), ("支払", 4), ("internationalizatio", 5), ("ОПЛ зак", 6)]
        {
            assert_eq!(finds(&conn, words).expect("read"), [n], "{words}");
        }
        assert_eq!(finds(&conn, "afe").expect("read"), [0_i64; 0], "only beginnings");
    }
}

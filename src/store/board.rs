//! Windows over many tickets: the board's columns, filtered lists, search, counters. None grows with the table.

use super::tickets::{COLUMNS, Cursor, Filter, row_to_ticket};
use crate::domain::ids::TicketId;
use crate::domain::ticket::{Status, Ticket};
use crate::error::Result;
use rusqlite::{Connection, ToSql};
use std::collections::BTreeMap;

/// Search looks at no more than so many matches, newest first, before the other filters are applied.
const SEARCH_SET: i64 = 1000;

/// How many tickets stand in each status.
///
/// # Errors
/// The database refused.
pub fn counts(conn: &Connection) -> Result<BTreeMap<Status, i64>> {
    let mut stmt = conn.prepare_cached("select status, n from status_counts")?;
    let rows = stmt.query_map([], |r| Ok((super::tickets::parsed(r, 0)?, r.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// How many tickets of one status match a filter, counted up to `cap`.
///
/// # Errors
/// The database refused.
pub fn count_matching(conn: &Connection, filter: &Filter, cap: usize) -> Result<usize> {
    let found = match &filter.q {
        Some(words) => search(conn, filter, words, None, cap)?,
        None => window(conn, filter, None, cap)?,
    };
    Ok(found.len())
}

/// Tickets of a filter, last changed first, after a cursor.
///
/// # Errors
/// The database refused.
pub fn window(conn: &Connection, filter: &Filter, after: Option<Cursor>, limit: usize) -> Result<Vec<Ticket>> {
    let Some(status) = filter.status else {
        return all_statuses(conn, filter, after, limit);
    };
    let mut sql = format!("select {COLUMNS} from tickets t where t.status = ?");
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
    let rows = stmt.query_map(args.as_slice(), row_to_ticket)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Tickets whose words match, newest first. Every word must begin some word of the ticket.
///
/// # Errors
/// The database refused.
pub fn search(conn: &Connection, filter: &Filter, words: &str, after: Option<Cursor>, limit: usize) -> Result<Vec<Ticket>> {
    if let Ok(id) = words.trim().parse::<TicketId>()
        && after.is_none()
        && let Ok(ticket) = super::tickets::get(conn, id)
    {
        return Ok(vec![ticket]);
    }
    let terms = fts_terms(words);
    if terms.is_empty() {
        return window(conn, filter, after, limit);
    }
    let mut sql = format!(
        "select {COLUMNS} from (select rowid as hit from tickets_text where tickets_text match ? order by rowid desc limit ?) m
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
    let rows = stmt.query_map(args.as_slice(), row_to_ticket)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
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
    let rows = stmt.query_map([], |r| r.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn all_statuses(conn: &Connection, filter: &Filter, after: Option<Cursor>, limit: usize) -> Result<Vec<Ticket>> {
    // Eight short index walks, merged: flat in the number of tickets.
    let mut found = Vec::new();
    for status in Status::ALL {
        found.extend(window(conn, &Filter { status: Some(*status), ..filter.clone() }, after, limit)?);
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

/// Any text as a query that FTS5 can only read as words.
fn fts_terms(words: &str) -> String {
    words
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
        .take(12)
        .map(|w| format!("\"{w}\"*"))
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::fts_terms;

    #[test]
    fn no_text_is_a_search_syntax_error() {
        assert_eq!(fts_terms("up\" OR * near(x"), "\"up\"* \"OR\"* \"near\"* \"x\"*");
        assert_eq!(fts_terms("\"'*(-"), "");
    }
}

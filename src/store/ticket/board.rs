//! Windows over many tickets: the board's columns, filtered lists, what waits, counters. None grows with the table.

use crate::base::error::Result;
use crate::domain::ticket::{Status, Ticket};
use crate::store::ticket::tickets::{COLUMNS, Cursor, Filter, row_to_ticket};
use rusqlite::{Connection, ToSql};
use std::collections::BTreeMap;

/// How many tickets stand in each status.
///
/// # Errors
/// The database refused.
pub fn counts(conn: &Connection) -> Result<BTreeMap<Status, i64>> {
    let mut stmt = conn.prepare_cached("select status, n from status_counts")?;
    let found = stmt.query_map([], |r| Ok((crate::store::ticket::tickets::parsed(r, 0)?, r.get(1)?)))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// How many tickets stand in one status.
///
/// # Errors
/// The database refused.
pub fn count(conn: &Connection, status: Status) -> Result<i64> {
    Ok(conn.prepare_cached("select n from status_counts where status = ?1")?.query_row([status.as_str()], |r| r.get(0))?)
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

/// A short index walk for each status, merged as they go: no more rows are read than are shown, however many tickets there
/// are, and nothing is sorted.
fn all_statuses(conn: &Connection, columns: &str, filter: &Filter, after: Option<Cursor>, limit: usize) -> Result<Vec<Ticket>> {
    let (at, id) = after.map_or((i64::MAX, i64::MAX), |c| (c.updated_at.0, c.id.0));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let (mut sql, mut args) = (String::new(), Vec::<&dyn ToSql>::new());
    for status in Status::ALL {
        let join = if sql.is_empty() { "" } else { " union all " };
        sql.push_str(&format!("{join}select {columns} from tickets t where t.status = '{status}'"));
        narrow(&mut sql, &mut args, filter);
        sql.push_str(" and (t.updated_at, t.id) < (?, ?)");
        args.push(&at);
        args.push(&id);
    }
    // By their places in `COLUMNS` and `FACE`: the last change, the number.
    sql.push_str(" order by 19 desc, 1 desc limit ?");
    args.push(&limit);
    let mut stmt = conn.prepare_cached(&sql)?;
    let found = stmt.query_map(args.as_slice(), row_to_ticket)?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// What a filter asks for beside status and words.
pub(crate) fn narrow<'a>(sql: &mut String, args: &mut Vec<&'a dyn ToSql>, filter: &'a Filter) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::db::migrate;

    #[test]
    fn what_waits_for_a_person_comes_from_its_index_in_its_order() {
        let mut conn = Connection::open_in_memory().expect("opens");
        migrate::up(&mut conn).expect("migrated");
        let mut stmt = conn.prepare(&format!("explain query plan select {COLUMNS} from {WAITING}")).expect("a query");
        let steps = stmt.query_map([30], |r| r.get::<_, String>(3)).expect("a plan");
        let plan = steps.collect::<rusqlite::Result<Vec<_>>>().expect("steps").join("; ");
        assert!(plan.contains("USING INDEX tickets_waiting") && !plan.contains("TEMP B-TREE"), "{plan}");
    }
}

//! What stands beside the board's columns: counters, what waits for a person, names of projects. None grows with the table.

use crate::base::error::Result;
use crate::domain::ticket::{Status, Ticket};
use crate::store::ticket::columns::{COLUMNS, parsed, row_to_ticket};
use rusqlite::Connection;
use std::collections::BTreeMap;

/// How many tickets stand in each status.
///
/// # Errors
/// The database refused.
pub fn counts(conn: &Connection) -> Result<BTreeMap<Status, i64>> {
    let mut stmt = conn.prepare_cached("select status, n from status_counts")?;
    let found = stmt.query_map([], |r| Ok((parsed(r, 0)?, r.get(1)?)))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// How many tickets stand in one status.
///
/// # Errors
/// The database refused.
pub fn count(conn: &Connection, status: Status) -> Result<i64> {
    Ok(conn.prepare_cached("select n from status_counts where status = ?1")?.query_row([status.as_str()], |r| r.get(0))?)
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

//! Which tickets a list shows, where its next page begins, and the rows of one such window.

use crate::base::error::Result;
use crate::domain::ids::TicketId;
use crate::domain::ticket::{Priority, Status, Ticket};
use crate::domain::time::Time;
use crate::store::ticket::columns::row_to_ticket;
use rusqlite::{Connection, ToSql};

/// Which tickets a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only this status.
    pub status: Option<Status>,
    /// Only this project.
    pub project: Option<String>,
    /// Only this role.
    pub role: Option<String>,
    /// Only this priority.
    pub priority: Option<Priority>,
    /// Only those whose title or description holds these words.
    pub q: Option<String>,
}

/// Where the next page of a list begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// `updated_at` of the last one shown.
    pub updated_at: Time,
    /// Its number.
    pub id: TicketId,
}

impl Cursor {
    /// As sent to clients.
    #[must_use]
    pub fn text(self) -> String {
        format!("{}.{}", self.updated_at.0, self.id.0)
    }

    /// Reads what [`Cursor::text`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Cursor> {
        let (at, id) = text.split_once('.')?;
        Some(Cursor { updated_at: Time(at.parse().ok()?), id: TicketId(id.parse().ok()?) })
    }
}

/// Tickets of a filter, last changed first, after a cursor, with the columns that are wanted.
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

/// Whether a ticket has all that a filter asks for beside words.
pub(crate) fn fits(filter: &Filter, t: &Ticket) -> bool {
    filter.status.is_none_or(|s| s == t.status)
        && filter.project.as_ref().is_none_or(|p| *p == t.project)
        && filter.role.as_ref().is_none_or(|r| r == t.role.as_str())
        && filter.priority.is_none_or(|p| p == t.priority)
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

//! The columns of a ticket's row, and how a row is read.

use crate::domain::ids::RunId;
use crate::domain::ids::TicketId;
use crate::domain::ticket::{Role, Ticket, Title};
use crate::domain::time::Time;

/// The columns of [`row_to_ticket`], in its order.
pub(crate) const COLUMNS: &str = "t.id, t.title, t.description, t.status, t.status_since, t.priority, t.role, t.project, t.profile, \
     t.work_class, t.parent_id, t.session_id, t.run_id, t.not_before, t.retries, t.needs_approval, t.created_by, \
     t.created_at, t.updated_at, t.version";

/// As [`COLUMNS`], without the long text.
pub(crate) const FACE: &str = "t.id, t.title, '', t.status, t.status_since, t.priority, t.role, t.project, t.profile, \
     t.work_class, t.parent_id, t.session_id, t.run_id, t.not_before, t.retries, t.needs_approval, t.created_by, \
     t.created_at, t.updated_at, t.version";

pub(crate) fn row_to_ticket(r: &rusqlite::Row<'_>) -> rusqlite::Result<Ticket> {
    Ok(Ticket {
        id: TicketId(r.get(0)?),
        title: Title::stored(r.get(1)?),
        description: r.get(2)?,
        status: parsed(r, 3)?,
        status_since: Time(r.get(4)?),
        priority: parsed(r, 5)?,
        role: Role::stored(r.get(6)?),
        project: r.get(7)?,
        profile: r.get(8)?,
        work_class: parsed(r, 9)?,
        parent: r.get::<_, Option<i64>>(10)?.map(TicketId),
        session_id: r.get(11)?,
        run: r.get::<_, Option<i64>>(12)?.map(RunId),
        not_before: r.get::<_, Option<i64>>(13)?.map(Time),
        retries: r.get(14)?,
        needs_approval: r.get(15)?,
        created_by: r.get(16)?,
        created_at: Time(r.get(17)?),
        updated_at: Time(r.get(18)?),
        version: r.get(19)?,
    })
}

/// A stored word of an enum.
pub(crate) fn parsed<T>(r: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T: std::str::FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let text: String = r.get(column)?;
    text.parse().map_err(|e| rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(e)))
}

/// A stored word of an enum, or null.
pub(crate) fn parsed_opt<T>(r: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Option<T>>
where
    T: std::str::FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    match r.get_ref(column)? {
        rusqlite::types::ValueRef::Null => Ok(None),
        _ => parsed(r, column).map(Some),
    }
}

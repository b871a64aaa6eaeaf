//! Numbers of rows are never used twice, also where an older database was put back: names of files outside of it bear them.

use crate::base::error::Result;
use crate::store::Tx;
use rusqlite::params;

/// The tables whose numbers stand in names of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Numbered {
    /// `tickets`: worktrees and logs.
    Tickets,
    /// `runs`: run folders and logs.
    Runs,
    /// `task_runs`: run folders.
    TaskRuns,
}

/// The next row of this table has a number above `used`. True where it would not have had.
///
/// # Errors
/// The database refused.
pub fn begin_above(tx: &Tx<'_>, table: Numbered, used: i64) -> Result<bool> {
    let name = match table {
        Numbered::Tickets => "tickets",
        Numbered::Runs => "runs",
        Numbered::TaskRuns => "task_runs",
    };
    // SQLite's own table of the highest number each table had. A table that never had a row has none in it.
    let raised = tx.conn.execute("update sqlite_sequence set seq = ?2 where name = ?1 and seq < ?2", params![name, used])?;
    let begun = tx.conn.execute(
        "insert into sqlite_sequence (name, seq)
         select ?1, ?2 where ?2 > 0 and not exists (select 1 from sqlite_sequence where name = ?1)",
        params![name, used],
    )?;
    Ok(raised + begun > 0)
}

//! Tasks as their files say: what is known of each file, when it is due next, whether it is paused.

use crate::base::doorbell::Topic;
use crate::base::error::{Error, Result};
use crate::domain::task::{Broken, Task, parse, stem};
use crate::domain::time::Time;
use crate::store::Tx;
use crate::store::db::settings;
use rusqlite::{Connection, OptionalExtension, Row, params};

const SELECT: &str = "select id, file, name, hash, source, schedule_key, next_due_at, paused, broken_line, broken_reason, streak,
       changed_at from tasks";

/// The setting, with the file's name after it, that keeps the hash of the broken text that was reported last.
const REPORTED: &str = "task_broken:";

/// A task's file as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskRow {
    /// The row.
    pub id: i64,
    /// The file's name in `tasks/`.
    pub file: String,
    /// The task's name; of a broken file what it was last, or the file's own.
    pub name: String,
    /// Of the file's text.
    pub hash: String,
    /// The file's text.
    pub source: String,
    /// What two equal schedules have in common.
    pub schedule_key: String,
    /// When it is due next.
    pub next_due_at: Option<Time>,
    /// It does not run by itself.
    pub paused: bool,
    /// Why it cannot run.
    pub broken: Option<Broken>,
    /// Good ends in a row, or bad ones as a negative number.
    pub streak: i64,
    /// When the file was last taken in.
    pub changed_at: Time,
}

/// What was read from a task's file.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its name in `tasks/`.
    pub file: String,
    /// The task's name.
    pub name: String,
    /// Of its text.
    pub hash: String,
    /// Its text.
    pub source: String,
    /// Its schedule; empty for a task that runs by hand.
    pub schedule_key: String,
    /// When it is due next, should its schedule be new.
    pub next_due_at: Option<Time>,
    /// Why it cannot run.
    pub broken: Option<Broken>,
}

/// Takes in what was read of all files: new and changed ones, and that others are gone. A schedule that did not change
/// keeps its next due time, so that nothing is lost while a file is being edited.
///
/// # Errors
/// The database refused.
pub fn take_in(tx: &Tx<'_>, found: &[Found], there: &[String]) -> Result<()> {
    // Broken first: whoever frees a name does so before another takes it.
    let (broken, good): (Vec<&Found>, Vec<&Found>) = found.iter().partition(|f| f.broken.is_some());
    for row in rows(tx.conn, "where present = 1", [])? {
        if !there.contains(&row.file) {
            tx.conn
                .prepare_cached("update tasks set present = 0, changed_at = ?2 where id = ?1")?
                .execute(params![row.id, tx.now.0])?;
        } else if good.iter().any(|f| f.file == row.file && f.name != row.name) {
            // Two files may have exchanged their names.
            tx.conn.prepare_cached("update tasks set present = 0 where id = ?1")?.execute([row.id])?;
        }
    }
    for f in broken.into_iter().chain(good) {
        take_in_one(tx, f)?;
    }
    tx.ring(Topic::Tasks);
    Ok(())
}

fn take_in_one(tx: &Tx<'_>, f: &Found) -> Result<()> {
    let line = f.broken.as_ref().and_then(|b| b.line);
    let reason = f.broken.as_ref().map(|b| b.reason.as_str());
    let known = rows(tx.conn, "where file = ?1", [&f.file])?.pop();
    let Some(known) = known else {
        tx.conn
            .prepare_cached(
                "insert into tasks (file, name, hash, source, schedule_key, next_due_at, broken_line, broken_reason, changed_at)
                 values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                f.file,
                f.name,
                f.hash,
                f.source,
                f.schedule_key,
                f.next_due_at.map(|t| t.0),
                line,
                reason,
                tx.now.0
            ])?;
        return Ok(());
    };
    let was_there: bool =
        tx.conn.prepare_cached("select present = 1 from tasks where id = ?1")?.query_row([known.id], |r| r.get(0))?;
    // While it is broken nothing is due; once it is mended the old beat goes on where it is the same.
    let renamed = known.name != f.name;
    let keeps =
        f.broken.is_some() || (known.schedule_key == f.schedule_key && (was_there || renamed) && known.next_due_at.is_some());
    let (key, next) = if keeps { (&known.schedule_key, known.next_due_at) } else { (&f.schedule_key, f.next_due_at) };
    tx.conn
        .prepare_cached(
            "update tasks set name = ?2, hash = ?3, source = ?4, schedule_key = ?5, next_due_at = ?6, broken_line = ?7,
                broken_reason = ?8, present = 1, changed_at = ?9 where id = ?1",
        )?
        .execute(params![known.id, f.name, f.hash, f.source, key, next.map(|t| t.0), line, reason, tx.now.0])?;
    Ok(())
}

/// All tasks whose files are there, by name.
///
/// # Errors
/// The database refused.
pub fn all(conn: &Connection) -> Result<Vec<TaskRow>> {
    rows(conn, "where present = 1 order by name, file", [])
}

/// So many of [`all`], after a row or from the first one on; a negative limit means all.
///
/// # Errors
/// The database refused.
pub fn after(conn: &Connection, row: Option<i64>, limit: i64) -> Result<Vec<TaskRow>> {
    rows(
        conn,
        "where present = 1 and (?1 is null or (name, file) > (select t.name, t.file from tasks t where t.id = ?1))
         order by name, file limit ?2",
        params![row, limit],
    )
}

/// A task that can run, by its name.
///
/// # Errors
/// There is none.
pub fn by_name(conn: &Connection, name: &str) -> Result<TaskRow> {
    let found = rows(conn, "where present = 1 and name = ?1 order by broken_reason is not null limit 1", [name])?.pop();
    found.ok_or_else(|| {
        let shown: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
        Error::not_found(format!("a task named {shown:?}"))
    })
}

/// Tasks that are due, the longest due first.
///
/// # Errors
/// The database refused.
pub fn due(conn: &Connection, now: Time, limit: i64) -> Result<Vec<TaskRow>> {
    rows(
        conn,
        "where next_due_at is not null and broken_reason is null and present = 1 and next_due_at <= ?1 order by next_due_at limit ?2",
        [now.0, limit],
    )
}

/// When the next task is due.
///
/// # Errors
/// The database refused.
pub fn next_due(conn: &Connection) -> Result<Option<Time>> {
    let at: Option<i64> = conn
        .prepare_cached(
            "select next_due_at from tasks where next_due_at is not null and broken_reason is null and present = 1
             order by next_due_at limit 1",
        )?
        .query_row([], |r| r.get(0))
        .optional()?;
    Ok(at.map(Time))
}

/// Scheduled tasks that are due and whose file was broken by a change that was not reported yet.
///
/// # Errors
/// The database refused.
pub fn broken_when_due(conn: &Connection, now: Time) -> Result<Vec<TaskRow>> {
    rows(
        conn,
        "where next_due_at <= ?1 and broken_reason is not null and present = 1 and paused = 0
           and not exists (select 1 from settings where key = ?2 || file and value = hash) order by id",
        params![now.0, REPORTED],
    )
}

/// Notes that a broken file was reported, as it is now.
///
/// # Errors
/// The database refused.
pub fn reported_broken(tx: &Tx<'_>, row: &TaskRow) -> Result<()> {
    settings::set(tx, &format!("{REPORTED}{}", row.file), &row.hash)
}

/// Moves a task's next due time on; false where it is no longer what it was taken for.
///
/// # Errors
/// The database refused.
pub fn move_on(tx: &Tx<'_>, row: &TaskRow, next: Option<Time>) -> Result<bool> {
    let n = tx.conn.prepare_cached("update tasks set next_due_at = ?3 where id = ?1 and next_due_at is ?2")?.execute(params![
        row.id,
        row.next_due_at.map(|t| t.0),
        next.map(|t| t.0)
    ])?;
    Ok(n == 1)
}

/// The task of a row.
///
/// # Errors
/// Its file is broken: the line and the reason.
pub fn read(row: &TaskRow, zone: &str) -> std::result::Result<Task, Broken> {
    match &row.broken {
        Some(broken) => Err(broken.clone()),
        None => parse(&row.source, stem(&row.file), zone),
    }
}

/// Pauses a task or lets it go on.
///
/// # Errors
/// It does not exist.
pub fn pause(tx: &Tx<'_>, name: &str, paused: bool) -> Result<()> {
    let row = by_name(tx.conn, name)?;
    tx.conn.prepare_cached("update tasks set paused = ?2 where id = ?1")?.execute(params![row.id, paused])?;
    tx.ring(Topic::Tasks);
    Ok(())
}

/// Counts an end into the task's streak.
///
/// # Errors
/// The database refused.
pub fn count(tx: &Tx<'_>, name: &str, bad: bool) -> Result<()> {
    let sql = if bad {
        "update tasks set streak = min(streak, 0) - 1 where name = ?1 and present = 1"
    } else {
        "update tasks set streak = max(streak, 0) + 1 where name = ?1 and present = 1"
    };
    tx.conn.prepare_cached(sql)?.execute([name])?;
    Ok(())
}

fn rows(conn: &Connection, rest: &str, args: impl rusqlite::Params) -> Result<Vec<TaskRow>> {
    let mut stmt = conn.prepare_cached(&format!("{SELECT} {rest}"))?;
    let found = stmt.query_map(args, row_to_task)?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

fn row_to_task(r: &Row<'_>) -> rusqlite::Result<TaskRow> {
    let reason: Option<String> = r.get(9)?;
    Ok(TaskRow {
        id: r.get(0)?,
        file: r.get(1)?,
        name: r.get(2)?,
        hash: r.get(3)?,
        source: r.get(4)?,
        schedule_key: r.get(5)?,
        next_due_at: r.get::<_, Option<i64>>(6)?.map(Time),
        paused: r.get(7)?,
        broken: match reason {
            Some(reason) => Some(Broken { line: r.get(8)?, reason }),
            None => None,
        },
        streak: r.get(10)?,
        changed_at: Time(r.get(11)?),
    })
}

//! Task runs: the ledger with one row for every due time, and the writes that fence it.

use crate::base::doorbell::Topic;
use crate::base::error::{Error, Result};
use crate::domain::actor::Actor;
use crate::domain::ids::TaskRunId;
use crate::domain::task::{Overlap, StopWanted, TaskKind, TaskRun, TaskRunState};
use crate::domain::time::Time;
use crate::store::Tx;
use crate::store::task::tasks;
use crate::store::ticket::columns::{parsed, parsed_opt};
use rusqlite::{Connection, Row, params};
use std::collections::BTreeMap;

const SELECT: &str =
    "select id, task, due_at, author, state, kind, attempt, launches, not_before, profile, run_dir, stop_wanted, told,
       exit_code, signal, note, output, output_bytes, created_at, started_at, ended_at from task_runs";

/// How long rows are kept: 90 days.
pub const KEPT_MS: i64 = 90 * 86_400_000;
/// Runs of a task whose output is kept; of older ones the row remains.
pub const OUTPUTS_KEPT: i64 = 200;

/// Empties the outputs of a task beyond the newest.
const FORGET_OUTPUTS: &str = "update task_runs set output = '' where output <> '' and task = ?1 and id <=
    (select id from task_runs where output <> '' and task = ?1 order by id desc limit 1 offset ?2)";

/// No jitter, quiet hours or back-off lies further ahead.
const FAR_MS: i64 = 25 * 3_600_000;

/// A row to be written.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// The task.
    pub task: String,
    /// When it was due; none for a run by hand.
    pub due_at: Option<Time>,
    /// Who runs it by hand.
    pub author: String,
    /// `waiting`, or how it ended without having begun.
    pub state: TaskRunState,
    /// How it is run.
    pub kind: TaskKind,
    /// 0 critical, 1 normal, 2 low.
    pub rank: i64,
    /// It does not begin before.
    pub not_before: Option<Time>,
    /// What there is to say.
    pub note: Option<String>,
}

/// Writes a row; none where its due time has one.
///
/// # Errors
/// The database refused.
pub fn insert(tx: &Tx<'_>, new: &NewRun) -> Result<Option<TaskRunId>> {
    let ended = (!new.state.is_live()).then_some(tx.now.0);
    let n = tx
        .conn
        .prepare_cached(
            "insert into task_runs (task, due_at, author, state, kind, rank, not_before, note, created_at, ended_at)
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) on conflict do nothing",
        )?
        .execute(params![
            new.task,
            new.due_at.map(|t| t.0),
            new.author,
            new.state.as_str(),
            new.kind.as_str(),
            new.rank,
            new.not_before.map(|t| t.0),
            new.note,
            tx.now.0,
            ended
        ])?;
    tx.ring(Topic::Tasks);
    Ok((n == 1).then(|| TaskRunId(tx.conn.last_insert_rowid())))
}

/// One of them.
///
/// # Errors
/// It does not exist.
pub fn get(conn: &Connection, id: TaskRunId) -> Result<TaskRun> {
    rows(conn, "where id = ?1", [id.0])?.pop().ok_or_else(|| Error::not_found(format!("task run {id}")))
}

/// Whether a due time has its row.
///
/// # Errors
/// The database refused.
pub fn has(conn: &Connection, task: &str, due_at: Time) -> Result<bool> {
    Ok(conn
        .prepare_cached("select exists (select 1 from task_runs where task = ?1 and due_at = ?2)")?
        .query_row(params![task, due_at.0], |r| r.get(0))?)
}

/// The clock was put back: rows of a task that say why a due time was left out which has not come yet. Nobody can have
/// missed it.
///
/// # Errors
/// The database refused.
pub fn forget_ahead(tx: &Tx<'_>, task: &str) -> Result<()> {
    tx.conn
        .prepare_cached(
            "delete from task_runs where task = ?1 and due_at > ?2 and state in ('missed', 'skipped', 'overlapped') and launches = 0",
        )?
        .execute(params![task, tx.now.0])?;
    Ok(())
}

/// A task's runs before `before`, newest first.
///
/// # Errors
/// The database refused.
pub fn of_task(conn: &Connection, task: &str, before: Option<TaskRunId>, limit: i64) -> Result<Vec<TaskRun>> {
    rows(conn, "where task = ?1 and id < ?2 order by id desc limit ?3", params![task, before.map_or(i64::MAX, |id| id.0), limit])
}

/// A task's last runs for its strip, oldest first: state, when it was due or made, note.
///
/// # Errors
/// The database refused.
pub fn strip(conn: &Connection, task: &str, limit: i64) -> Result<Vec<(TaskRunState, Time, Option<String>)>> {
    let mut stmt = conn.prepare_cached(
        "select state, coalesce(due_at, created_at), note from task_runs where task = ?1 order by id desc limit ?2",
    )?;
    let found = stmt.query_map(params![task, limit], |r| Ok((parsed(r, 0)?, Time(r.get(1)?), r.get(2)?)))?;
    let mut found: Vec<_> = found.collect::<rusqlite::Result<_>>()?;
    found.reverse();
    Ok(found)
}

/// All that wait or run, in the order they are to begin.
///
/// # Errors
/// The database refused.
pub fn live(conn: &Connection) -> Result<Vec<TaskRun>> {
    rows(conn, "where state in ('waiting', 'running') order by rank, id", [])
}

/// What waits or runs of one task, oldest first.
///
/// # Errors
/// The database refused.
pub fn live_of(conn: &Connection, task: &str) -> Result<Vec<TaskRun>> {
    rows(conn, "where state in ('waiting', 'running') and task = ?1 order by id", [task])
}

/// Takes a waiting run for its start: from now on its folder, or its absence, tells whether it began.
///
/// # Errors
/// It waits no longer.
pub fn take(tx: &Tx<'_>, run: &TaskRun, run_dir: &str, profile: Option<&str>) -> Result<()> {
    let n = tx
        .conn
        .prepare_cached(
            "update task_runs set state = 'running', run_dir = ?3, profile = ?4, launches = launches + 1, started_at = ?5,
                not_before = null where id = ?1 and launches = ?2 and state = 'waiting' and stop_wanted is null",
        )?
        .execute(params![run.id.0, run.launches, run_dir, profile, tx.now.0])?;
    tx.ring(Topic::Tasks);
    fenced(n, run)
}

/// Gives a run back that has not begun. Not counted as an attempt.
///
/// # Errors
/// It was moved on meanwhile.
pub fn give_back(tx: &Tx<'_>, run: &TaskRun, not_before: Option<Time>, note: Option<&str>) -> Result<()> {
    let n = tx
        .conn
        .prepare_cached(
            "update task_runs set state = 'waiting', run_dir = null, started_at = null, not_before = ?3, note = ?4
             where id = ?1 and launches = ?2 and state = 'running'",
        )?
        .execute(params![run.id.0, run.launches, not_before.map(|t| t.0), note])?;
    tx.ring(Topic::Tasks);
    fenced(n, run)
}

/// Runs a task now, whatever its schedule says and whether it is paused or not.
///
/// # Errors
/// There is no such task, its file is broken, or its overlap policy is against it.
pub fn run_by_hand(tx: &Tx<'_>, name: &str, zone: &str, actor: &Actor) -> Result<TaskRun> {
    let row = tasks::by_name(tx.conn, name)?;
    let task = tasks::read(&row, zone).map_err(|b| Error::Conflict(format!("{} cannot run: {}", row.file, b.reason)))?;
    let live = live_of(tx.conn, &task.name)?;
    if !live.is_empty() {
        match task.overlap {
            Overlap::Skip => return Err(Error::Conflict(format!("{name} is running or waiting already"))),
            Overlap::Queue => {}
            Overlap::KillOld => make_room(tx, &live)?,
        }
    }
    let new = NewRun {
        task: task.name.clone(),
        due_at: None,
        author: actor.name().to_owned(),
        state: TaskRunState::Waiting,
        kind: task.kind,
        rank: task.rank(),
        not_before: None,
        note: None,
    };
    let id = insert(tx, &new)?.ok_or_else(|| Error::Internal("a run by hand found its row taken".to_owned()))?;
    get(tx.conn, id)
}

/// Wants the live runs of a task ended, for a person. How many there are.
///
/// # Errors
/// The database refused.
pub fn stop_by_hand(tx: &Tx<'_>, name: &str) -> Result<usize> {
    let live = live_of(tx.conn, name)?;
    for run in &live {
        want_stop(tx, run.id, StopWanted::ByHand)?;
    }
    Ok(live.len())
}

/// The next run takes the place of these.
///
/// # Errors
/// The database refused.
pub fn make_room(tx: &Tx<'_>, live: &[TaskRun]) -> Result<()> {
    live.iter().try_for_each(|run| want_stop(tx, run.id, StopWanted::Overlap))
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct End {
    /// A terminal state.
    pub state: TaskRunState,
    /// Of its process.
    pub exit_code: Option<i64>,
    /// Of its process.
    pub signal: Option<i64>,
    /// In words.
    pub note: Option<String>,
    /// What it said.
    pub output: String,
    /// How much that was.
    pub output_bytes: i64,
}

/// Ends a run, or, with `again`, puts its next attempt into the queue under the same row.
///
/// # Errors
/// It was moved on meanwhile.
pub fn end(tx: &Tx<'_>, run: &TaskRun, end: &End, again: Option<Time>) -> Result<()> {
    let state = if again.is_some() { TaskRunState::Waiting } else { end.state };
    let n = tx
        .conn
        .prepare_cached(
            "update task_runs set state = ?3, exit_code = ?4, signal = ?5, note = ?6, output = ?7, output_bytes = ?8, ended_at = ?9,
                not_before = ?10, attempt = attempt + ?11, stop_wanted = null
             where id = ?1 and launches = ?2 and state in ('waiting', 'running')",
        )?
        .execute(params![
            run.id.0,
            run.launches,
            state.as_str(),
            end.exit_code,
            end.signal,
            end.note,
            end.output,
            end.output_bytes,
            again.is_none().then_some(tx.now.0),
            again.map(|t| t.0),
            i64::from(again.is_some()),
        ])?;
    tx.ring(Topic::Tasks);
    fenced(n, run)
}

/// Wants a live run ended; the first reason counts.
///
/// # Errors
/// The database refused.
pub fn want_stop(tx: &Tx<'_>, id: TaskRunId, why: StopWanted) -> Result<()> {
    tx.conn
        .prepare_cached(
            "update task_runs set stop_wanted = ?2 where id = ?1 and stop_wanted is null and state in ('waiting', 'running')",
        )?
        .execute(params![id.0, why.as_str()])?;
    tx.ring(Topic::Tasks);
    Ok(())
}

/// Notes that a run's outcome has been told before its end.
///
/// # Errors
/// It was moved on meanwhile.
pub fn told(tx: &Tx<'_>, run: &TaskRun) -> Result<()> {
    let n = tx
        .conn
        .prepare_cached("update task_runs set told = 1 where id = ?1 and launches = ?2 and state = 'running' and told = 0")?
        .execute(params![run.id.0, run.launches])?;
    fenced(n, run)
}

/// The clock may have been put back: what waits for a time that is far off begins at once.
///
/// # Errors
/// The database refused.
pub fn clamp_times(tx: &Tx<'_>, now: Time) -> Result<()> {
    tx.conn
        .prepare_cached("update task_runs set not_before = null where state in ('waiting', 'running') and state = 'waiting' and not_before > ?1")?
        .execute([now.0 + FAR_MS])?;
    Ok(())
}

/// Deletes rows that ended long ago, and the output of all but a task's newest runs. The last row of a task stays.
///
/// # Errors
/// The database refused.
pub fn prune(tx: &Tx<'_>) -> Result<usize> {
    let mut named = tx.conn.prepare_cached("select distinct task from task_runs where output <> ''")?;
    let tasks = named.query_map([], |r| r.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    for task in tasks {
        tx.conn.prepare_cached(FORGET_OUTPUTS)?.execute(params![task, OUTPUTS_KEPT])?;
    }
    Ok(tx
        .conn
        .prepare_cached(
            "delete from task_runs where ended_at < ?1
               and id not in (select max(id) from task_runs group by task)",
        )?
        .execute([tx.now.0 - KEPT_MS])?)
}

/// How many rows there are in each state, of one task or of all.
///
/// # Errors
/// The database refused.
pub fn counts(conn: &Connection, task: Option<&str>) -> Result<BTreeMap<TaskRunState, i64>> {
    let mut stmt = conn.prepare_cached("select state, count(*) from task_runs where ?1 is null or task = ?1 group by state")?;
    let found = stmt.query_map([task], |r| Ok((parsed(r, 0)?, r.get(1)?)))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// When the next waiting run may begin.
///
/// # Errors
/// The database refused.
pub fn next_wait(conn: &Connection, now: Time) -> Result<Option<Time>> {
    let at: Option<i64> = conn
        .prepare_cached("select min(not_before) from task_runs where state in ('waiting', 'running') and state = 'waiting' and not_before > ?1")?
        .query_row([now.0], |r| r.get(0))?;
    Ok(at.map(Time))
}

fn fenced(n: usize, run: &TaskRun) -> Result<()> {
    if n == 1 { Ok(()) } else { Err(Error::Conflict(format!("task run {} was moved on meanwhile", run.id))) }
}

fn rows(conn: &Connection, rest: &str, args: impl rusqlite::Params) -> Result<Vec<TaskRun>> {
    let mut stmt = conn.prepare_cached(&format!("{SELECT} {rest}"))?;
    let found = stmt.query_map(args, row_to_run)?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

fn row_to_run(r: &Row<'_>) -> rusqlite::Result<TaskRun> {
    let time = |i| -> rusqlite::Result<Option<Time>> { Ok(r.get::<_, Option<i64>>(i)?.map(Time)) };
    Ok(TaskRun {
        id: TaskRunId(r.get(0)?),
        task: r.get(1)?,
        due_at: time(2)?,
        author: r.get(3)?,
        state: parsed(r, 4)?,
        kind: parsed(r, 5)?,
        attempt: r.get(6)?,
        launches: r.get(7)?,
        not_before: time(8)?,
        profile: r.get(9)?,
        run_dir: r.get(10)?,
        stop_wanted: parsed_opt(r, 11)?,
        told: r.get(12)?,
        exit_code: r.get(13)?,
        signal: r.get(14)?,
        note: r.get(15)?,
        output: r.get(16)?,
        output_bytes: r.get(17)?,
        created_at: Time(r.get(18)?),
        started_at: time(19)?,
        ended_at: time(20)?,
    })
}

#[cfg(test)]
#[path = "task_runs_tests.rs"]
mod tests;

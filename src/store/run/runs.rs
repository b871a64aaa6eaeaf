//! Runs: rows and the writes that fence them. What touches the ticket too is in `start`, `running` and `conclude`.

use crate::base::doorbell::Topic;
use crate::base::error::{Error, Result};
use crate::domain::ids::{RunId, TicketId};
use crate::domain::run::{Failure, Run, RunState, StartReason, Tokens, Verdict};
use crate::domain::time::Time;
use crate::store::Tx;
use crate::store::ticket::columns::{parsed, parsed_opt};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeMap;

const COLUMNS: &str = "r.id, r.ticket_id, r.attempt, r.reason, r.state, r.profile, r.host, r.generation, r.nonce, r.session_id, \
     r.resumed, r.pid, r.cwd, r.worktree, r.branch, r.base_commit, r.run_dir, r.raw_log, r.log_offset, r.log_lines, \
     r.stop_wanted, r.stop_to, r.created_at, r.launched_at, r.started_at, r.last_output_at, r.ended_at, r.exit_code, \
     r.signal, r.verdict, r.failure_code, r.failure_text, r.retry_at, r.tokens_input, r.tokens_output, \
     r.tokens_cache_read, r.tokens_cache_creation, r.cost_usd, r.note";

/// One run.
///
/// # Errors
/// It does not exist.
pub fn get(conn: &Connection, id: RunId) -> Result<Run> {
    let sql = format!("select {COLUMNS} from runs r where r.id = ?1");
    conn.prepare_cached(&sql)?.query_row([id.0], row_to_run).optional()?.ok_or_else(|| Error::not_found(format!("run {id}")))
}

/// Several runs by number; missing ones are left out.
///
/// # Errors
/// The database refused.
pub fn get_many(conn: &Connection, ids: &[RunId]) -> Result<BTreeMap<RunId, Run>> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let sql = format!("select {COLUMNS} from runs r where r.id in (select value from json_each(?1))");
    let mut stmt = conn.prepare_cached(&sql)?;
    let rows = stmt.query_map([crate::store::id_list(ids.iter().map(|id| id.0))], row_to_run)?;
    rows.map(|run| Ok(run.map(|run| (run.id, run))?)).collect()
}

/// A ticket's runs, newest first.
///
/// # Errors
/// The database refused.
pub fn of_ticket(conn: &Connection, ticket: TicketId, limit: i64) -> Result<Vec<Run>> {
    before(conn, ticket, i64::MAX, limit)
}

/// A ticket's runs before an attempt, newest first.
///
/// # Errors
/// The database refused.
pub fn before(conn: &Connection, ticket: TicketId, attempt: i64, limit: i64) -> Result<Vec<Run>> {
    let sql = format!("select {COLUMNS} from runs r where r.ticket_id = ?1 and r.attempt < ?2 order by r.attempt desc limit ?3");
    let mut stmt = conn.prepare_cached(&sql)?;
    let rows = stmt.query_map(params![ticket.0, attempt, limit], row_to_run)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The live run of a ticket.
///
/// # Errors
/// The database refused.
pub fn live_of(conn: &Connection, ticket: TicketId) -> Result<Option<Run>> {
    let sql = format!("select {COLUMNS} from runs r where r.ticket_id = ?1 and r.state in ('starting', 'running')");
    Ok(conn.prepare_cached(&sql)?.query_row([ticket.0], row_to_run).optional()?)
}

/// All live runs, oldest first.
///
/// # Errors
/// The database refused.
pub fn live(conn: &Connection) -> Result<Vec<Run>> {
    let sql = format!("select {COLUMNS} from runs r where r.state in ('starting', 'running') order by r.id");
    let mut stmt = conn.prepare_cached(&sql)?;
    let rows = stmt.query_map([], row_to_run)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// A run's stream state and how far its log was read: `(progress JSON, offset, lines)`.
///
/// # Errors
/// It does not exist.
pub fn progress(conn: &Connection, id: RunId) -> Result<(String, i64, i64)> {
    Ok(conn
        .prepare_cached("select progress, log_offset, log_lines from runs where id = ?1")?
        .query_row([id.0], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?)
}

/// Start time (clock ticks since boot) of the agent's process, beside its pid.
///
/// # Errors
/// It does not exist.
pub fn pid_start(conn: &Connection, id: RunId) -> Result<Option<i64>> {
    Ok(conn.prepare_cached("select pid_start from runs where id = ?1")?.query_row([id.0], |r| r.get(0))?)
}

/// What a launch fixes on its run's row, before anything is spawned.
#[derive(Debug, Clone)]
pub struct LaunchMark {
    /// The run folder of this generation.
    pub run_dir: String,
    /// The raw log.
    pub raw_log: String,
}

/// Takes the launch of a waiting run: the next generation. `None` where somebody else took it, or it is no longer
/// waiting.
///
/// # Errors
/// The database refused.
pub fn take_launch(tx: &Tx<'_>, id: RunId, mark: impl Fn(i64) -> LaunchMark) -> Result<Option<Run>> {
    let generation: Option<i64> = tx
        .conn
        .prepare_cached(
            "select generation + 1 from runs where id = ?1 and state = 'starting' and launched_at is null and stop_wanted = 0",
        )?
        .query_row([id.0], |r| r.get(0))
        .optional()?;
    let Some(generation) = generation else { return Ok(None) };
    let mark = mark(generation);
    tx.conn
        .prepare_cached("update runs set generation = ?2, launched_at = ?3, run_dir = ?4, raw_log = ?5 where id = ?1")?
        .execute(params![id.0, generation, tx.now.0, mark.run_dir, mark.raw_log])?;
    let run = get(tx.conn, id)?;
    tx.ring(Topic::Ticket(run.ticket));
    Ok(Some(run))
}

/// Where a launched run works.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// Where the agent starts.
    pub cwd: String,
    /// Its worktree.
    pub worktree: Option<String>,
    /// The worktree's branch.
    pub branch: Option<String>,
    /// What the worktree was made from.
    pub base_commit: Option<String>,
    /// What the adapter had to do without.
    pub note: Option<String>,
}

/// Records where a run works and how its session begins. Fenced by generation.
///
/// # Errors
/// The launch is no longer ours.
pub fn place(tx: &Tx<'_>, run: &Run, place: &Place, session_id: &str, resumed: bool) -> Result<()> {
    let n = tx
        .conn
        .prepare_cached(
            "update runs set cwd = ?3, worktree = ?4, branch = ?5, base_commit = ?6, note = ?7, session_id = ?8, resumed = ?9
             where id = ?1 and generation = ?2 and state = 'starting'",
        )?
        .execute(params![
            run.id.0,
            run.generation,
            place.cwd,
            place.worktree,
            place.branch,
            place.base_commit,
            place.note,
            session_id,
            resumed
        ])?;
    fenced(n, run)
}

/// Gives a launch back: no trace of an agent, the run waits again. Not an attempt. `why` stands with the run until it is
/// launched anew.
///
/// # Errors
/// The launch is no longer ours.
pub fn void_launch(tx: &Tx<'_>, run: &Run, why: Option<&str>) -> Result<()> {
    let n = tx
        .conn
        .prepare_cached(
            "update runs set launched_at = null, note = ?3
             where id = ?1 and generation = ?2 and state = 'starting' and launched_at is not null",
        )?
        .execute(params![run.id.0, run.generation, why])?;
    tx.ring(Topic::Pickup);
    tx.ring(Topic::Ticket(run.ticket));
    fenced(n, run)
}

/// Marks for the reaper that a lingering process of a finished turn is being stopped.
///
/// # Errors
/// The run is no longer live.
pub fn mark_lingering(tx: &Tx<'_>, run: &Run) -> Result<()> {
    let n = tx
        .conn
        .prepare_cached("update runs set lingering = 1 where id = ?1 and generation = ?2 and state = 'running'")?
        .execute(params![run.id.0, run.generation])?;
    fenced(n, run)
}

/// Whether its lingering process was stopped by us.
///
/// # Errors
/// It does not exist.
pub fn is_lingering(conn: &Connection, id: RunId) -> Result<bool> {
    Ok(conn.prepare_cached("select lingering from runs where id = ?1")?.query_row([id.0], |r| r.get(0))?)
}

pub(crate) fn fenced(rows: usize, run: &Run) -> Result<()> {
    if rows == 1 {
        Ok(())
    } else {
        Err(Error::Conflict(format!("run {} generation {} is no longer current", run.id, run.generation)))
    }
}

fn row_to_run(r: &rusqlite::Row<'_>) -> rusqlite::Result<Run> {
    let failure = match parsed_opt(r, 30)? {
        Some(code) => Some(Failure {
            code,
            text: r.get::<_, Option<String>>(31)?.unwrap_or_default(),
            retry_at: r.get::<_, Option<i64>>(32)?.map(Time),
        }),
        None => None,
    };
    Ok(Run {
        id: RunId(r.get(0)?),
        ticket: TicketId(r.get(1)?),
        attempt: r.get(2)?,
        reason: parsed::<StartReason>(r, 3)?,
        state: parsed::<RunState>(r, 4)?,
        profile: r.get(5)?,
        host: r.get(6)?,
        generation: r.get(7)?,
        nonce: r.get(8)?,
        session_id: r.get(9)?,
        resumed: r.get(10)?,
        pid: r.get(11)?,
        cwd: r.get(12)?,
        worktree: r.get(13)?,
        branch: r.get(14)?,
        base_commit: r.get(15)?,
        run_dir: r.get(16)?,
        raw_log: r.get(17)?,
        log_offset: r.get(18)?,
        log_lines: r.get(19)?,
        stop_wanted: r.get(20)?,
        stop_to: parsed_opt(r, 21)?,
        created_at: Time(r.get(22)?),
        launched_at: r.get::<_, Option<i64>>(23)?.map(Time),
        started_at: r.get::<_, Option<i64>>(24)?.map(Time),
        last_output_at: r.get::<_, Option<i64>>(25)?.map(Time),
        ended_at: r.get::<_, Option<i64>>(26)?.map(Time),
        exit_code: r.get(27)?,
        signal: r.get(28)?,
        verdict: parsed_opt::<Verdict>(r, 29)?,
        failure,
        tokens: Tokens { input: r.get(33)?, output: r.get(34)?, cache_read: r.get(35)?, cache_creation: r.get(36)? },
        cost_usd: r.get(37)?,
        note: r.get(38)?,
    })
}

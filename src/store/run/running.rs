//! What is learnt of a run while it lives: its agent was seen, or went on in another session.

use crate::base::error::Result;
use crate::domain::ids::RunId;
use crate::domain::run::Run;
use crate::domain::run::event::{EventKind, NewEvent};
use crate::store::Tx;
use crate::store::run::runs::fenced;
use crate::store::run::{events, runs};
use crate::store::ticket::status::note_run;
use rusqlite::params;

/// The run's agent was seen: it runs.
///
/// # Errors
/// The launch is no longer current.
pub fn running(tx: &Tx<'_>, run: &Run, pid: i64, pid_start: i64) -> Result<()> {
    let n = tx
        .conn
        .prepare_cached(
            "update runs set state = 'running', pid = ?3, pid_start = ?4, started_at = ?5
             where id = ?1 and generation = ?2 and state = 'starting'",
        )?
        .execute(params![run.id.0, run.generation, pid, pid_start, tx.now.0])?;
    fenced(n, run)?;
    let text = format!("Attempt {} started ({})", run.attempt, run.reason);
    events::note(tx, run, &[NewEvent::plain(0, EventKind::Status, "started", text)])?;
    note_run(tx, run, "running")
}

/// The agent reported another session than the one it was to resume: that one is the truth. The old run's row closes,
/// a new attempt goes on with the same process and log.
///
/// # Errors
/// The run is no longer current.
pub fn fork(tx: &Tx<'_>, run: &Run, session_id: &str) -> Result<Run> {
    let n = tx
        .conn
        .prepare_cached(
            "update runs set state = 'finished', ended_at = ?3, note = trim(coalesce(note, '') || ' Went on in another session.')
             where id = ?1 and generation = ?2 and state in ('starting', 'running')",
        )?
        .execute(params![run.id.0, run.generation, tx.now.0])?;
    fenced(n, run)?;
    tx.conn
        .prepare_cached(
            "insert into runs (ticket_id, attempt, reason, state, profile, host, generation, nonce, session_id, resumed, pid, pid_start,
               cwd, worktree, branch, base_commit, run_dir, raw_log, log_offset, log_lines, progress, stop_wanted, stop_to,
               created_at, launched_at, started_at, last_output_at, note)
             select ticket_id, attempt + 1, 'fork', state_now, profile, host, generation, nonce, ?2, 0, pid, pid_start,
               cwd, worktree, branch, base_commit, run_dir, raw_log, log_offset, log_lines, progress, stop_wanted, stop_to,
               ?3, launched_at, ?3, last_output_at, null
             from (select r.*, 'running' as state_now from runs r where r.id = ?1)",
        )?
        .execute(params![run.id.0, session_id, tx.now.0])?;
    let new = RunId(tx.conn.last_insert_rowid());
    tx.conn.prepare_cached("update tickets set run_id = ?2 where id = ?1")?.execute(params![run.ticket.0, new.0])?;
    tx.conn.prepare_cached("update api_tokens set run_id = ?2 where run_id = ?1")?.execute(params![run.id.0, new.0])?;
    tx.conn.prepare_cached("update run_reports set run_id = ?2 where run_id = ?1")?.execute(params![run.id.0, new.0])?;
    tx.conn.prepare_cached("update queued_messages set run_id = ?2 where run_id = ?1")?.execute(params![run.id.0, new.0])?;
    let run = runs::get(tx.conn, new)?;
    note_run(tx, &run, "fork")?;
    Ok(run)
}

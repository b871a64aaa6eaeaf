//! The reaper: compares every live run with what its folder and the process table say, and moves it on.

#[cfg(test)]
pub(crate) mod tests;

use crate::base::error::{Error, Result};
use crate::base::faults;
use crate::base::faults::Point;
use crate::domain::notice::Notice;
use crate::domain::run::{Run, RunState};
use crate::domain::ticket::evidence::ReportKind;
use crate::drivers::supervise::run_dir::{RunDir, Voided};
use crate::engine::run::memory::{Measure, Overdue};
use crate::engine::run::{change_stat, conclude, ingest};
use crate::engine::{Engine, lock};
use crate::store::access::credentials;
use crate::store::notice::notifications;
use crate::store::run::{reports, running, runs};
use crate::store::ticket::tickets;
use std::path::Path;
use std::time::Duration;

/// A shim that does not end its run so long after it was asked to hangs, in milliseconds. It has tried for half a minute to
/// write its exit record then.
const HANGS_MS: i64 = 90_000;
/// A log that could not be read for so long is lost, in milliseconds.
const UNREADABLE_MS: i64 = 5 * 60_000;
/// A run that could not be moved on for so long is told, in milliseconds.
const TELL_MS: i64 = 3 * 60_000;
/// From then on it is looked at only so often, in milliseconds: such a look may take long, and others wait for it.
const SELDOM_MS: i64 = 30_000;

/// Looks at every live run. One that cannot be dealt with does not keep the others waiting.
///
/// # Errors
/// The store failed.
pub fn tick(engine: &Engine) -> Result<()> {
    let live = engine.store.read(runs::live)?;
    lock(&engine.overdue).retain(|id, _| live.iter().any(|run| run.id == *id));
    change_stat::retain(engine, &live);
    for run in live {
        if lock(&engine.overdue).get(&run.id).is_some_and(|overdue| overdue.next > engine.store.clock().mono_ms()) {
            continue;
        }
        match look_at(engine, &run) {
            // Conflict: somebody else moved it on meanwhile.
            Ok(()) | Err(Error::Conflict(_)) => {
                if !run.stop_wanted {
                    lock(&engine.overdue).remove(&run.id);
                }
            }
            Err(e) => {
                tracing::warn!(run = run.id.0, error = %e, "a run could not be looked after; trying again");
                report_overdue(engine, &run, &e);
            }
        }
    }
    Ok(())
}

/// For how long a run could not be moved on, in milliseconds; from now on, where this is the first time.
fn overdue_for(engine: &Engine, run: &Run) -> i64 {
    let now = engine.store.clock().mono_ms();
    now - lock(&engine.overdue).entry(run.id).or_insert(Overdue { since: now, ..Overdue::default() }).since
}

/// A run that cannot be moved on for long is told to the owner, once, and keeps others waiting only now and then.
fn report_overdue(engine: &Engine, run: &Run, why: &Error) {
    if overdue_for(engine, run) < TELL_MS {
        return;
    }
    let next = engine.store.clock().mono_ms() + SELDOM_MS;
    if let Some(overdue) = lock(&engine.overdue).get_mut(&run.id) {
        overdue.next = next;
    }
    let notice = Notice {
        key: format!("late:{}-{}", run.id, run.generation),
        text: format!("{}: its run can be neither followed nor ended: {why}. It is tried again.", run.ticket),
        ticket: Some(run.ticket),
        ..Notice::default()
    };
    // The same key is told once: where it could not be written down it is tried with the next look.
    if let Err(e) = engine.store.write(move |tx| notifications::tell(tx, &notice)) {
        tracing::warn!(run = run.id.0, error = %e, "that a run cannot be moved on could not be told");
    }
}

fn look_at(engine: &Engine, run: &Run) -> Result<()> {
    if run.launched_at.is_none() {
        // Only promised so far: a stop needs nothing but a word.
        return if run.stop_wanted { conclude::never_started(engine, run) } else { Ok(()) };
    }
    let dir = folder(run);
    let launching = lock(&engine.launching).contains(&run.id);
    if launching && !dir.file("started").exists() {
        return Ok(());
    }
    take_in_spool(engine, run, &dir)?;
    if run.state == RunState::Starting && void(&dir)? {
        // No trace of an agent, and none can come any more: the launch is given back. That may have been seen to by a
        // server before us, which died between the file and the row.
        faults::hit(Point::LaunchVoided)?;
        let mine = run.clone();
        let why = lock(&engine.launch_backoffs).get(&run.id).map(|backoff| backoff.why.clone());
        return engine.store.write(move |tx| {
            credentials::revoke_run_tokens(tx, mine.id)?;
            runs::void_launch(tx, &mine, why.as_deref())
        });
    }
    let run = &note_start(engine, run, &dir)?;
    if dir.is_alive() {
        return look_after(engine, run, &dir);
    }
    // Its last words may have been left since we looked.
    take_in_spool(engine, run, &dir)?;
    if dir.exit().is_none() {
        // The shim died without a word. Whatever is left of the agent is ended before the claim is freed.
        let ended = engine.host.stop(&dir, Duration::from_millis(engine.config.stop_grace_ms));
        if !ended.verified {
            return Err(Error::Busy("processes of a dead run are still there".to_owned()));
        }
    }
    match change_stat::of(engine, run) {
        Measure::UnderWay => Ok(()),
        Measure::Taken(change) => conclude::ended(engine, run, &dir, change, overdue_for(engine, run) > UNREADABLE_MS),
    }
}

/// True where no agent can ever start from this folder. A launch that died before its folder was made has none, and whoever
/// was to make it is not at it any more.
fn void(dir: &RunDir) -> Result<bool> {
    Ok(!dir.path().is_dir() || dir.void()? == Voided::Yes)
}

/// A living run: stops it where that is wanted, or where it lingers after its work.
fn look_after(engine: &Engine, run: &Run, dir: &RunDir) -> Result<()> {
    if run.stop_wanted {
        return end(engine, run, dir);
    }
    let grace = engine.config.profile(&run.profile).map_or(120_000, |p| p.exit_grace_ms);
    let now = engine.store.clock().now();
    let quiet = |run: &Run| run.last_output_at.is_some_and(|at| now.waited(at) > grace);
    if run.state != RunState::Running || !quiet(run) {
        return Ok(());
    }
    let (reader, _) = ingest::drain(engine, run.id, false)?;
    let run = engine.store.read(|c| runs::get(c, reader.run.id))?;
    if quiet(&run) && reader.progress.is_at_rest() {
        engine.store.write(move |tx| runs::mark_lingering(tx, &run))?;
        let _ = engine.host.ask_to_stop(dir);
    }
    Ok(())
}

/// Asks a shim to end its run; one that hangs is ended itself, and all of the run with it.
fn end(engine: &Engine, run: &Run, dir: &RunDir) -> Result<()> {
    let grace = engine.config.stop_grace_ms;
    if overdue_for(engine, run) <= HANGS_MS.saturating_add_unsigned(grace) {
        let _ = engine.host.ask_to_stop(dir);
        return Ok(());
    }
    tracing::warn!(run = run.id.0, "a run's shim does not end it; both are ended");
    if engine.host.stop(dir, Duration::from_millis(grace)).verified {
        Ok(())
    } else {
        Err(Error::Busy("its processes cannot be ended".to_owned()))
    }
}

/// The agent's process appeared: the run is `running`.
fn note_start(engine: &Engine, run: &Run, dir: &RunDir) -> Result<Run> {
    if run.state == RunState::Starting
        && let Some(pids) = dir.pids()
        && let (Some(pid), Some(start)) = (pids.agent_pid, pids.agent_start)
    {
        faults::hit(Point::PidSeen)?;
        let mine = run.clone();
        let start = i64::try_from(start).unwrap_or(i64::MAX);
        return engine.store.write(move |tx| {
            running::running(tx, &mine, i64::from(pid), start)?;
            runs::get(tx.conn, mine.id)
        });
    }
    Ok(run.clone())
}

/// Reports that the agent's commands left while nobody listened.
fn take_in_spool(engine: &Engine, run: &Run, dir: &RunDir) -> Result<()> {
    for (path, report) in dir.spooled() {
        let kind = report.get("kind").and_then(|k| k.as_str()).and_then(|k| k.parse::<ReportKind>().ok());
        let body = report.get("body").and_then(|b| b.as_str()).unwrap_or_default().to_owned();
        let client_id = report.get("client_id").and_then(|c| c.as_str()).map(str::to_owned);
        let client_id = client_id.or_else(|| path.file_name().map(|n| n.to_string_lossy().into_owned())).unwrap_or_default();
        let taken = match kind {
            Some(kind) => {
                let mine = run.clone();
                engine.store.write(move |tx| {
                    // As it stands now: one that went on in another session has another number, and is looked at again.
                    let mine = runs::get(tx.conn, mine.id)?;
                    let role = tickets::get(tx.conn, mine.ticket)?.role.label();
                    reports::add(tx, &mine, &role, kind, &body, &client_id).map(|_| ())
                })
            }
            None => Err(Error::field("kind", "is unknown")),
        };
        // What an agent leaves there must not keep its own run from its end.
        match taken {
            Ok(()) => {}
            Err(e @ (Error::Invalid(_) | Error::NotFound(_) | Error::Denied(_))) => {
                tracing::warn!(run = run.id.0, error = %e, "a spooled report could not be taken and was dropped");
            }
            Err(e @ (Error::Conflict(_) | Error::Busy(_) | Error::Internal(_))) => return Err(e),
        }
        if let Err(e) = std::fs::remove_file(&path) {
            // It carries an id: taken again it changes nothing.
            tracing::warn!(run = run.id.0, error = %e, "a spooled report could not be removed");
        }
    }
    Ok(())
}

/// The run's folder.
#[must_use]
pub fn folder(run: &Run) -> RunDir {
    RunDir::open(Path::new(run.run_dir.as_deref().unwrap_or_default()))
}

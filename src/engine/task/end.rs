//! Looks at what runs, and ends what is over: its row, its task's streak and its outcome in one transaction.

use crate::base::error::{Error, Result};
use crate::base::faults;
use crate::base::faults::Point;
use crate::domain::ids::TaskRunId;
use crate::domain::inbox::OutcomeClass;
use crate::domain::task::{StopWanted, Task, TaskKind, TaskRun, TaskRunState};
use crate::drivers::runtime;
use crate::drivers::supervise::run_dir::{RunDir, Voided};
use crate::engine::Engine;
use crate::engine::orchestrator::headless::reading::Reading;
use crate::engine::task::files;
use crate::engine::task::memory::Memory;
use crate::engine::task::outcome::{auth_words, finish, rest, stopped_state, tell};
use crate::engine::task::output::secrets;
use crate::engine::task::verdict::{agent_verdict, api_verdict, command_verdict, profile};
use crate::store::task::task_runs;
use crate::store::task::task_runs::End;
use crate::store::task::tasks;
use std::path::Path;
use std::time::Duration;

/// Looks at every run that was started. One that cannot be dealt with does not keep the others waiting.
///
/// # Errors
/// The store failed.
pub(crate) fn look_at_running(engine: &Engine, memory: &mut Memory) -> Result<()> {
    let live = engine.store.read(task_runs::live)?;
    memory.readings.retain(|id, _| live.iter().any(|r| r.id == *id));
    memory.spawned.retain(|id, _| live.iter().any(|r| r.id == *id));
    for run in live.iter().filter(|r| r.state == TaskRunState::Running) {
        match look_at(engine, memory, run) {
            // Conflict: somebody else moved it on meanwhile.
            Ok(()) | Err(Error::Conflict(_)) => {}
            Err(e) => {
                tracing::warn!(task = run.task, run = run.id.0, error = %e, "a task run could not be looked after; trying again")
            }
        }
    }
    Ok(())
}

fn look_at(engine: &Engine, memory: &mut Memory, run: &TaskRun) -> Result<()> {
    let dir = RunDir::open(Path::new(run.run_dir.as_deref().unwrap_or_default()));
    let whole = dir.file("spec.json").exists();
    if !dir.file("started").exists() && whole && just_spawned(engine, memory, run.id) {
        return Ok(());
    }
    // Without a specification no shim can begin; with one this makes sure that none does.
    if !whole || dir.void()? == Voided::Yes {
        memory.spawned.remove(&run.id);
        let run = run.clone();
        return engine.store.write(move |tx| task_runs::give_back(tx, &run, None, run.note.as_deref()));
    }
    let task = task_of(engine, run);
    // First whether it lives, then what it wrote: of one that is over nothing can be missed.
    let lives = dir.is_alive();
    if run.kind == TaskKind::Agent {
        follow(engine, memory, run, &dir, task.as_ref())?;
    }
    if lives {
        if run.stop_wanted.is_some() && !engine.host.ask_to_stop(&dir) {
            // Its shim is gone: there is nobody to ask.
            return stop(engine, &dir);
        }
        if run.stop_wanted.is_none() && run.kind == TaskKind::Agent {
            linger(engine, memory, run, &dir);
        }
        return Ok(());
    }
    if dir.exit().is_none() {
        stop(engine, &dir)?;
    }
    ended(engine, memory, run, &dir, task.as_ref())
}

fn stop(engine: &Engine, dir: &RunDir) -> Result<()> {
    if engine.host.stop(dir, Duration::from_millis(engine.config.stop_grace_ms)).verified {
        return Ok(());
    }
    Err(Error::Busy("processes of a task run are still there".to_owned()))
}

/// Reads on in an agent's stream. A refused login is told at once, not after the agent's ten retries.
fn follow(engine: &Engine, memory: &mut Memory, run: &TaskRun, dir: &RunDir, task: Option<&Task>) -> Result<()> {
    let clock = engine.store.clock();
    let runtime = runtime::of_profile(profile(engine, run));
    let reading = memory.readings.entry(run.id).or_insert_with(|| Reading::new(dir.clone(), runtime));
    if reading.catch_up(clock.now())? || reading.quiet_since.is_none() {
        reading.quiet_since = Some(clock.mono_ms());
    }
    if !reading.stream.progress.auth_suspect || run.told || run.stop_wanted.is_some() {
        return Ok(());
    }
    let progress = &reading.stream.progress;
    let retry = progress.last_retry.as_ref().map(|e| match e.status {
        Some(status) => format!("{status} {}", e.kind),
        None => e.kind.clone(),
    });
    let said = retry.or_else(|| progress.api_error.as_ref().map(|e| e.text.clone())).unwrap_or_default();
    let (mine, task) = (run.clone(), task.cloned());
    engine.store.write(move |tx| {
        task_runs::told(tx, &mine)?;
        task_runs::want_stop(tx, mine.id, StopWanted::Auth)?;
        rest(tx, &mine, &auth_words(&said), None)?;
        tell(tx, &mine, task.as_ref(), OutcomeClass::AuthFailed, said);
        Ok(())
    })?;
    if !engine.host.ask_to_stop(dir) {
        tracing::debug!(run = run.id.0, "an agent without a login has ended by itself");
    }
    Ok(())
}

/// An agent that has said its last word and does not go is asked to.
fn linger(engine: &Engine, memory: &mut Memory, run: &TaskRun, dir: &RunDir) {
    let grace = profile(engine, run).map_or(i64::MAX, |p| p.exit_grace_ms);
    let Some(reading) = memory.readings.get_mut(&run.id) else { return };
    let quiet = engine.store.clock().mono_ms() - reading.quiet_since.unwrap_or(i64::MAX);
    if reading.stream.progress.is_at_rest() && quiet >= grace && !reading.asked {
        reading.asked = engine.host.ask_to_stop(dir);
    }
}

/// The task of a run as its file says now; none where that is gone or broken.
fn task_of(engine: &Engine, run: &TaskRun) -> Option<Task> {
    let row = engine.store.read(|c| tasks::by_name(c, &run.task)).ok()?;
    files::task_of(&row, &engine.config.scheduler.timezone).ok()
}

/// A run is over: everything of it stands in its folder.
fn ended(engine: &Engine, memory: &mut Memory, run: &TaskRun, dir: &RunDir, task: Option<&Task>) -> Result<()> {
    let exit = dir.exit();
    let hidden = dir.spec().map(|spec| secrets(&spec)).unwrap_or_default();
    let mut verdict = match run.kind {
        TaskKind::Subprocess | TaskKind::Background => command_verdict(&*engine.host, dir, exit.as_ref(), &hidden),
        TaskKind::Api => api_verdict(&*engine.host, dir, exit.as_ref(), &hidden),
        TaskKind::Agent => agent_verdict(engine, memory, run, dir, exit.as_ref(), &hidden)?,
    };
    let good = verdict.state == TaskRunState::Ok;
    match run.stop_wanted {
        // It was quicker than the wish.
        Some(_) if good => {}
        Some(why) => {
            let (state, words) = stopped_state(why);
            verdict.state = state;
            verdict.note = Some(words.to_owned());
        }
        None => {}
    }
    let end = End {
        state: verdict.state,
        exit_code: exit.as_ref().and_then(|e| e.exit_code).map(i64::from),
        signal: exit.as_ref().and_then(|e| e.signal).map(i64::from),
        note: verdict.note,
        output: verdict.output.0,
        output_bytes: verdict.output.1,
    };
    let keep = end.state != TaskRunState::Ok || run.kind == TaskKind::Agent;
    finish(engine, run, task, end, verdict.failure)?;
    faults::hit(Point::TaskTold)?;
    memory.readings.remove(&run.id);
    memory.spawned.remove(&run.id);
    if keep {
        // Only now: without it the run would count as one that never began.
        dir.forget_spec();
    } else if let Err(e) = std::fs::remove_dir_all(dir.path()) {
        tracing::debug!(dir = %dir.path().display(), error = %e, "a task's folder stays for now");
    }
    Ok(())
}

/// Whether a shim was spawned for it by this process so lately that it may not have begun yet.
fn just_spawned(engine: &Engine, memory: &Memory, id: TaskRunId) -> bool {
    const SHIM_BEGINS_MS: i64 = 10_000;
    memory.spawned.get(&id).is_some_and(|at| engine.store.clock().mono_ms() - at < SHIM_BEGINS_MS)
}

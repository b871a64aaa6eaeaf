//! The scheduler: reads the tasks' files, writes a row for every due time, starts what waits, and ends what is over.
//!
//! Like every engine it can be killed between any two lines: a row and the move of the next due time are one
//! transaction, a run belongs to its shim, and what became of it stands in its folder.

pub(crate) mod broken;
pub(crate) mod due;
pub(crate) mod end;
pub(crate) mod files;
pub(crate) mod memory;
pub(crate) mod outcome;
pub(crate) mod output;
pub(crate) mod start;
pub(crate) mod verdict;

use crate::base::clock::Clock;
use crate::base::doorbell::Topic;
use crate::base::error::Result;
use crate::domain::task::TaskRunState;
use crate::domain::time::Time;
use crate::engine::task::memory::Memory;
use crate::engine::{Engine, lock};
use crate::store::task::{task_runs, tasks};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;

/// With nothing live it is the doorbell, a due time or this that wakes us.
const IDLE_MS: i64 = 5_000;
/// With live runs their folders are looked at after so long even if nothing rang.
const LOOK_MS: i64 = 500;
/// After a ring, for so long more of them are gathered.
const GATHER: Duration = Duration::from_millis(10);
/// The clock was put back, and did not merely tremble.
const BACK_MS: i64 = 2_000;
/// Run folders of what ended badly, and of agents, are kept so long.
const FOLDERS_MS: i64 = 7 * 86_400_000;

/// One cycle. Doing it at any time, any number of times, is safe.
///
/// # Errors
/// The store failed.
pub fn tick(engine: &Engine) -> Result<()> {
    let memory = &mut *lock(&engine.tasks);
    files::reload(engine, memory)?;
    notice_clock_put_back(engine, memory)?;
    while due::write_down(engine, memory)? && !engine.is_stopping() {}
    broken::report(engine, memory)?;
    end::look_at_running(engine, memory)?;
    start::start_waiting(engine, memory)
}

/// Ticks until the engine stops. Blocks.
pub fn run(engine: &Arc<Engine>, rt: &Handle) {
    let mut ear = engine.store.doorbell.listen(Topic::Tasks);
    while !engine.is_stopping() {
        ear.hush();
        if let Err(e) = tick(engine) {
            tracing::warn!(error = %e, "the scheduler could not go on; trying again");
        }
        let wait = Duration::from_millis(u64::try_from(wait_ms(engine)).unwrap_or(1_000));
        if rt.block_on(ear.wait(wait)) && !engine.is_stopping() {
            crate::base::clock::pause(GATHER);
        }
    }
}

/// Deletes rows, outputs and folders that have served their time.
///
/// # Errors
/// The store failed.
pub fn prune(engine: &Engine) -> Result<()> {
    let live = engine.store.read(task_runs::live)?;
    engine.store.write(|tx| task_runs::prune(tx).map(|_| ()))?;
    let now = engine.store.clock().now();
    for entry in std::fs::read_dir(engine.data.runs())?.flatten() {
        let path = entry.path();
        let is_ours = entry.file_name().to_str().is_some_and(|n| n.starts_with("task-"));
        let is_live = live
            .iter()
            .any(|r| r.run_dir.as_deref().is_some_and(|dir| path.ends_with(dir)) || r.run_dir.as_deref() == path.to_str());
        let changed = entry.metadata().and_then(|m| m.modified()).ok().map(Time::of);
        let old = changed.is_some_and(|at| now.since(at) > FOLDERS_MS);
        if is_ours && !is_live && old {
            std::fs::remove_dir_all(&path).unwrap_or_else(|e| tracing::debug!(error = %e, "an old task folder stays"));
        }
    }
    Ok(())
}

/// Notices that the wall clock was put back: what was due in a future that is none any more is looked for anew. Due
/// times that have been never come again.
fn notice_clock_put_back(engine: &Engine, memory: &mut Memory) -> Result<()> {
    let clock = engine.store.clock();
    let (now, mono) = (clock.now(), Clock::mono_ms(&**clock));
    let back = match memory.clocks {
        // After a restart nobody knows.
        None => true,
        Some((wall, then)) => now.0 - wall.0 < (mono - then) - BACK_MS,
    };
    if back {
        due::look_back(engine, memory, now)?;
    }
    // Only now: a look back that failed is made again.
    memory.clocks = Some((now, mono));
    Ok(())
}

fn wait_ms(engine: &Engine) -> i64 {
    let now = engine.store.clock().now();
    let found = engine.store.read(|c| {
        let live = task_runs::live(c)?;
        Ok((live, tasks::next_due(c)?, task_runs::next_wait(c, now)?))
    });
    let Ok((live, due, wait)) = found else { return LOOK_MS };
    let next = due.into_iter().chain(wait).filter(|at| *at > now).map(|at| at.since(now)).min().unwrap_or(IDLE_MS);
    let overdue = due.is_some_and(|at| at <= now);
    let runs = live.iter().any(|r| r.state == TaskRunState::Running);
    let most = if runs { LOOK_MS } else { IDLE_MS };
    if overdue { 20 } else { next.clamp(1, most) }
}

//! Dispatch: fills free slots. Runs that were promised one first ("do it now", replies), then ready tickets.

use super::{Engine, launch, lock};
use crate::domain::ids::RunId;
use crate::domain::rules::Rules;
use crate::domain::run::Run;
use crate::error::{Error, Result};
use crate::faults::{self, Point};
use crate::store::{dispatch, pauses, runs};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

/// A launch that failed for a fault of the machine (a full disk, say) is tried again after so long.
const COOL_MS: i64 = 5_000;

/// Starts what there are slots for. Returns the launches that are under way.
///
/// # Errors
/// The store failed.
pub fn tick(engine: &Arc<Engine>) -> Result<Vec<JoinHandle<()>>> {
    // Before the rows are read: what is launched meanwhile must not be missing from both. A launch under way holds its
    // slot however long it takes, or one that was put off would be given the same.
    let under_way = lock(&engine.launching).clone();
    let live = engine.store.read(runs::live)?;
    let holds = |run: &Run| run.launched_at.is_some() || under_way.contains(&run.id);
    let (held, waiting): (Vec<Run>, Vec<Run>) = live.into_iter().partition(holds);
    let free = engine.config.max_workers.saturating_sub(held.len());
    let mut go = promised(engine, &held, waiting, free)?;
    let left = free - go.len();
    if left > 0 {
        let config = engine.config.clone();
        let claimed = engine.store.write(move |tx| dispatch::claim(tx, left, config.as_ref()))?;
        if !claimed.is_empty() {
            faults::hit(Point::TicketClaimed)?;
        }
        go.extend(claimed);
    }
    Ok(go.into_iter().filter_map(|id| begin(engine, id)).collect())
}

/// Promised runs that may go now, oldest first; those of a paused or busy profile wait without holding others up.
fn promised(engine: &Arc<Engine>, held: &[Run], waiting: Vec<Run>, free: usize) -> Result<Vec<RunId>> {
    let now = engine.store.clock().now();
    let paused = engine.store.read(|c| pauses::in_force(c, now))?;
    let mono = engine.store.clock().mono_ms();
    lock(&engine.cooling).retain(|_, until| *until > mono);
    let cooling: Vec<RunId> = lock(&engine.cooling).keys().copied().collect();
    let mut go: Vec<Run> = Vec::new();
    for run in waiting {
        let used = held.iter().chain(&go).filter(|r| r.profile == run.profile).count();
        let fits = used < engine.config.concurrency(&run.profile) && !paused.contains_key(&run.profile);
        if go.len() < free && fits && !run.stop_wanted && !cooling.contains(&run.id) {
            go.push(run);
        }
    }
    Ok(go.into_iter().map(|r| r.id).collect())
}

/// Prepares and spawns a run on a thread of its own: a slow repository must not hold up the others.
fn begin(engine: &Arc<Engine>, id: RunId) -> Option<JoinHandle<()>> {
    if !lock(&engine.launching).insert(id) {
        return None;
    }
    let mine = engine.clone();
    let work = move || {
        // Whatever happens in there: the run is the reaper's afterwards.
        let done = catch_unwind(AssertUnwindSafe(|| launch::launch(&mine, id)));
        if let Err(e) = done.unwrap_or_else(|_| Err(Error::Internal("it panicked".to_owned()))) {
            tracing::warn!(run = id.0, error = %e, "a launch failed; the reaper gives it back");
            lock(&mine.cooling).insert(id, mine.store.clock().mono_ms() + COOL_MS);
        }
        lock(&mine.launching).remove(&id);
        mine.store.doorbell.ring(crate::doorbell::Topic::Ingest);
        mine.store.doorbell.ring(crate::doorbell::Topic::Pickup);
    };
    match engine.keeper.beside("launch", Box::new(work)) {
        Ok(thread) => thread,
        Err(e) => {
            tracing::warn!(run = id.0, error = %e, "no thread for a launch; trying again");
            lock(&engine.launching).remove(&id);
            None
        }
    }
}

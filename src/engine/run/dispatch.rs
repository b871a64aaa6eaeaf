//! Dispatch: fills free slots. Runs that were promised one first ("do it now", replies), then ready tickets.

use crate::base::error::{Error, Result};
use crate::base::faults;
use crate::base::faults::Point;
use crate::domain::ids::RunId;
use crate::domain::notice::Notice;
use crate::domain::ports::Rules;
use crate::domain::run::Run;
use crate::engine::run::launch;
use crate::engine::{Engine, lock};
use crate::store::notice::notifications;
use crate::store::run::{dispatch, pauses, runs};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

/// A launch that failed for a fault of the machine (a full disk, say) is tried again after so many milliseconds, and each
/// further time after twice as many.
const BACKOFF_MS: i64 = 5_000;
/// But never after more than so many.
const BACKOFF_MAX_MS: i64 = 2 * 60_000;
/// A launch that failed so often in a row is told, once: it has been tried for two minutes and a half then.
const BACKOFF_TELL: u32 = 6;

/// Starts what there are slots for. Returns the launches that are under way.
///
/// # Errors
/// The store failed.
pub fn tick(engine: &Arc<Engine>) -> Result<Vec<JoinHandle<()>>> {
    // Before the rows are read: what is launched meanwhile must not be missing from both. A launch under way holds its
    // slot however long it takes, or one that was put off would be given the same.
    let under_way = lock(&engine.launching).clone();
    let live = engine.store.read(runs::live)?;
    lock(&engine.launch_backoffs).retain(|id, _| live.iter().any(|run| run.id == *id));
    let holds = |run: &Run| run.launched_at.is_some() || under_way.contains(&run.id);
    let (held, waiting): (Vec<Run>, Vec<Run>) = live.into_iter().partition(holds);
    let free = engine.config.max_workers.saturating_sub(held.len());
    let mut go = promised(engine, &held, waiting, free)?;
    let left = free - go.len();
    if left > 0 {
        let (config, from) = (engine.config.clone(), *lock(&engine.scan_cursor));
        let (claimed, scan_cursor) = engine.store.write(move |tx| dispatch::claim(tx, left, config.as_ref(), from))?;
        *lock(&engine.scan_cursor) = scan_cursor;
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
    let backing_off: Vec<RunId> =
        lock(&engine.launch_backoffs).iter().filter(|(_, c)| c.until > mono).map(|(id, _)| *id).collect();
    let mut go: Vec<Run> = Vec::new();
    for run in waiting {
        let used = held.iter().chain(&go).filter(|r| r.profile == run.profile).count();
        let fits = used < engine.config.concurrency(&run.profile) && !paused.contains_key(&run.profile);
        if go.len() < free && fits && !run.stop_wanted && !backing_off.contains(&run.id) {
            go.push(run);
        }
    }
    Ok(go.into_iter().map(|r| r.id).collect())
}

/// Leaves a launch alone for a while. One that fails again and again is told, once.
fn back_off(engine: &Engine, id: RunId, why: &Error) {
    let why = format!("It could not be started: {why}. It is tried again.");
    let times = {
        let mut backoffs = lock(&engine.launch_backoffs);
        let one = backoffs.entry(id).or_default();
        one.times = one.times.saturating_add(1);
        let wait = BACKOFF_MS.saturating_mul(1 << (one.times - 1).min(10)).min(BACKOFF_MAX_MS);
        one.until = engine.store.clock().mono_ms() + wait;
        one.why.clone_from(&why);
        one.times
    };
    if times < BACKOFF_TELL {
        return;
    }
    let told = engine.store.write(move |tx| {
        let run = runs::get(tx.conn, id)?;
        // The same key is told once: where it could not be written down it is tried with the next failure.
        let (key, text) = (format!("launch:{}", run.id), format!("{}: {why}", run.ticket));
        notifications::tell(tx, &Notice { key, text, ticket: Some(run.ticket), ..Notice::default() })
    });
    if let Err(e) = told {
        tracing::warn!(run = id.0, error = %e, "that a launch fails again and again could not be told");
    }
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
        match done.unwrap_or_else(|_| Err(Error::Internal("it panicked".to_owned()))) {
            Ok(()) => drop(lock(&mine.launch_backoffs).remove(&id)),
            Err(e) => {
                tracing::warn!(run = id.0, error = %e, "a launch failed; the reaper gives it back");
                back_off(&mine, id, &e);
            }
        }
        lock(&mine.launching).remove(&id);
        mine.store.doorbell.ring(crate::base::doorbell::Topic::Ingest);
        mine.store.doorbell.ring(crate::base::doorbell::Topic::Pickup);
    };
    match engine.host.beside("launch", Box::new(work)) {
        Ok(thread) => thread,
        Err(e) => {
            tracing::warn!(run = id.0, error = %e, "no thread for a launch; trying again");
            lock(&engine.launching).remove(&id);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::SystemClock;
    use crate::domain::ids::NoticeId;
    use crate::engine::samples;

    #[test]
    fn a_launch_that_fails_again_and_again_is_tried_ever_more_slowly_and_told_once() {
        let dir = tempfile::tempdir().expect("a folder");
        let engine = samples::engine(dir.path(), "", Arc::new(SystemClock::new()));
        let run = samples::promised(&engine);
        let told = |id| engine.store.read(|c| notifications::get(c, NoticeId(id))).map(|told| told.notice.text);
        let mut waits = Vec::new();
        for _ in 0..BACKOFF_TELL {
            assert!(told(1).is_err(), "not yet");
            let now = engine.store.clock().mono_ms();
            back_off(&engine, run, &Error::Busy("no room".to_owned()));
            waits.push((lock(&engine.launch_backoffs)[&run].until - now) / 1_000);
        }
        assert_eq!(waits, [5, 10, 20, 40, 80, 120], "in seconds");
        back_off(&engine, run, &Error::Busy("no room".to_owned()));
        assert_eq!(told(1).expect("told"), "MC-1: It could not be started: no room. It is tried again.");
        assert!(told(2).is_err(), "once");
    }
}

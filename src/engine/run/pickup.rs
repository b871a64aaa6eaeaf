//! Pickup: reap, drain the inbox, dispatch; each minute, and at once when the doorbell rings.

use crate::base::doorbell::Topic;
use crate::base::error::Result;
use crate::engine::inbox::drain;
use crate::engine::run::{dispatch, reaper};
use crate::engine::{Engine, lock};
use crate::store::run::{dispatch as ready, pauses, runs};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::Handle;

/// With live runs their folders are looked at after so long even if nothing rang.
const LOOK_EVERY_MS: i64 = 1_000;
/// Without live runs it is the cron beat that wakes us; this is its fallback.
const IDLE_MS: i64 = 60_000;

/// One cycle. Launches go on beside it; wait for them only where the process is about to end.
///
/// # Errors
/// The store failed.
pub fn tick(engine: &Arc<Engine>) -> Result<Vec<JoinHandle<()>>> {
    let _one = lock(&engine.pickup_lock);
    reaper::tick(engine)?;
    if let Err(e) = drain::tick(engine, drain::Pace::Cycle) {
        tracing::warn!(error = %e, "the inbox could not be drained; the next pickup tries again");
    }
    dispatch::tick(engine)
}

/// The reaper alone, never beside a pickup.
///
/// # Errors
/// The store failed.
pub fn reap(engine: &Engine) -> Result<()> {
    let _one = lock(&engine.pickup_lock);
    reaper::tick(engine)
}

/// Ticks until the engine stops. Blocks.
pub fn run(engine: &Arc<Engine>, rt: &Handle) {
    let mut ear = engine.store.doorbell.listen(Topic::Pickup);
    while !engine.is_stopping() {
        ear.hush();
        if let Err(e) = tick(engine) {
            tracing::warn!(error = %e, "a pickup failed; the next one tries again");
        }
        let wait = Duration::from_millis(u64::try_from(wait_ms(engine)).unwrap_or(1000));
        rt.block_on(ear.wait(wait));
    }
}

fn wait_ms(engine: &Engine) -> i64 {
    let now = engine.store.clock().now();
    let found = engine.store.read(|c| {
        let live = !runs::live(c)?.is_empty();
        Ok((live, ready::next_due(c, now)?, pauses::next_end(c, now)?))
    });
    match found {
        Ok((true, ..)) => LOOK_EVERY_MS,
        Ok(_) if lock(&engine.scan_cursor).is_some() => LOOK_EVERY_MS,
        Ok((false, due, pause_end)) => {
            let next = [due, pause_end].into_iter().flatten().min();
            next.map_or(IDLE_MS, |at| at.since(now).clamp(20, IDLE_MS))
        }
        Err(_) => LOOK_EVERY_MS,
    }
}

//! Ingest: follows the raw logs of live runs, one thread each, woken by the file system and by the clock.

use super::Engine;
use super::print_log;
use super::reader::{Reader, Step};
use crate::domain::ids::RunId;
use crate::domain::profile::RuntimeKind;
use crate::domain::run::Run;
use crate::doorbell::Topic;
use crate::error::{Error, Result};
use crate::store::runs;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::Handle;

/// A log is looked at after so long even if nothing rang.
const LOOK_EVERY: Duration = Duration::from_millis(400);
/// The list of live runs is looked at after so long even if nothing rang.
const LIST_EVERY: Duration = Duration::from_secs(5);

/// How a run's lines are to be read.
#[must_use]
pub fn kind_of(engine: &Engine, run: &Run) -> RuntimeKind {
    engine.config.profile(&run.profile).map_or(RuntimeKind::Claude, |p| p.runtime)
}

/// Reads a run's log to its present end. Returns the reader, whose run is the present one (it may have forked), and
/// whether the log was lost.
///
/// # Errors
/// The run was closed, or the disk or store failed.
pub fn drain(engine: &Engine, id: RunId, at_end: bool) -> Result<(Reader, bool)> {
    let run = engine.store.read(|c| runs::get(c, id))?;
    let mut reader = Reader::open(&engine.store, id, kind_of(engine, &run))?;
    loop {
        match reader.step(&engine.store, at_end) {
            Ok(Step::Read(events)) => print_log::append(&engine.config.logs(), &reader.run, &events),
            Ok(Step::Dry) => return Ok((reader, false)),
            Ok(Step::Lost) => return Ok((reader, true)),
            // The follower thread was faster: take up where it is now.
            Err(Error::Conflict(why)) => {
                let live = engine.store.read(|c| runs::get(c, reader.run.id))?;
                if !live.state.is_live() {
                    return Err(Error::Conflict(why));
                }
                reader = Reader::open(&engine.store, live.id, kind_of(engine, &live))?;
            }
            Err(e) => return Err(e),
        }
    }
}

/// Follows all live runs until the engine stops. Blocks.
pub fn run(engine: &Arc<Engine>, rt: &Handle) {
    let mut ear = engine.store.doorbell.listen(Topic::Ingest);
    let mut followers: BTreeMap<RunId, JoinHandle<()>> = BTreeMap::new();
    while !engine.is_stopping() {
        followers.retain(|_, thread| !thread.is_finished());
        match engine.store.read(runs::live) {
            Ok(live) => {
                for run in live.into_iter().filter(|r| r.launched_at.is_some()) {
                    followers.entry(run.id).or_insert_with(|| {
                        let (engine, rt) = (engine.clone(), rt.clone());
                        std::thread::spawn(move || follow(&engine, &rt, run.id))
                    });
                }
            }
            Err(e) => tracing::warn!(error = %e, "live runs could not be listed"),
        }
        rt.block_on(ear.wait(LIST_EVERY));
    }
    for (_, thread) in followers {
        let _ = thread.join();
    }
}

/// Follows one run until it is closed. A fork goes on under its new number in the same thread.
fn follow(engine: &Engine, rt: &Handle, id: RunId) {
    let mut ear = engine.store.doorbell.listen(Topic::Ingest);
    let mut reader: Option<Reader> = None;
    let mut current = id;
    while !engine.is_stopping() {
        ear.hush();
        match follow_once(engine, &mut reader, current) {
            Ok(Some(now)) => current = now,
            Ok(None) => return,
            Err(e) => {
                tracing::warn!(run = current.0, error = %e, "a log could not be read; trying again");
                reader = None;
            }
        }
        rt.block_on(ear.wait(LOOK_EVERY));
    }
}

/// Reads what there is. The number of the run to go on with; none when it is over.
fn follow_once(engine: &Engine, slot: &mut Option<Reader>, id: RunId) -> Result<Option<RunId>> {
    let reader = match slot {
        Some(reader) => reader,
        None => {
            let run = engine.store.read(|c| runs::get(c, id))?;
            if !run.state.is_live() || run.launched_at.is_none() {
                return Ok(None);
            }
            slot.insert(Reader::open(&engine.store, id, kind_of(engine, &run))?)
        }
    };
    loop {
        if engine.is_stopping() {
            return Ok(None);
        }
        match reader.step(&engine.store, false) {
            Ok(Step::Read(events)) => print_log::append(&engine.config.logs(), &reader.run, &events),
            // A lost log is closed with a note by the reaper when the process is gone.
            Ok(Step::Dry | Step::Lost) => break,
            Err(Error::Conflict(_)) => {
                let run = engine.store.read(|c| runs::get(c, reader.run.id))?;
                *slot = None;
                return Ok(run.state.is_live().then_some(run.id));
            }
            Err(e) => return Err(e),
        }
    }
    let now = reader.run.id;
    let run = engine.store.read(|c| runs::get(c, now))?;
    Ok((run.state.is_live() && run.generation == reader.run.generation).then_some(now))
}

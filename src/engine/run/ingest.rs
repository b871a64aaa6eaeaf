//! Ingest: follows the raw logs of live runs, one thread each, woken by the file system and by the clock.

use crate::base::doorbell::Topic;
use crate::base::error::{Error, Result};
use crate::domain::ids::RunId;
use crate::domain::run::Run;
use crate::drivers::runtime;
use crate::drivers::runtime::interface::Runtime;
use crate::engine::Engine;
use crate::engine::run::readable_log;
use crate::engine::run::reader::{Reader, Step};
use crate::engine::system::fs_watch;
use crate::store::run::runs;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::Handle;

/// A log is looked at after so long even if nothing rang.
const LOOK_EVERY: Duration = Duration::from_millis(400);
/// Whether the run still lives is asked no more often than this, in milliseconds.
const CHECK_MS: i64 = 300;
/// The list of live runs is looked at after so long even if nothing rang.
const LIST_EVERY: Duration = Duration::from_secs(5);

/// How a run's lines are to be read.
#[must_use]
pub fn runtime_of(engine: &Engine, run: &Run) -> &'static dyn Runtime {
    runtime::of_profile(engine.config.profile(&run.profile))
}

/// Reads a run's log to its present end. Returns the reader, whose run is the present one (it may have forked), and
/// whether the log was lost.
///
/// # Errors
/// The run was closed, or the disk or store failed.
pub fn drain(engine: &Engine, id: RunId, at_end: bool) -> Result<(Reader, bool)> {
    let run = engine.store.read(|c| runs::get(c, id))?;
    let mut reader = Reader::open(&engine.store, id, runtime_of(engine, &run))?;
    loop {
        match reader.step(&engine.store, at_end) {
            Ok(Step::Read(events)) => readable_log::append(&engine.config.logs(), &reader.run, &events),
            Ok(Step::Dry) => return Ok((reader, false)),
            Ok(Step::Lost) => return Ok((reader, true)),
            // The follower thread was faster: take up where it is now.
            Err(Error::Conflict(why)) => {
                let live = engine.store.read(|c| runs::get(c, reader.run.id))?;
                if !live.state.is_live() {
                    return Err(Error::Conflict(why));
                }
                reader = Reader::open(&engine.store, live.id, runtime_of(engine, &live))?;
            }
            Err(e) => return Err(e),
        }
    }
}

/// Follows all live runs until the engine stops. Blocks.
pub fn run(engine: &Arc<Engine>, rt: &Handle) {
    let mut ear = engine.store.doorbell.listen(Topic::Ingest);
    let mut followers = Followers::default();
    while !engine.is_stopping() {
        match engine.store.read(runs::live) {
            Ok(live) => followers.begin(live, |run| {
                let (engine, rt) = (engine.clone(), rt.clone());
                std::thread::spawn(move || follow(&engine, &rt, &run))
            }),
            Err(e) => tracing::warn!(error = %e, "live runs could not be listed"),
        }
        rt.block_on(ear.wait(LIST_EVERY));
    }
    for (_, thread) in followers.0 {
        let _ = thread.join();
    }
}

/// Who follows, by the log: a session that forks goes on in the same log under another number.
#[derive(Default)]
struct Followers(BTreeMap<String, JoinHandle<()>>);

impl Followers {
    /// Has every launched run followed whose log is not.
    fn begin(&mut self, live: Vec<Run>, spawn: impl Fn(Run) -> JoinHandle<()>) {
        self.0.retain(|_, thread| !thread.is_finished());
        for run in live.into_iter().filter(|r| r.launched_at.is_some()) {
            let log = run.raw_log.clone().unwrap_or_default();
            self.0.entry(log).or_insert_with(|| spawn(run));
        }
    }
}

/// Follows one run until it is closed. A fork goes on under its new number in the same thread, with the same log.
fn follow(engine: &Engine, rt: &Handle, run: &Run) {
    let log = Path::new(run.raw_log.as_deref().unwrap_or_default());
    let mut grown = engine.store.doorbell.listen(Topic::Log(fs_watch::log_id(log)));
    let mut launched = engine.store.doorbell.listen(Topic::Ingest);
    let mut at = Follower::of(run.id);
    while !engine.is_stopping() {
        grown.hush();
        launched.hush();
        match at.step(engine) {
            Ok(true) => {}
            Ok(false) => return,
            Err(e) => {
                tracing::warn!(run = at.run.0, error = %e, "a log could not be read; trying again");
                at.reader = None;
            }
        }
        rt.block_on(async {
            tokio::select! { _ = grown.wait(LOOK_EVERY) => {}, _ = launched.wait(LOOK_EVERY) => {} }
        });
    }
}

/// Who follows one run, and how far that is.
pub struct Follower {
    reader: Option<Reader>,
    run: RunId,
    checked_ms: i64,
}

impl Follower {
    /// One that has read nothing yet.
    #[must_use]
    pub fn of(run: RunId) -> Follower {
        Follower { reader: None, run, checked_ms: 0 }
    }

    /// Reads what there is. False when the run is over.
    ///
    /// # Errors
    /// The disk or store failed: a new follower tries again.
    pub fn step(&mut self, engine: &Engine) -> Result<bool> {
        let reader = match &mut self.reader {
            Some(reader) => reader,
            slot => {
                let run = engine.store.read(|c| runs::get(c, self.run))?;
                if !run.state.is_live() || run.launched_at.is_none() {
                    return Ok(false);
                }
                slot.insert(Reader::open(&engine.store, self.run, runtime_of(engine, &run))?)
            }
        };
        loop {
            if engine.is_stopping() {
                return Ok(false);
            }
            match reader.step(&engine.store, false) {
                Ok(Step::Read(events)) => readable_log::append(&engine.config.logs(), &reader.run, &events),
                // A lost log is closed with a note by the reaper when the process is gone.
                Ok(Step::Dry | Step::Lost) => break,
                Err(Error::Conflict(_)) => {
                    let run = engine.store.read(|c| runs::get(c, reader.run.id))?;
                    self.reader = None;
                    self.run = run.id;
                    return Ok(run.state.is_live());
                }
                Err(e) => return Err(e),
            }
        }
        self.run = reader.run.id;
        // A write for a run that was closed is refused: whether it still lives need not be asked after each line.
        let now = engine.store.clock().mono_ms();
        if now - self.checked_ms < CHECK_MS {
            return Ok(true);
        }
        self.checked_ms = now;
        let run = engine.store.read(|c| runs::get(c, self.run))?;
        Ok(run.state.is_live() && run.generation == reader.run.generation)
    }
}

#[cfg(test)]
#[path = "ingest_tests.rs"]
mod tests;

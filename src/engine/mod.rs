//! Floor 3: engines. Each is a `tick` that can be called at any time, by anyone, any number of times, and a waiter that
//! calls it when the doorbell rings or a time comes. They read and write the store and move the drivers, nothing else.

pub mod console;
pub mod inbox;
pub mod notice;
pub mod orchestrator;
pub mod run;
#[cfg(test)]
pub(crate) mod samples;
pub mod system;
pub mod task;

use crate::config::Config;
use crate::config::data_dir::DataDir;
use crate::domain::ids::RunId;
use crate::domain::profile::RuntimeKind;
use crate::drivers::runtime::launch::Probe;
use crate::drivers::supervise::host::{Host, LocalHost};
use crate::engine::run::memory::{LaunchBackoff, Measures, Overdue};
use crate::engine::task::memory::Memory;

use crate::store::Store;
use crate::store::run::dispatch::Place;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What all engines share.
pub struct Engine {
    /// The truth.
    pub store: Store,
    /// What is configured.
    pub config: Arc<Config>,
    /// Where run folders are.
    pub data: DataDir,
    /// Our own program, for shims and the demo agent.
    pub exe: PathBuf,
    /// The address agents reach us at.
    pub url: String,
    /// The machine on which runs live.
    host: Box<dyn Host>,
    /// Launches that a thread of this process is preparing: the reaper leaves them alone.
    launching: Mutex<BTreeSet<RunId>>,
    /// Launches that failed for a fault of the machine.
    launch_backoffs: Mutex<BTreeMap<RunId, LaunchBackoff>>,
    /// Runs that could not be moved on.
    overdue: Mutex<BTreeMap<RunId, Overdue>>,
    /// Where the last look for tickets that may go was broken off, where there were very many that may not.
    scan_cursor: Mutex<Option<Place>>,
    /// What each agent's program can do.
    probes: Mutex<BTreeMap<ProgramKey, Probe>>,
    /// What runs that are over changed, as far as it is measured.
    measures: Measures,
    /// One pickup at a time.
    pickup_lock: Mutex<()>,
    /// One typist at a time: held while anything is put into the orchestrator's terminal.
    pub(crate) typist: Mutex<()>,
    /// The scheduler's memory; held while it ticks, so that two never do at once.
    tasks: Mutex<Memory>,
    stopping: AtomicBool,
}

/// An agent's program: its runtime, its command line, and when its file last changed, in seconds since 1970.
type ProgramKey = (RuntimeKind, Vec<String>, i64);

impl Engine {
    /// Engines over a store. Nothing runs until [`crate::engine::run::pickup::run`] and [`crate::engine::run::ingest::run`] are called.
    #[must_use]
    pub fn new(store: Store, config: Arc<Config>, data: DataDir, exe: PathBuf, url: String) -> Engine {
        Engine {
            store,
            config,
            data,
            exe,
            url,
            host: Box::new(LocalHost),
            launching: Mutex::default(),
            launch_backoffs: Mutex::default(),
            overdue: Mutex::default(),
            scan_cursor: Mutex::default(),
            probes: Mutex::default(),
            measures: Measures::default(),
            pickup_lock: Mutex::default(),
            typist: Mutex::default(),
            tasks: Mutex::default(),
            stopping: AtomicBool::new(false),
        }
    }

    /// The same over another machine: a simulation plays one.
    #[must_use]
    pub fn on_host(self, host: Box<dyn Host>) -> Engine {
        Engine { host, ..self }
    }

    /// Asks the waiters to end. Workers go on: they belong to their shims.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.store.doorbell.ring(crate::base::doorbell::Topic::Pickup);
        self.store.doorbell.ring(crate::base::doorbell::Topic::Ingest);
        self.store.doorbell.ring(crate::base::doorbell::Topic::Luci);
        self.store.doorbell.ring(crate::base::doorbell::Topic::Tasks);
        self.store.doorbell.ring(crate::base::doorbell::Topic::Outbox);
    }

    /// Whether the waiters are to end.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

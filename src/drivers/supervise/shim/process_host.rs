//! What engines do with the processes of a run, behind one trait: the machine's own, or those that a simulation plays.

use crate::base::clock;
use crate::drivers::supervise::run_dir::RunDir;
use crate::drivers::supervise::shim::spawn_shim;
use crate::drivers::supervise::stop;
use crate::drivers::supervise::stop::Ended;
use std::io;
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

/// Starts and ends the processes of runs.
pub trait Keeper: Send + Sync {
    /// Starts a shim on a run folder. It need not have begun when this returns.
    ///
    /// # Errors
    /// There is none; nothing will ever begin in this folder because of this call.
    fn start(&self, exe: &Path, dir: &RunDir) -> io::Result<()>;

    /// Asks a living shim to end its run, and does not wait. False where there is no shim to ask.
    fn ask_to_stop(&self, dir: &RunDir) -> bool;

    /// Ends a run, whatever state its launch is in, and waits until it is over.
    fn stop(&self, dir: &RunDir, grace: Duration) -> Ended;

    /// Does something that may take long beside the caller. A thread to wait for, where there is one.
    ///
    /// # Errors
    /// There is no thread to be had.
    fn beside(&self, name: &str, work: Box<dyn FnOnce() + Send>) -> io::Result<Option<JoinHandle<()>>>;

    /// Lets some time pass between two looks at a run folder.
    fn pause(&self, d: Duration);
}

/// The machine's own processes and threads.
#[derive(Debug, Clone, Copy, Default)]
pub struct Machine;

impl Keeper for Machine {
    fn start(&self, exe: &Path, dir: &RunDir) -> io::Result<()> {
        spawn_shim(exe, dir).map(drop)
    }

    fn ask_to_stop(&self, dir: &RunDir) -> bool {
        stop::ask_to_stop(dir)
    }

    fn stop(&self, dir: &RunDir, grace: Duration) -> Ended {
        stop::stop_run(dir, grace)
    }

    fn beside(&self, name: &str, work: Box<dyn FnOnce() + Send>) -> io::Result<Option<JoinHandle<()>>> {
        std::thread::Builder::new().name(name.into()).spawn(work).map(Some)
    }

    fn pause(&self, d: Duration) {
        clock::pause(d);
    }
}

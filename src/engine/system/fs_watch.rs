//! Turns changes of files into rings: a log that grew, a run folder with news. Polling is the fallback everywhere, so a
//! machine without inotify is slower, not wrong.

use crate::base::doorbell::{Doorbell, Topic};
use crate::base::error::{Error, Result};
use crate::engine::lock;
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::BTreeSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, Weak};

/// Keeps watching while it lives.
pub struct FsWatch(Arc<Mutex<RecommendedWatcher>>);

/// Watches the logs and the folders of runs. Of those only the ones that are not over: each takes memory here and in the
/// kernel, which watches only so many, and they stay on the disk for ever.
///
/// # Errors
/// The system refuses to watch (no inotify left).
pub fn watch(logs: &Path, runs: &Path, doorbell: Doorbell) -> Result<FsWatch> {
    let (orders, taken) = channel();
    let (root, bell) = (runs.to_owned(), doorbell.clone());
    let watcher = notify::recommended_watcher(move |event| on_event(event, &root, &orders, &doorbell)).map_err(fault)?;
    let watcher = Arc::new(Mutex::new(watcher));
    let mut folders = Folders { runs: runs.to_owned(), watched: BTreeSet::new() };
    {
        let mut watcher = lock(&watcher);
        watcher.watch(logs, RecursiveMode::NonRecursive).map_err(fault)?;
        watcher.watch(runs, RecursiveMode::NonRecursive).map_err(fault)?;
        folders.look_again(&mut watcher)?;
    }
    let held = Arc::downgrade(&watcher);
    // Not in the watcher's own thread: it waits for that one. It ends with the watcher, which holds the orders' other end.
    std::thread::Builder::new().name("fs watch".to_owned()).spawn(move || follow(&taken, &held, folders, &bell))?;
    Ok(FsWatch(watcher))
}

/// Hears what the system tells.
fn on_event(event: notify::Result<Event>, runs: &Path, orders: &Sender<FolderOrder>, doorbell: &Doorbell) {
    // Nobody takes an order where the watch is about to end.
    let give = |order| drop(orders.send(order));
    match event {
        Ok(e) if matches!(e.kind, EventKind::Access(_)) => {}
        Ok(e) if !e.need_rescan() => {
            e.paths.iter().filter_map(|path| order(runs, path, e.kind)).for_each(give);
            ring_for(runs, &e.paths, doorbell);
        }
        // An overflow: something happened, nobody knows what. Everybody looks.
        Ok(_) | Err(_) => {
            give(FolderOrder::LookAgain);
            [Topic::Pickup, Topic::Ingest, Topic::Tasks].into_iter().for_each(|topic| doorbell.ring(topic));
        }
    }
}

/// What is to be done about the folders of runs.
#[derive(Debug, PartialEq, Eq)]
enum FolderOrder {
    /// This one is new.
    Watch(PathBuf),
    /// The run of this one is over.
    Leave(PathBuf),
    /// Changes were missed.
    LookAgain,
}

/// What a change asks for. A run's folder comes with the run; its end is told by the server itself, which forgets what
/// was to be started (`RunDir::forget_spec`).
fn order(runs: &Path, path: &Path, kind: EventKind) -> Option<FolderOrder> {
    let folder = path.parent()?;
    match kind {
        EventKind::Create(_) if folder == runs => Some(FolderOrder::Watch(path.to_owned())),
        EventKind::Remove(_) if folder.parent()? == runs && path.ends_with("spec.json") => {
            Some(FolderOrder::Leave(folder.to_owned()))
        }
        _ => None,
    }
}

/// The folders of runs that are watched.
struct Folders {
    runs: PathBuf,
    watched: BTreeSet<PathBuf>,
}

impl Folders {
    fn watch(&mut self, watcher: &mut RecommendedWatcher, folder: PathBuf) {
        missed(watcher.watch(&folder, RecursiveMode::Recursive));
        self.watched.insert(folder);
    }

    fn leave(&mut self, watcher: &mut RecommendedWatcher, folder: &Path) {
        if self.watched.remove(folder) {
            missed(watcher.unwatch(folder));
        }
    }

    /// Watches all whose runs are not over, and leaves the others.
    fn look_again(&mut self, watcher: &mut RecommendedWatcher) -> Result<()> {
        let all = std::fs::read_dir(&self.runs)?.flatten().map(|entry| entry.path());
        let open: BTreeSet<PathBuf> = all.filter(|folder| folder.join("spec.json").exists()).collect();
        let over: Vec<PathBuf> = self.watched.difference(&open).cloned().collect();
        over.iter().for_each(|folder| self.leave(watcher, folder));
        let new: Vec<PathBuf> = open.difference(&self.watched).cloned().collect();
        new.into_iter().for_each(|folder| self.watch(watcher, folder));
        Ok(())
    }
}

/// Carries orders out until the watcher is gone.
fn follow(orders: &Receiver<FolderOrder>, watcher: &Weak<Mutex<RecommendedWatcher>>, mut folders: Folders, doorbell: &Doorbell) {
    for order in orders {
        let Some(watcher) = watcher.upgrade() else { return };
        match order {
            FolderOrder::Watch(folder) => {
                folders.watch(&mut lock(&watcher), folder);
                // What came before it was watched.
                doorbell.ring(Topic::Pickup);
                doorbell.ring(Topic::Tasks);
            }
            FolderOrder::Leave(folder) => folders.leave(&mut lock(&watcher), &folder),
            FolderOrder::LookAgain => {
                if let Err(e) = folders.look_again(&mut lock(&watcher)) {
                    tracing::debug!(error = %e, "the folders of runs could not be listed");
                }
            }
        }
    }
}

/// A folder that is gone already, or one too many for the system: polling finds what is missed.
fn missed(done: notify::Result<()>) {
    if let Err(e) = done {
        tracing::debug!(error = %e, "a run's folder could not be watched or left");
    }
}

/// Rings for what has changed.
fn ring_for(runs: &Path, paths: &[PathBuf], doorbell: &Doorbell) {
    if paths.iter().any(|p| p.starts_with(runs)) {
        let (tasks, tickets): (Vec<_>, Vec<_>) = paths.iter().partition(|p| is_task_run(p));
        if tickets.iter().any(|p| news(p)) {
            doorbell.ring(Topic::Pickup);
        }
        if tasks.iter().any(|p| news(p) || p.ends_with("stream.log")) {
            doorbell.ring(Topic::Tasks);
        }
    } else if paths.iter().any(|p| p.extension().is_some_and(|x| x == "md")) {
        doorbell.ring(Topic::Tasks);
    } else {
        // The print logs beside them are our own: they are no news.
        paths.iter().filter(|p| is_raw_log(p)).for_each(|p| doorbell.ring(Topic::Log(log_id(p))));
    }
}

impl FsWatch {
    /// Watches the tasks' files too.
    ///
    /// # Errors
    /// The system refuses to watch.
    pub fn also_tasks(&self, tasks: &Path) -> Result<()> {
        lock(&self.0).watch(tasks, RecursiveMode::NonRecursive).map_err(fault)
    }
}

/// Whether this lies in the run folder of a task.
fn is_task_run(path: &Path) -> bool {
    path.parent().and_then(Path::file_name).and_then(|n| n.to_str()).is_some_and(|n| n.starts_with("task-"))
}

fn is_raw_log(path: &Path) -> bool {
    path.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.ends_with("-stream.log"))
}

/// The bell of one raw log: only who follows it is woken when it grows.
#[must_use]
pub fn log_id(path: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.file_name().hash(&mut hasher);
    hasher.finish()
}

/// Whether a change of this file in a run folder means work for pickup.
fn news(path: &Path) -> bool {
    matches!(path.file_name().and_then(|n| n.to_str()), Some("exit.json" | "pid.json"))
        || path.parent().and_then(Path::file_name).is_some_and(|n| n == "spool")
}

fn fault(e: notify::Error) -> Error {
    Error::Internal(format!("files cannot be watched: {e}"))
}

#[cfg(test)]
#[path = "fs_watch_tests.rs"]
mod tests;

//! Turns changes of files into rings: a log that grew, a run folder with news. Polling is the fallback everywhere, so a
//! machine without inotify is slower, not wrong.

use crate::doorbell::{Doorbell, Topic};
use crate::error::{Error, Result};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::Path;

/// Keeps watching while it lives.
pub struct Wake(#[allow(dead_code, reason = "held, not read")] RecommendedWatcher);

/// Watches the logs and the run folders.
///
/// # Errors
/// The system refuses to watch (no inotify left).
pub fn watch(logs: &Path, runs: &Path, doorbell: Doorbell) -> Result<Wake> {
    let runs_root = runs.to_owned();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| match event {
        Ok(e) if matches!(e.kind, EventKind::Access(_)) => {}
        Ok(e) => {
            if e.paths.iter().any(|p| p.starts_with(&runs_root)) {
                let (tasks, tickets): (Vec<_>, Vec<_>) = e.paths.iter().partition(|p| is_task_run(p));
                if tickets.iter().any(|p| news(p)) {
                    doorbell.ring(Topic::Pickup);
                }
                if tasks.iter().any(|p| news(p) || p.ends_with("stream.log")) {
                    doorbell.ring(Topic::Tasks);
                }
            } else if e.paths.iter().any(|p| p.extension().is_some_and(|x| x == "md")) {
                doorbell.ring(Topic::Tasks);
            } else {
                // The print logs beside them are our own: they are no news.
                e.paths.iter().filter(|p| is_raw_log(p)).for_each(|p| doorbell.ring(Topic::Log(log_id(p))));
            }
        }
        // An overflow: something happened, nobody knows what. Everybody looks.
        Err(_) => {
            doorbell.ring(Topic::Pickup);
            doorbell.ring(Topic::Ingest);
            doorbell.ring(Topic::Tasks);
        }
    })
    .map_err(fault)?;
    watcher.watch(logs, RecursiveMode::NonRecursive).map_err(fault)?;
    watcher.watch(runs, RecursiveMode::Recursive).map_err(fault)?;
    Ok(Wake(watcher))
}

impl Wake {
    /// Watches the tasks' files too.
    ///
    /// # Errors
    /// The system refuses to watch.
    pub fn also_tasks(&mut self, tasks: &Path) -> Result<()> {
        self.0.watch(tasks, RecursiveMode::NonRecursive).map_err(fault)
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

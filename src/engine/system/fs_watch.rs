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
pub struct Wake(Arc<Mutex<RecommendedWatcher>>);

/// Watches the logs and the folders of runs. Of those only the ones that are not over: each takes memory here and in the
/// kernel, which watches only so many, and they stay on the disk for ever.
///
/// # Errors
/// The system refuses to watch (no inotify left).
pub fn watch(logs: &Path, runs: &Path, doorbell: Doorbell) -> Result<Wake> {
    let (orders, taken) = channel();
    let (root, bell) = (runs.to_owned(), doorbell.clone());
    let watcher = notify::recommended_watcher(move |event| told(event, &root, &orders, &doorbell)).map_err(fault)?;
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
    std::thread::Builder::new().name("wake".to_owned()).spawn(move || follow(&taken, &held, folders, &bell))?;
    Ok(Wake(watcher))
}

/// Hears what the system tells.
fn told(event: notify::Result<Event>, runs: &Path, orders: &Sender<Order>, doorbell: &Doorbell) {
    // Nobody takes an order where the watch is about to end.
    let give = |order| drop(orders.send(order));
    match event {
        Ok(e) if matches!(e.kind, EventKind::Access(_)) => {}
        Ok(e) if !e.need_rescan() => {
            e.paths.iter().filter_map(|path| order(runs, path, e.kind)).for_each(give);
            heard(runs, &e.paths, doorbell);
        }
        // An overflow: something happened, nobody knows what. Everybody looks.
        Ok(_) | Err(_) => {
            give(Order::LookAgain);
            [Topic::Pickup, Topic::Ingest, Topic::Tasks].into_iter().for_each(|topic| doorbell.ring(topic));
        }
    }
}

/// What is to be done about the folders of runs.
#[derive(Debug, PartialEq, Eq)]
enum Order {
    /// This one is new.
    Watch(PathBuf),
    /// The run of this one is over.
    Leave(PathBuf),
    /// Changes were missed.
    LookAgain,
}

/// What a change asks for. A run's folder comes with the run; its end is told by the server itself, which forgets what
/// was to be started (`RunDir::forget_spec`).
fn order(runs: &Path, path: &Path, kind: EventKind) -> Option<Order> {
    let folder = path.parent()?;
    match kind {
        EventKind::Create(_) if folder == runs => Some(Order::Watch(path.to_owned())),
        EventKind::Remove(_) if folder.parent()? == runs && path.ends_with("spec.json") => Some(Order::Leave(folder.to_owned())),
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
fn follow(orders: &Receiver<Order>, watcher: &Weak<Mutex<RecommendedWatcher>>, mut folders: Folders, doorbell: &Doorbell) {
    for order in orders {
        let Some(watcher) = watcher.upgrade() else { return };
        match order {
            Order::Watch(folder) => {
                folders.watch(&mut lock(&watcher), folder);
                // What came before it was watched.
                doorbell.ring(Topic::Pickup);
                doorbell.ring(Topic::Tasks);
            }
            Order::Leave(folder) => folders.leave(&mut lock(&watcher), &folder),
            Order::LookAgain => {
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
fn heard(runs: &Path, paths: &[PathBuf], doorbell: &Doorbell) {
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

impl Wake {
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
mod tests {
    use super::*;
    use crate::base::clock::{Deadline, pause};
    use std::fs;
    use std::time::Duration;

    /// Folders that the kernel watches for us: the watches of all inotify handles of this process on these folders.
    fn watched(folders: &[PathBuf]) -> usize {
        use std::os::unix::fs::MetadataExt;
        let inodes: Vec<String> = folders.iter().map(|f| format!("ino:{:x} ", fs::metadata(f).expect("there").ino())).collect();
        let handles = fs::read_dir("/proc/self/fdinfo").expect("Linux").flatten();
        let texts: String = handles.filter_map(|h| fs::read_to_string(h.path()).ok()).collect();
        let ours = |line: &&str| line.starts_with("inotify") && inodes.iter().any(|ino| line.contains(ino.as_str()));
        texts.lines().filter(ours).count()
    }

    fn until(what: &str, mut is: impl FnMut() -> bool) {
        let late = Deadline::after(Duration::from_secs(10));
        while !is() {
            assert!(!late.is_over(), "waited in vain for {what}");
            pause(Duration::from_millis(5));
        }
    }

    fn run_in(runs: &Path, name: &str) -> PathBuf {
        let folder = runs.join(name);
        fs::create_dir_all(folder.join("spool")).expect("made");
        fs::write(folder.join("spec.json"), "{}").expect("written");
        folder
    }

    #[test]
    fn only_folders_of_runs_that_are_not_over_are_watched() {
        let root = tempfile::tempdir().expect("a folder");
        let (logs, runs) = (root.path().join("logs"), root.path().join("runs"));
        fs::create_dir_all(&logs).expect("made");
        let (over, open) = (run_in(&runs, "1-1"), run_in(&runs, "2-1"));
        fs::remove_file(over.join("spec.json")).expect("it was there");
        let doorbell = Doorbell::default();
        let wake = watch(&logs, &runs, doorbell.clone()).expect("watched");
        assert_eq!((watched(&[over]), watched(std::slice::from_ref(&open))), (0, 1));
        let mut ear = doorbell.listen(Topic::Pickup);
        let before = ear.hush();
        let new: Vec<PathBuf> = (3..40).map(|n| run_in(&runs, &format!("{n}-1"))).collect();
        until("the new ones", || watched(&new) == new.len());
        until("a ring for what came before", || ear.hush() > before);
        let before = ear.hush();
        fs::write(open.join("spool").join("a.json"), "{}").expect("written");
        until("a ring for a report", || ear.hush() > before);
        for folder in &new {
            fs::remove_file(folder.join("spec.json")).expect("it was there");
        }
        until("them to be left", || watched(&new) == 0);
        assert_eq!(watched(&[open]), 1);
        drop(wake);
    }

    #[test]
    fn after_an_overflow_everybody_looks_and_the_folders_are_listed_again() {
        let root = tempfile::tempdir().expect("a folder");
        let runs = root.path().join("runs");
        let (over, open) = (run_in(&runs, "1-1"), run_in(&runs, "2-1"));
        let doorbell = Doorbell::default();
        let topics = [Topic::Pickup, Topic::Ingest, Topic::Tasks];
        let mut ears = topics.map(|topic| doorbell.listen(topic));
        let before: Vec<u64> = ears.iter_mut().map(crate::base::doorbell::Ear::hush).collect();
        let (orders, taken) = channel();
        // As inotify tells it.
        told(Ok(Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan)), &runs, &orders, &doorbell);
        assert_eq!(taken.try_recv(), Ok(Order::LookAgain));
        assert!(ears.iter_mut().zip(before).all(|(ear, before)| ear.hush() > before));
        let mut watcher = notify::recommended_watcher(|_: notify::Result<Event>| {}).expect("made");
        let mut folders = Folders { runs, watched: BTreeSet::new() };
        folders.watch(&mut watcher, over.clone());
        fs::remove_file(over.join("spec.json")).expect("it was there");
        folders.look_again(&mut watcher).expect("listed");
        assert_eq!((watched(&[over]), watched(&[open])), (0, 1));
    }
}

//! Which folders are watched, and who is rung.

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
    let held = watch(&logs, &runs, doorbell.clone()).expect("watched");
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
    drop(held);
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
    on_event(Ok(Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan)), &runs, &orders, &doorbell);
    assert_eq!(taken.try_recv(), Ok(FolderOrder::LookAgain));
    assert!(ears.iter_mut().zip(before).all(|(ear, before)| ear.hush() > before));
    let mut watcher = notify::recommended_watcher(|_: notify::Result<Event>| {}).expect("made");
    let mut folders = Folders { runs, watched: BTreeSet::new() };
    folders.watch(&mut watcher, over.clone());
    fs::remove_file(over.join("spec.json")).expect("it was there");
    folders.look_again(&mut watcher).expect("listed");
    assert_eq!((watched(&[over]), watched(&[open])), (0, 1));
}

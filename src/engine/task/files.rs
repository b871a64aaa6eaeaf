//! The tasks' files: read when they change, and taken into the store as they are, broken ones with line and reason.

use crate::base::error::Result;
use crate::domain::task::{Broken, FILE_MAX, Task, parse, stem};
use crate::domain::time::Time;
use crate::drivers::task_file::hash;
use crate::engine::Engine;
use crate::engine::task::memory::{Files, Memory, Parsed, Seen};
use crate::store::task::tasks;
use crate::store::task::tasks::{Found, TaskRow};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

/// Files that are looked at; more are not a list a person keeps.
const FILES_MAX: usize = 5_000;

/// Reads what changed and takes it into the store.
///
/// # Errors
/// The store failed.
pub(crate) fn reload(engine: &Engine, memory: &mut Memory) -> Result<()> {
    let changed = scan_folder(&mut memory.files, &engine.config.tasks(), &engine.config.scheduler.timezone);
    if !changed && memory.files.taken_in {
        return Ok(());
    }
    let now = engine.store.clock().now();
    let found = found(&memory.files, now);
    memory.files.any_broken = found.iter().any(|f| f.broken.is_some());
    let there: Vec<String> = memory.files.seen.keys().cloned().collect();
    let known: BTreeMap<String, TaskRow> =
        engine.store.read(tasks::all)?.into_iter().map(|row| (row.file.clone(), row)).collect();
    let gone = known.keys().any(|file| !memory.files.seen.contains_key(file));
    let news: Vec<Found> = found.into_iter().filter(|f| known.get(&f.file).is_none_or(|row| differs(row, f))).collect();
    if !news.is_empty() || gone {
        engine.store.write(move |tx| tasks::take_in(tx, &news, &there))?;
    }
    let good =
        memory.files.seen.iter().filter_map(|(file, s)| Some(((file.clone(), s.hash.clone()), s.parsed.as_ref().ok()?.clone())));
    memory.parsed = Arc::new(good.collect());
    memory.files.taken_in = true;
    Ok(())
}

/// The task of a row, as it was read already or is read now.
pub(crate) fn known(parsed: &Parsed, row: &TaskRow, zone: &str) -> std::result::Result<Arc<Task>, Broken> {
    match parsed.get(&(row.file.clone(), row.hash.clone())) {
        Some(task) => Ok(task.clone()),
        None => task_of(row, zone).map(Arc::new),
    }
}

/// The task of a row.
pub(crate) fn task_of(row: &TaskRow, zone: &str) -> std::result::Result<Task, Broken> {
    tasks::read(row, zone)
}

fn differs(row: &TaskRow, f: &Found) -> bool {
    row.hash != f.hash
        || row.broken != f.broken
        || row.name != f.name
        || (f.broken.is_none() && row.schedule_key != f.schedule_key)
}

/// Looks at the folder; true where something changed.
fn scan_folder(files: &mut Files, dir: &Path, zone: &str) -> bool {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => {
            let had = !files.seen.is_empty();
            files.seen.clear();
            return had;
        }
        // A look that failed says nothing about the files: what waits must not end for it.
        Err(e) => {
            tracing::warn!(dir = %dir.display(), error = %e, "the folder of tasks cannot be looked at; trying again");
            return false;
        }
    };
    let mut changed = false;
    let mut there = BTreeSet::new();
    for entry in entries.flatten().take(FILES_MAX * 2) {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let is_task = name.ends_with(".md") && !name.starts_with('.') && !name.eq_ignore_ascii_case("readme.md");
        if !is_task {
            continue;
        }
        let meta = match fs::metadata(entry.path()) {
            Ok(meta) if meta.is_file() => meta,
            Ok(_) => continue,
            Err(e) if e.kind() == ErrorKind::NotFound => continue,
            Err(_) => {
                there.insert(name);
                continue;
            }
        };
        there.insert(name.clone());
        let stamp = (meta.ctime(), meta.ctime_nsec(), meta.size(), meta.ino());
        if files.seen.get(&name).is_some_and(|s| s.stamp == stamp) || there.len() > FILES_MAX {
            continue;
        }
        // One that could not be read is read again each time, until it can.
        let known = files.seen.get(&name).map(|s| (s.hash.clone(), s.stamp));
        files.seen.insert(name.clone(), read(&entry.path(), &name, stamp, zone));
        changed = changed || files.seen.get(&name).map(|s| (s.hash.clone(), s.stamp)) != known;
    }
    let before = files.seen.len();
    files.seen.retain(|name, _| there.contains(name));
    changed || files.seen.len() != before
}

fn read(path: &Path, name: &str, stamp: (i64, i64, u64, u64), zone: &str) -> Seen {
    let whole = |reason: String| Broken { line: None, reason };
    let mut bytes = Vec::new();
    let most = u64::try_from(FILE_MAX).unwrap_or(u64::MAX) + 1;
    let read = fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes));
    let unread = read.is_err();
    let text = match read {
        Ok(_) => String::from_utf8(bytes.clone()).map_err(|_| whole("the file is not UTF-8 text".to_owned())),
        Err(e) => Err(whole(format!("the file cannot be read: {e}"))),
    };
    let parsed = text.as_ref().map_err(Clone::clone).and_then(|text| parse(text, stem(name), zone).map(Arc::new));
    let stamp = if unread { (0, 0, 0, 0) } else { stamp };
    Seen { stamp, hash: hash(&bytes), source: text.unwrap_or_default(), parsed }
}

/// All files as they are to be stored; of two that name the same task the later one is broken.
fn found(files: &Files, now: Time) -> Vec<Found> {
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let mut all = Vec::new();
    for (file, seen) in &files.seen {
        let task = seen.parsed.as_ref().map_err(Clone::clone).and_then(|task| match names.get(&task.name) {
            Some(first) => Err(Broken { line: None, reason: format!("the name {} is taken by tasks/{first}", task.name) }),
            None => Ok(task),
        });
        let (name, key, next, broken) = match task {
            Ok(task) => {
                names.insert(task.name.clone(), file.clone());
                let (key, next) =
                    if task.enabled { (task.schedule.key(), task.schedule.next_after(now)) } else { (String::new(), None) };
                (task.name.clone(), key, next, None)
            }
            Err(broken) => (stem(file).to_owned(), String::new(), None, Some(broken)),
        };
        all.push(Found {
            file: file.clone(),
            name,
            hash: seen.hash.clone(),
            source: seen.source.clone(),
            schedule_key: key,
            next_due_at: next,
            broken,
        });
    }
    all
}

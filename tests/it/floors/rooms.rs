//! The same room names on every floor: whoever knows where a thing lies on one floor knows it on all.

use super::source::sources;
use std::collections::BTreeSet;
use std::path::Path;

/// The rooms that any floor may have, and the tests too.
const EVERYWHERE: &[&str] = &["ticket", "run", "orchestrator", "inbox", "task", "notice", "access", "workflow", "review"];

/// The rooms of one floor alone.
const OF_ONE: &[(&str, &[&str])] = &[
    ("src/store", &["db"]),
    ("src/drivers", &["supervise", "runtime", "git", "telegram", "tmux"]),
    ("src/engine", &["console", "system"]),
    (
        "src/web",
        &["http", "sse", "ui", "api", "home", "board", "composer", "console", "settings", "login", "tasks", "gallery", "shared"],
    ),
    ("tests/it", &["web", "ops", "support", "floors"]),
];

/// Floors whose files lie in rooms, and the files that need none.
const LOOSE: &[(&str, &[&str])] = &[
    ("src", &["app", "lib", "main"]),
    ("src/domain", &["actor", "ids", "ports", "profile", "project", "samples", "text", "time"]),
    ("src/store", &[]),
    ("src/drivers", &["exec", "exec_tests", "memory", "task_file"]),
    ("src/engine", &["samples"]),
    ("src/web", &[]),
    ("tests/it", &["main", "corpora"]),
];

#[test]
fn every_room_has_a_name_that_all_floors_know() {
    let mut strange = Vec::new();
    for (floor, own) in OF_ONE.iter().chain(&[("src/domain", &[] as &[&str])]) {
        for entry in std::fs::read_dir(floor).expect("a floor").flatten().filter(|e| e.path().is_dir()) {
            let name = entry.file_name().to_string_lossy().into_owned();
            if !EVERYWHERE.contains(&name.as_str()) && !own.contains(&name.as_str()) {
                strange.push(format!("{floor}/{name}"));
            }
        }
    }
    assert!(strange.is_empty(), "rooms that no list names: {strange:?}");
}

#[test]
fn a_file_lies_in_a_room() {
    let mut loose = Vec::new();
    let files = sources().into_iter().map(|(path, _)| path).chain(super::source::files(Path::new("tests/it"), "rs"));
    for path in files {
        let floor = path.parent().expect("a folder").to_string_lossy().into_owned();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        if let Some((_, known)) = LOOSE.iter().find(|(f, _)| *f == floor)
            && name != "mod"
            && !known.contains(&name.as_str())
        {
            loose.push(path.display().to_string());
        }
    }
    assert!(loose.is_empty(), "files that lie in no room: {loose:?}");
}

#[test]
fn the_lists_name_nothing_that_is_gone() {
    let mut gone = BTreeSet::new();
    for (floor, names) in OF_ONE {
        gone.extend(names.iter().map(|n| format!("{floor}/{n}")).filter(|p| !Path::new(p).is_dir()));
    }
    for (floor, names) in LOOSE {
        gone.extend(names.iter().map(|n| format!("{floor}/{n}.rs")).filter(|p| !Path::new(p).is_file()));
    }
    assert!(gone.is_empty(), "{gone:?}");
}

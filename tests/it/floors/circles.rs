//! No circle of imports between files: where file A uses what file B defines, B uses nothing of A, over no detour.
//!
//! A path counts for the file of the longest module in it: `crate::store::run::runs::Run` is `store/run/runs.rs`,
//! `crate::store::Store` is `store/mod.rs`. That a file declares a module does not count; that it uses or re-exports
//! something of it does.

use super::paths::{absolute, module_of, named};
use super::source::{code, code_files};
use std::collections::{BTreeMap, BTreeSet};

type Uses = BTreeMap<String, BTreeMap<String, String>>;

#[test]
fn no_imports_run_in_a_circle() {
    let uses = uses();
    let mut found = String::new();
    for circle in circles(&uses) {
        found += &format!("{}\n", circle.join(" "));
        for file in &circle {
            let within = uses[file].iter().filter(|(other, _)| circle.contains(other));
            within.for_each(|(other, why)| found += &format!("    {file} uses {other}: {why}\n"));
        }
    }
    assert!(found.is_empty(), "imports in a circle:\n{found}");
}

#[test]
fn a_circle_is_found_over_any_detour() {
    let uses = |pairs: &[(&str, &str)]| -> Uses {
        let mut all = Uses::new();
        for (from, to) in pairs {
            all.entry((*to).to_owned()).or_default();
            all.entry((*from).to_owned()).or_default().insert((*to).to_owned(), String::new());
        }
        all
    };
    assert!(circles(&uses(&[("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")])).is_empty());
    assert_eq!(circles(&uses(&[("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")])), [["a", "b", "c"]]);
    assert_eq!(circles(&uses(&[("a", "b"), ("b", "a"), ("b", "c"), ("c", "d"), ("d", "c")])), [["a", "b"], ["c", "d"]]);
}

/// Each file with the files it uses, and where it does.
fn uses() -> Uses {
    let files = code_files();
    let modules: BTreeMap<Vec<String>, String> =
        files.iter().map(|(path, _)| (module_of(path), path.display().to_string())).collect();
    let mut all = Uses::new();
    for (path, text) in &files {
        let (module, me) = (module_of(path), path.display().to_string());
        let used = all.entry(me.clone()).or_default();
        let found = named(&code(text));
        for (path, line) in found.iter().filter_map(|n| Some((absolute(&module, n)?, n.line))) {
            let file = (0..=path.len()).rev().find_map(|n| modules.get(&path[..n]));
            if let Some(file) = file.filter(|f| **f != me) {
                used.entry(file.clone()).or_insert_with(|| format!("line {line}, {}", path.join("::")));
            }
        }
    }
    all
}

/// The groups of files in which each reaches each other one.
fn circles(uses: &Uses) -> Vec<Vec<String>> {
    let reached: BTreeMap<&String, BTreeSet<&String>> = uses.keys().map(|file| (file, reached_from(uses, file))).collect();
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for file in uses.keys() {
        if !reached[file].contains(file) || !seen.insert(file) {
            continue;
        }
        let group: Vec<String> =
            uses.keys().filter(|o| reached[file].contains(o) && reached[o].contains(file)).cloned().collect();
        seen.extend(uses.keys().filter(|o| group.contains(o)));
        found.push(group);
    }
    found
}

fn reached_from<'a>(uses: &'a Uses, file: &String) -> BTreeSet<&'a String> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&String> = uses[file].keys().collect();
    while let Some(next) = open.pop() {
        if reached.insert(next) {
            open.extend(uses[next].keys());
        }
    }
    reached
}

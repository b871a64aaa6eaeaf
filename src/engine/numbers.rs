//! At the start: an older database that was put back gives no number a second time. Run folders, logs and worktrees of what
//! it does not know any more are still there, and a new run in an old one's folder would be judged by what that left.

use super::Engine;
use crate::error::Result;
use crate::store::numbers::{Numbered, begin_above};
use std::collections::BTreeMap;
use std::path::Path;

/// Looks at the names of run folders and logs, and has new numbers begin above theirs.
///
/// # Errors
/// A folder cannot be read, or the database refused.
pub fn keep_apart(engine: &Engine) -> Result<()> {
    let mut used = BTreeMap::new();
    for name in names(&engine.data.runs())?.into_iter().chain(names(&engine.config.logs())?) {
        for (table, number) in numbers_in(&name) {
            let highest = used.entry(table).or_insert(0);
            *highest = number.max(*highest);
        }
    }
    for (table, highest) in used {
        if engine.store.write(move |tx| begin_above(tx, table, highest))? {
            tracing::warn!(?table, highest, "files are there that are newer than the database; new numbers begin above theirs");
        }
    }
    Ok(())
}

fn names(folder: &Path) -> Result<Vec<String>> {
    Ok(std::fs::read_dir(folder)?.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
}

/// The numbers in a name: `42-1`, `task-7-1`, `mc-worker-13-42-stream.log`.
fn numbers_in(name: &str) -> Vec<(Numbered, i64)> {
    let number = |part: &str| part.parse().ok().filter(|n| (1..i64::MAX / 2).contains(n));
    let parts: Vec<&str> = name.split(['-', '.']).collect();
    let found = match parts.as_slice() {
        [run, _generation] => vec![(Numbered::Runs, number(run))],
        ["task", run, _launch] => vec![(Numbered::TaskRuns, number(run))],
        ["mc", "worker", ticket, run, ..] => vec![(Numbered::Tickets, number(ticket)), (Numbered::Runs, number(run))],
        _ => Vec::new(),
    };
    found.into_iter().filter_map(|(table, n)| Some((table, n?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_ours_tell_their_numbers_and_others_none() {
        use Numbered::{Runs, TaskRuns, Tickets};
        assert_eq!(numbers_in("42-1"), [(Runs, 42)]);
        assert_eq!(numbers_in("task-7-12"), [(TaskRuns, 7)]);
        assert_eq!(numbers_in("mc-worker-13-42-stream.log"), [(Tickets, 13), (Runs, 42)]);
        assert_eq!(numbers_in("mc-worker-13.log"), [(Tickets, 13)], "the link to the newest");
        for other in ["notes.txt", "mc-worker-x-y-stream.log", "-1-2", "9223372036854775807-1", "", "server.log", "task-x-1"] {
            assert_eq!(numbers_in(other), [], "{other}");
        }
    }
}

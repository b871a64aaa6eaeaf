//! At the start: an older database that was put back gives no number a second time. Run folders, logs and worktrees of what
//! it does not know any more are still there, and a new run in an old one's folder would be judged by what that left.

use crate::base::error::Result;
use crate::engine::Engine;
use crate::store::db::sequences::{Numbered, begin_above};
use std::collections::BTreeMap;
use std::path::Path;

/// Looks at the names of run folders and logs, and has new numbers begin above theirs.
///
/// # Errors
/// A folder cannot be read, or the database refused.
pub fn keep_apart(engine: &Engine) -> Result<()> {
    let mut used = BTreeMap::new();
    let folders = names(&engine.data.runs())?.into_iter().filter_map(|name| of_folder(&name));
    let logs = names(&engine.config.logs())?.into_iter().flat_map(|name| of_log(&name));
    for (table, number) in folders.chain(logs) {
        let highest = used.entry(table).or_insert(0);
        *highest = number.max(*highest);
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

/// The number of a run folder: `42-1`, `task-7-1`.
fn of_folder(name: &str) -> Option<(Numbered, i64)> {
    let (table, rest) = match name.strip_prefix("task-") {
        Some(rest) => (Numbered::TaskRuns, rest),
        None => (Numbered::Runs, name),
    };
    let (run, _launch) = rest.split_once('-')?;
    Some((table, number(run)?))
}

/// The numbers of a log, its ticket's and its run's: `mc-worker-13-42-stream.log`.
fn of_log(name: &str) -> Vec<(Numbered, i64)> {
    let Some(rest) = name.strip_prefix("mc-worker-") else { return Vec::new() };
    let numbers = rest.split(['-', '.']).map_while(number);
    [Numbered::Tickets, Numbered::Runs].into_iter().zip(numbers).collect()
}

/// A number that a row may have; a name that was made up has no say in how far numbers go.
fn number(part: &str) -> Option<i64> {
    part.parse().ok().filter(|n| (1..i64::MAX / 2).contains(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_ours_tell_their_numbers_and_others_none() {
        use Numbered::{Runs, TaskRuns, Tickets};
        assert_eq!((of_folder("42-1"), of_folder("task-7-12")), (Some((Runs, 42)), Some((TaskRuns, 7))));
        assert_eq!(of_log("mc-worker-13-42-stream.log"), [(Tickets, 13), (Runs, 42)]);
        assert_eq!(of_log("mc-worker-13.log"), [(Tickets, 13)], "the link to the newest");
        for other in ["notes.txt", "mc-worker-x-y-stream.log", "-1-2", "9223372036854775807-1", "", "server.log", "task-x-1"] {
            assert_eq!((of_folder(other), of_log(other)), (None, Vec::new()), "{other}");
        }
        assert_eq!(of_log("2026-11.log"), [], "somebody else's log");
    }
}

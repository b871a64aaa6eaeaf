//! The invariants, checked: what rows show, and what processes and logs say about them.

use crate::base::error::Result;
use crate::domain::run::{Run, RunState};
use crate::drivers::supervise::stop;
use crate::engine::run::reaper::folder;
use crate::store::Store;
use crate::store::db::check;
use crate::store::db::check::Breach;
use crate::store::run::runs;
use std::io::Read;

/// All breaches; none is what a healthy installation shows. `max_workers` is the configured limit.
///
/// # Errors
/// The store failed.
pub fn check(store: &Store, max_workers: usize) -> Result<Vec<Breach>> {
    let (mut found, live, logs) = store.read(|c| Ok((check::rows(c)?, runs::live(c)?, check::read_logs(c)?)))?;
    let held = live.iter().filter(|r| r.launched_at.is_some()).count();
    if held > max_workers {
        found.push(("I5", format!("{held} runs hold a slot, {max_workers} are allowed")));
    }
    for run in live.iter().filter(|r| r.state == RunState::Running) {
        check_process(run, &mut found);
    }
    for (run, path, offset, lines) in logs {
        match lines_in(&path, offset) {
            Some(n) if n < lines => found.push(("I7", format!("run {run}: {lines} lines read, its log holds {n}"))),
            Some(_) | None => {}
        }
    }
    Ok(found)
}

fn check_process(run: &Run, found: &mut Vec<Breach>) {
    let dir = folder(run);
    if dir.is_alive() || dir.exit().is_some() {
        return;
    }
    let left = stop::leftovers(&dir);
    if left.is_empty() {
        found.push(("I4", format!("run {} of {} is running without a process", run.id, run.ticket)));
    } else {
        found.push(("I4", format!("run {} of {} lost its shim; processes {left:?} are left", run.id, run.ticket)));
    }
}

/// Lines in the first `offset` bytes of a log; half a line at the end counts as one. None where it cannot be read.
fn lines_in(path: &str, offset: i64) -> Option<i64> {
    let mut file = std::fs::File::open(path).ok()?.take(u64::try_from(offset).ok()?);
    let mut buffer = vec![0_u8; 256 * 1024];
    let (mut lines, mut last) = (0_i64, b'\n');
    loop {
        let n = file.read(&mut buffer).ok()?;
        if n == 0 {
            return Some(if last == b'\n' { lines } else { lines + 1 });
        }
        lines += i64::try_from(buffer[..n].iter().filter(|b| **b == b'\n').count()).unwrap_or(0);
        last = buffer[n - 1];
    }
}

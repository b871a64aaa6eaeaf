//! Ending the processes of a run: all of them, patiently first, and verified.

use crate::base::clock::{Clock, SystemClock, pause};
use crate::drivers::supervise::process::{Stat, is_same, lives, start_time, table, with_descendants, with_marker};
use crate::drivers::supervise::run_dir::{MARKER, RunDir, Voided};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

/// What a stray gets between SIGTERM and SIGKILL.
const STRAY_GRACE: Duration = Duration::from_millis(200);
/// How long killed processes may take to be gone before we say so.
const KILL_LIMIT: Duration = Duration::from_secs(5);
/// How long a shim may take over and above the agent's grace before it counts as hung itself.
const SHIM_LIMIT: Duration = Duration::from_secs(10);

/// What belongs to a run, and how patiently it is ended.
#[derive(Debug, Clone, Copy)]
pub struct EndTree<'a> {
    /// The agent's process group. Only a number that is certainly still the agent's.
    pub pgid: Option<i32>,
    /// The run folder in the marker variable.
    pub marker_dir: &'a Path,
    /// The shim: as child subreaper it has every process of the run among its descendants.
    pub adopter: Option<i32>,
    /// Never touched. The caller and pid 1 never are either.
    pub exclude: &'a [i32],
    /// For the group, between SIGTERM and SIGKILL. Zero: the agent is over, what is left are strays.
    pub grace: Duration,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Processes outside the agent's group, or left over after it, that had to be ended.
    pub strays: u32,
    /// Nothing of the run is left.
    pub verified: bool,
}

/// Ends a run's processes: the group first, with its grace; then every stray, until none is left.
#[must_use]
pub fn end_tree(tree: &EndTree<'_>) -> Ended {
    if let Some(pgid) = tree.pgid
        && !tree.grace.is_zero()
    {
        let group = || table().into_iter().any(|s| s.pgid == pgid && s.lives());
        signal_group(pgid, Signal::SIGTERM);
        if !gone_within(tree.grace, || !group()) {
            signal_group(pgid, Signal::SIGKILL);
            gone_within(KILL_LIMIT, || !group());
        }
    }
    let mut seen = BTreeSet::new();
    let first = members(tree);
    for s in &first {
        seen.insert((s.pid, s.start));
        signal(s, Signal::SIGTERM);
    }
    if !first.is_empty() {
        gone_within(STRAY_GRACE, || members(tree).is_empty());
    }
    // What forks while it is being killed is caught in the next round.
    let verified = gone_within(KILL_LIMIT, || {
        let left = members(tree);
        for s in &left {
            seen.insert((s.pid, s.start));
            signal(s, Signal::SIGKILL);
        }
        left.is_empty()
    });
    Ended { strays: u32::try_from(seen.len()).unwrap_or(u32::MAX), verified }
}

/// Asks a living shim to end its run, and does not wait. False where there is no shim to ask.
#[must_use]
pub fn ask_to_stop(dir: &RunDir) -> bool {
    let Some(pids) = dir.pids() else { return false };
    dir.is_alive() && is_same(pids.shim_pid, pids.shim_start) && kill(Pid::from_raw(pids.shim_pid), Signal::SIGTERM).is_ok()
}

/// Ends a run, whatever state its launch is in, and waits until it is over: a launch that has not begun is voided,
/// a living shim ends its agent, and where the shim is dead or hangs this does it itself.
#[must_use]
pub fn stop_run(dir: &RunDir, grace: Duration) -> Ended {
    if let Ok(Voided::Yes) = dir.void() {
        // Nothing begins here any more. What began before a crash of the machine took that file is found by its marker.
        return end_tree(&EndTree { pgid: None, marker_dir: dir.path(), adopter: None, exclude: &[], grace: Duration::ZERO });
    }
    let shim_grace = dir.spec().map(|s| Duration::from_millis(s.stop_grace_ms)).unwrap_or(grace);
    let mut asked = false;
    let over = gone_within(grace.max(shim_grace) + SHIM_LIMIT, || {
        asked = asked || ask_to_stop(dir);
        !dir.is_alive()
    });
    let pids = dir.pids();
    if !over
        && let Some(p) = &pids
        && is_same(p.shim_pid, p.shim_start)
    {
        let _gone = kill(Pid::from_raw(p.shim_pid), Signal::SIGKILL);
        gone_within(KILL_LIMIT, || !dir.is_alive());
    }
    // A group's number is only good while its leader is there, if only as a zombie; the marker finds the others.
    let pgid = pids.and_then(|p| (start_time(p.agent_pid?) == Some(p.agent_start?)).then_some(p.pgid?));
    let grace = if dir.exit().is_some() { Duration::ZERO } else { grace };
    end_tree(&EndTree { pgid, marker_dir: dir.path(), adopter: None, exclude: &[], grace })
}

/// Ends every process that carries this variable, and what descends from one: first asked, then killed, until none is
/// left. False: some are.
#[must_use]
pub fn end_marked(key: &str, value: &Path, grace: Duration) -> bool {
    let me = Pid::this().as_raw();
    let alive = || -> Vec<Stat> {
        let table = table();
        let seeds = with_marker(key, value).into_iter().filter(|p| *p != me).collect();
        let family = with_descendants(&table, seeds);
        table.into_iter().filter(|s| s.lives() && s.pid > 1 && s.pid != me && family.contains(&s.pid)).collect()
    };
    let first = alive();
    for s in &first {
        signal(s, Signal::SIGTERM);
    }
    if first.is_empty() || gone_within(grace, || alive().is_empty()) {
        return true;
    }
    gone_within(KILL_LIMIT, || {
        let left = alive();
        for s in &left {
            signal(s, Signal::SIGKILL);
        }
        left.is_empty()
    })
}

/// What lives of a run whose shim may be dead.
#[must_use]
pub fn leftovers(dir: &RunDir) -> Vec<i32> {
    with_marker(MARKER, dir.path()).into_iter().filter(|pid| lives(*pid)).collect()
}

/// All living processes of a run.
fn members(tree: &EndTree<'_>) -> Vec<Stat> {
    let table = table();
    let mut seeds: BTreeSet<i32> = with_marker(MARKER, tree.marker_dir).into_iter().collect();
    seeds.extend(tree.adopter);
    seeds.extend(table.iter().filter(|s| Some(s.pgid) == tree.pgid).map(|s| s.pid));
    let me = Pid::this().as_raw();
    // Their children belong to the run even where they have wiped their environment.
    let family = with_descendants(&table, seeds.into_iter().filter(|p| *p == tree.adopter.unwrap_or(0) || *p != me).collect());
    table
        .into_iter()
        .filter(|s| s.lives() && s.pid > 1 && s.pid != me && Some(s.pid) != tree.adopter && !tree.exclude.contains(&s.pid))
        .filter(|s| family.contains(&s.pid))
        .collect()
}

/// Looks again and again, ever more slowly, until it is so or the time is up; a last look decides.
fn gone_within(limit: Duration, mut gone: impl FnMut() -> bool) -> bool {
    let clock = SystemClock::new();
    let limit = i64::try_from(limit.as_millis()).unwrap_or(i64::MAX);
    let mut step = 2;
    loop {
        let late = clock.mono_ms() >= limit;
        if gone() {
            return true;
        }
        if late {
            return false;
        }
        pause(Duration::from_millis(step));
        step = (step * 2).min(50);
    }
}

/// Signals one process, if it is still the one that was looked at.
fn signal(s: &Stat, signal: Signal) {
    if is_same(s.pid, s.start) {
        // It may have ended in between: the next look tells.
        let _gone = kill(Pid::from_raw(s.pid), signal);
    }
}

fn signal_group(pgid: i32, signal: Signal) {
    if pgid > 1 {
        let _gone = killpg(Pid::from_raw(pgid), signal);
    }
}

#[cfg(test)]
#[path = "stop_tests.rs"]
mod tests;

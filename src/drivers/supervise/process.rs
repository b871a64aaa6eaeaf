//! Processes of this machine as `/proc` shows them: who is who, who belongs to a run, and how to end all of it.

use crate::base::clock::{Clock, SystemClock, pause};
use crate::drivers::supervise::run_dir::{MARKER, RunDir, Voided};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

/// What a stray gets between SIGTERM and SIGKILL.
const STRAY_GRACE: Duration = Duration::from_millis(200);
/// How long killed processes may take to be gone before we say so.
const KILL_LIMIT: Duration = Duration::from_secs(5);
/// How long a shim may take over and above the agent's grace before it counts as hung itself.
const SHIM_LIMIT: Duration = Duration::from_secs(10);

/// One line of the process table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    pid: i32,
    state: char,
    ppid: i32,
    pgid: i32,
    threads: u32,
    start: u64,
}

impl Stat {
    /// Zombies hold nothing any more; they only wait to be reaped. But one whose first thread alone has ended works on
    /// with its others, looks like a zombie and cannot be reaped.
    fn lives(&self) -> bool {
        !matches!(self.state, 'Z' | 'X' | 'x') || self.threads > 1
    }
}

/// When a process started, in clock ticks since boot: with the pid it names one process and no other.
#[must_use]
pub fn start_time(pid: i32) -> Option<u64> {
    stat(pid).map(|s| s.start)
}

/// The state letter of a process.
#[must_use]
pub fn state(pid: i32) -> Option<char> {
    stat(pid).map(|s| s.state)
}

/// Whether this very process still lives.
#[must_use]
pub fn is_same(pid: i32, start: u64) -> bool {
    stat(pid).is_some_and(|s| s.start == start && s.lives())
}

/// Names the machine's current boot; empty where the kernel does not tell.
#[must_use]
pub fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// The processes that have exactly this variable in the environment they were started with.
#[must_use]
pub fn with_marker(key: &str, value: &Path) -> Vec<i32> {
    let entry = [key.as_bytes(), b"=", value.as_os_str().as_bytes()].concat();
    all_pids().into_iter().filter(|pid| has_entry(*pid, &entry)).collect()
}

/// All that descends from a process and lives, itself not counted.
#[must_use]
pub fn descendants(pid: i32) -> Vec<i32> {
    let table = table();
    let family = with_descendants(&table, BTreeSet::from([pid]));
    table.iter().filter(|s| s.pid != pid && s.lives() && family.contains(&s.pid)).map(|s| s.pid).collect()
}

/// Moves a process in the queue of the kernel's out-of-memory killer; its children inherit the place.
pub fn set_oom_score_adj(pid: i32, n: i32) -> io::Result<()> {
    fs::write(format!("/proc/{pid}/oom_score_adj"), n.to_string())
}

/// Its place in that queue.
#[must_use]
pub fn oom_score_adj(pid: i32) -> Option<i32> {
    fs::read_to_string(format!("/proc/{pid}/oom_score_adj")).ok()?.trim().parse().ok()
}

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

/// Whether a process was started with exactly this variable in its environment.
#[must_use]
pub fn carries(pid: i32, key: &str, value: &Path) -> bool {
    has_entry(pid, &[key.as_bytes(), b"=", value.as_os_str().as_bytes()].concat())
}

/// The words a process was started with.
#[must_use]
pub fn command_line(pid: i32) -> Vec<String> {
    let raw = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    raw.split(|b| *b == 0).map(|w| String::from_utf8_lossy(w).into_owned()).collect()
}

/// What lives of a run whose shim may be dead.
#[must_use]
pub fn leftovers(dir: &RunDir) -> Vec<i32> {
    with_marker(MARKER, dir.path()).into_iter().filter(|pid| stat(*pid).is_some_and(|s| s.lives())).collect()
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

fn with_descendants(table: &[Stat], mut family: BTreeSet<i32>) -> BTreeSet<i32> {
    loop {
        let before = family.len();
        family.extend(table.iter().filter(|s| family.contains(&s.ppid)).map(|s| s.pid).collect::<Vec<_>>());
        if family.len() == before {
            return family;
        }
    }
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

fn all_pids() -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok()).collect()
}

fn table() -> Vec<Stat> {
    all_pids().into_iter().filter_map(stat).collect()
}

fn stat(pid: i32) -> Option<Stat> {
    parse_stat(&String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/stat")).ok()?))
}

/// `pid (comm) state ppid pgrp … threads … starttime …`; comm may hold blanks and brackets.
fn parse_stat(text: &str) -> Option<Stat> {
    let (pid, rest) = text.split_once(" (")?;
    let (_, rest) = rest.rsplit_once(") ")?;
    let field: Vec<&str> = rest.split(' ').collect();
    Some(Stat {
        pid: pid.parse().ok()?,
        state: field.first()?.chars().next()?,
        ppid: field.get(1)?.parse().ok()?,
        pgid: field.get(2)?.parse().ok()?,
        threads: field.get(17)?.parse().ok()?,
        start: field.get(19)?.parse().ok()?,
    })
}

fn has_entry(pid: i32, entry: &[u8]) -> bool {
    fs::read(format!("/proc/{pid}/environ")).is_ok_and(|env| env.split(|b| *b == 0).any(|e| e == entry))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Child, Command};

    fn me() -> i32 {
        Pid::this().as_raw()
    }

    fn sleeper(marker: &Path) -> Child {
        Command::new("sleep").arg("600").env(MARKER, marker).spawn().unwrap()
    }

    fn id(child: &Child) -> i32 {
        i32::try_from(child.id()).unwrap()
    }

    #[test]
    fn a_program_name_with_brackets_and_blanks_is_read_past() {
        let line = "42 (a) Z (b) S 7 41 41 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 987654 1 1";
        assert_eq!(parse_stat(line), Some(Stat { pid: 42, state: 'S', ppid: 7, pgid: 41, threads: 1, start: 987_654 }));
        assert_eq!(parse_stat("42 (half"), None);
    }

    #[test]
    fn a_process_is_known_by_pid_and_start_time_together() {
        let start = start_time(me()).unwrap();
        assert!(is_same(me(), start));
        assert!(!is_same(me(), start + 1));
        assert_eq!(start_time(i32::MAX), None);
    }

    #[test]
    fn a_zombie_is_not_alive() {
        let mut child = Command::new("true").spawn().unwrap();
        let start = start_time(id(&child)).unwrap();
        assert!(gone_within(KILL_LIMIT, || state(id(&child)) == Some('Z')));
        assert!(!is_same(id(&child), start));
        child.wait().unwrap();
    }

    #[test]
    fn a_process_whose_first_thread_has_ended_is_alive() {
        let script = "import ctypes, threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()\n\
                      ctypes.CDLL(None).pthread_exit(None)";
        let mut child = Command::new("python3").args(["-c", script]).spawn().unwrap();
        let start = start_time(id(&child)).unwrap();
        assert!(gone_within(Duration::from_secs(20), || state(id(&child)) == Some('Z')));
        assert!(is_same(id(&child), start));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!is_same(id(&child), start));
    }

    #[test]
    fn the_marker_is_matched_whole() {
        let mut child = sleeper(Path::new("/nowhere/run-12"));
        assert!(gone_within(KILL_LIMIT, || with_marker(MARKER, Path::new("/nowhere/run-12")) == [id(&child)]));
        assert!(with_marker(MARKER, Path::new("/nowhere/run-1")).is_empty(), "a prefix is another run");
        assert!(descendants(me()).contains(&id(&child)));
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn ending_by_marker_leaves_everybody_else_alone() {
        let (ours, theirs) = (Path::new("/nowhere/run-a"), Path::new("/nowhere/run-b"));
        let (mut a, mut b) = (sleeper(ours), sleeper(theirs));
        assert!(gone_within(KILL_LIMIT, || with_marker(MARKER, ours) == [id(&a)]));
        let ended = end_tree(&EndTree { pgid: None, marker_dir: ours, adopter: None, exclude: &[], grace: Duration::ZERO });
        assert_eq!(ended, Ended { strays: 1, verified: true });
        assert!(is_same(id(&b), start_time(id(&b)).unwrap()));
        b.kill().unwrap();
        a.wait().unwrap();
        b.wait().unwrap();
    }

    #[test]
    fn a_reused_pid_is_a_stranger_and_lives() {
        let tmp = tempfile::tempdir().unwrap();
        let mut stranger = sleeper(Path::new("/nowhere/else"));
        let (pid, start) = (id(&stranger), start_time(id(&stranger)).unwrap());
        let dir = RunDir::open(tmp.path());
        assert!(dir.begin("shim 1").unwrap());
        dir.set_pids(&crate::drivers::supervise::run_dir::PidRecord {
            shim_pid: pid,
            shim_start: start + 1,
            agent_pid: Some(pid),
            agent_start: Some(start + 1),
            pgid: Some(pid),
            boot: boot_id(),
        })
        .unwrap();
        let held = dir.lock().unwrap();
        assert!(!ask_to_stop(&dir), "even with the lock held by somebody");
        drop(held);
        let ended = stop_run(&dir, Duration::from_millis(10));
        assert_eq!(ended, Ended { strays: 0, verified: true });
        assert!(is_same(pid, start));
        stranger.kill().unwrap();
        stranger.wait().unwrap();
    }
}

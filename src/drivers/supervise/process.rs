//! Processes of this machine as `/proc` shows them: who is who, and who descends from whom.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// One line of the process table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) pid: i32,
    state: char,
    ppid: i32,
    pub(crate) pgid: i32,
    threads: u32,
    pub(crate) start: u64,
}

impl Stat {
    /// Zombies hold nothing any more; they only wait to be reaped. But one whose first thread alone has ended works on
    /// with its others, looks like a zombie and cannot be reaped.
    pub(crate) fn lives(&self) -> bool {
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

/// Whether a process of this number is there and is no zombie.
#[must_use]
pub fn lives(pid: i32) -> bool {
    stat(pid).is_some_and(|s| s.lives())
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

/// Whether a process was started with exactly this variable in its environment.
#[must_use]
pub fn carries(pid: i32, key: &str, value: &Path) -> bool {
    has_entry(pid, &[key.as_bytes(), b"=", value.as_os_str().as_bytes()].concat())
}

/// Whether any living process was started with this word among its arguments.
#[cfg(test)]
pub(crate) fn any_with_argument(word: &str) -> bool {
    table().iter().any(|s| s.lives() && command_line(s.pid).iter().any(|w| w == word))
}

/// The words a process was started with.
#[must_use]
pub fn command_line(pid: i32) -> Vec<String> {
    let raw = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    raw.split(|b| *b == 0).map(|w| String::from_utf8_lossy(w).into_owned()).collect()
}

/// These processes, and what descends from one of them.
pub(crate) fn with_descendants(table: &[Stat], mut family: BTreeSet<i32>) -> BTreeSet<i32> {
    loop {
        let before = family.len();
        family.extend(table.iter().filter(|s| family.contains(&s.ppid)).map(|s| s.pid).collect::<Vec<_>>());
        if family.len() == before {
            return family;
        }
    }
}

fn all_pids() -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok()).collect()
}

/// The process table.
pub(crate) fn table() -> Vec<Stat> {
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
#[path = "process_tests.rs"]
mod tests;

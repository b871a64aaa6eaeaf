//! The turn folders of a session: which there are, which still live, and what they say of the conversation.

use crate::domain::orchestrator::session::Session;
use crate::domain::orchestrator::turn::Turn;
use crate::domain::time::Time;
use crate::drivers::runtime::interface::Runtime;
use crate::drivers::runtime::turn_stream::TurnStream;
use crate::drivers::supervise::process;
use crate::drivers::supervise::run_dir::{RunDir, Voided};
use crate::drivers::supervise::stop;
use crate::engine::orchestrator::headless::reading::LOG;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Turn folders that a session keeps.
const KEPT: usize = 50;

/// Bytes at the start of a log among which its first line is looked for.
const HEAD: u64 = 256 * 1024;

/// The folder of a session's turn folders.
pub(crate) fn root(session: &Session) -> PathBuf {
    Path::new(&session.dir).join("turns")
}

/// The folder of this attempt at a turn; none before its claim.
pub(crate) fn of_turn(session: &Session, turn: &Turn) -> Option<RunDir> {
    let nonce = turn.nonce.as_deref()?;
    Some(RunDir::open(&root(session).join(format!("{}-{nonce}", turn.id))))
}

/// All of a session, newest first.
pub(crate) fn all(session: &Session) -> Vec<RunDir> {
    let Ok(entries) = fs::read_dir(root(session)) else { return Vec::new() };
    let mut found: Vec<(SystemTime, RunDir)> = entries
        .flatten()
        .map(|e| RunDir::open(&e.path()))
        .filter_map(|dir| Some((fs::metadata(dir.file("spec.json")).ok()?.modified().ok()?, dir)))
        .collect();
    found.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    found.into_iter().map(|(_, dir)| dir).collect()
}

/// Whether an agent may still be at work in it: under its shim, or without it where that was killed.
pub(crate) fn lives(dir: &RunDir) -> bool {
    if dir.is_alive() {
        return true;
    }
    // It appears whole or not at all, once nothing of the run is left; looking is cheaper than reading.
    if dir.file("exit.json").exists() {
        return false;
    }
    match dir.pids().map(|p| (p.agent_pid, p.agent_start)) {
        Some((Some(pid), Some(start))) => process::is_same(pid, start),
        // The shim was killed before it wrote the agent down, if there is one: its marker tells.
        Some(_) => !stop::leftovers(dir).is_empty(),
        None => false,
    }
}

/// Whether an agent has begun in it, or may still: where not, this is what makes sure that none ever does.
pub(crate) fn begun(dir: &RunDir) -> std::io::Result<bool> {
    if !dir.file("spec.json").exists() {
        return Ok(false);
    }
    Ok(dir.void()? == Voided::AlreadyStarted)
}

/// What earlier turns prove of the agent's conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Known {
    /// It is there, under this id.
    There(String),
    /// No agent was ever started for it.
    Not,
    /// One was started and ended before it said anything: perhaps.
    Perhaps,
}

/// What a session's folders, newest first, prove of its conversation.
pub(crate) fn conversation(runtime: &'static dyn Runtime, session: &Session, folders: &[RunDir]) -> Known {
    for dir in folders {
        if let Some(id) = named_in(runtime, dir) {
            return Known::There(id);
        }
        if id_is_taken(runtime, dir) {
            return Known::There(session.agent_session.clone());
        }
    }
    if session.answered > 0 {
        Known::There(session.agent_session.clone())
    } else if folders.iter().any(|d| d.pids().is_some() || d.exit().is_some()) {
        Known::Perhaps
    } else {
        Known::Not
    }
}

/// The conversation's id as a turn's first line names it.
fn named_in(runtime: &'static dyn Runtime, dir: &RunDir) -> Option<String> {
    let mut head = Vec::new();
    File::open(dir.file(LOG)).ok()?.take(HEAD).read_to_end(&mut head).ok()?;
    let mut stream = TurnStream::new(runtime);
    for line in head.split(|b| *b == b'\n') {
        stream.line(line, Time(0));
        if stream.progress.inits > 0 {
            return stream.progress.session_id;
        }
    }
    None
}

/// The agent refused to begin a conversation under an id that has one.
pub(crate) fn id_is_taken(runtime: &dyn Runtime, dir: &RunDir) -> bool {
    runtime.refuses_taken_id(&dir.stderr_end())
}

/// Removes the oldest folders beyond those that are kept.
pub(crate) fn prune(folders: &[RunDir]) {
    for dir in folders.iter().skip(KEPT) {
        if let Err(e) = fs::remove_dir_all(dir.path()) {
            tracing::debug!(dir = %dir.path().display(), error = %e, "an old turn folder could not be removed");
        }
    }
}

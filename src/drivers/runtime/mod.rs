//! Floor 2: runtimes. How each kind of agent is started, what it can do, and how its lines are read.

pub mod api;
pub mod claude;
pub mod demo;
pub(crate) mod json_line;
pub mod launch_file;
pub mod line_reader;
pub mod run_spec;
#[cfg(test)]
pub(crate) mod scripted_tests;
pub mod tool_words;
pub mod turn_launch;

use crate::domain::profile::{Profile, RuntimeKind};
use crate::domain::run::event::NewEvent;
use crate::domain::run::progress::Progress;
use crate::domain::run::{Failure, FailureCode};
use crate::domain::time::Time;
use crate::drivers::exec;
use crate::drivers::runtime::claude::argv;
use crate::drivers::runtime::claude::probe;
use crate::drivers::runtime::claude::stream;
use crate::drivers::runtime::demo::agent;
use std::collections::BTreeMap;
use std::path::Path;

/// Which conversation a run is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionPlan {
    /// A fresh one, under an id of our choice (a UUID).
    New(String),
    /// The one of this id goes on.
    Resume(String),
}

/// What an installed agent can do, as it says itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// It knows `--worktree`.
    pub worktree: bool,
    /// It knows `--effort`.
    pub effort: bool,
    /// It knows `--session-id`.
    pub session_id: bool,
    /// Its version, as printed.
    pub version: Option<String>,
    /// What could not be found out, for the operator.
    pub note: Option<String>,
}

/// What a launch needs to know beside the profile.
#[derive(Debug, Clone)]
pub struct LaunchParts<'a> {
    /// Which conversation.
    pub session: SessionPlan,
    /// Name of the run's worktree (`mc-mc-7`); none where it works without one.
    pub worktree_name: Option<&'a str>,
    /// We run as root.
    pub is_root: bool,
    /// Our own program, for the demo agent.
    pub own_exe: &'a Path,
}

/// How to start an agent. The brief goes to its standard input, never into its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Added to its environment after the scrub.
    pub env: BTreeMap<String, String>,
    /// `--worktree` is among the arguments: start it in the repository's main folder, it enters the worktree itself.
    /// Otherwise it must be started in the worktree.
    pub enters_worktree: bool,
    /// What it has to do without, for the run's note.
    pub notes: Vec<String>,
}

/// How a run of this profile is started.
///
/// # Errors
/// It must not or cannot be started so; the failure says what to change.
pub fn launch(profile: &Profile, caps: &Capabilities, parts: &LaunchParts<'_>) -> Result<Launch, Failure> {
    argv::launch(profile, caps, parts, command(profile, parts.own_exe)?)
}

/// The program of a profile and its leading arguments.
fn command(profile: &Profile, own_exe: &Path) -> Result<Vec<String>, Failure> {
    match profile.runtime {
        RuntimeKind::Claude => claude_command(profile),
        RuntimeKind::Demo => {
            let exe = own_exe.to_str().ok_or_else(|| refused("our own program lies at a path that is not UTF-8"))?;
            Ok(vec![exe.to_owned(), "demo-agent".to_owned()])
        }
        RuntimeKind::Api => Err(refused(format!(
            "the profile {} is a model's plain API, for tasks of kind api: choose a profile with an agent",
            profile.name
        ))),
    }
}

/// The program of a Claude profile: as configured, else found on PATH.
///
/// # Errors
/// Nothing is configured and nothing is found.
pub fn claude_command(profile: &Profile) -> Result<Vec<String>, Failure> {
    if !profile.command.is_empty() {
        return Ok(profile.command.clone());
    }
    let found = exec::find_on_path("claude").and_then(|p| p.to_str().map(str::to_owned));
    found.map(|p| vec![p]).ok_or_else(|| Failure {
        code: FailureCode::SpawnFailed,
        text: "there is no `claude` on PATH and the profile names no command".to_owned(),
        retry_at: None,
    })
}

/// What the agent of this profile can do. Starts it twice, briefly; remember the answer.
///
/// # Errors
/// Its program is not there or cannot be started.
pub fn capabilities(profile: &Profile, timeout: std::time::Duration) -> Result<Capabilities, Failure> {
    match profile.runtime {
        RuntimeKind::Claude => probe::probe(&claude_command(profile)?, timeout),
        RuntimeKind::Demo => Ok(Capabilities {
            worktree: true,
            effort: true,
            session_id: true,
            version: Some(agent::VERSION.to_owned()),
            note: None,
        }),
        RuntimeKind::Api => Ok(Capabilities::default()),
    }
}

/// Reads one line of a run's raw log, in the language of its runtime.
pub fn read_line(kind: RuntimeKind, line: &[u8], line_no: i64, now: Time, progress: &mut Progress) -> Vec<NewEvent> {
    match kind {
        RuntimeKind::Claude | RuntimeKind::Demo => stream::read_line(line, line_no, now, progress),
        RuntimeKind::Api => Vec::new(),
    }
}

/// The kernel takes no argument of 128 KB or more.
const BRIEF_MAX: usize = 120_000;

/// Adds what the agent is told beyond the turns, if anything, to the arguments of a persistent conversation.
fn tell(mut launch: Launch, brief: &str) -> Result<Launch, Failure> {
    if brief.len() > BRIEF_MAX {
        return Err(refused(format!(
            "what the agent is to be told beyond the turns is longer than {BRIEF_MAX} bytes: shorten the role's contract"
        )));
    }
    // A NUL ends an argument: with one in it nothing could be started at all.
    let brief = brief.replace('\0', "");
    if !brief.trim().is_empty() {
        launch.argv.extend(["--append-system-prompt".to_owned(), brief]);
    }
    Ok(launch)
}

fn refused(text: impl Into<String>) -> Failure {
    Failure { code: FailureCode::Refused, text: text.into(), retry_at: None }
}

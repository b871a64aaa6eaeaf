//! What starts an agent: which conversation it is to have, what is known of its program, and the arguments that follow.

use crate::domain::run::{Failure, FailureCode};
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

/// What an installed program can do, as it says itself. What its runtime can do at all stands in its `Capabilities`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Probe {
    /// It makes and enters a worktree by itself.
    pub worktree: bool,
    /// It can be told an effort.
    pub effort: bool,
    /// It takes a new conversation's id from us.
    pub session_id: bool,
    /// Its version, as printed.
    pub version: Option<String>,
    /// What could not be found out, for the operator.
    pub note: Option<String>,
}

/// What a run's launch needs to know beside the profile.
#[derive(Debug, Clone)]
pub struct RunParts<'a> {
    /// Which conversation.
    pub session: SessionPlan,
    /// Name of the run's worktree (`mc-mc-7`); none where it works without one.
    pub worktree_name: Option<&'a str>,
    /// We run as root.
    pub is_root: bool,
    /// Our own program, for the demo agent.
    pub own_exe: &'a Path,
}

/// What a turn's launch needs to know beside the profile: one unattended turn of a persistent conversation.
#[derive(Debug, Clone)]
pub struct TurnParts<'a> {
    /// Which conversation.
    pub session: SessionPlan,
    /// What the agent is told beyond the turns; may be empty.
    pub brief: &'a str,
    /// We run as root.
    pub is_root: bool,
    /// Our own program, for the demo agent.
    pub own_exe: &'a Path,
}

/// What the launch of a live session needs to know beside the profile: a conversation in a terminal.
#[derive(Debug, Clone)]
pub struct LiveParts<'a> {
    /// Which conversation.
    pub session: SessionPlan,
    /// What the agent is told beyond what is typed; may be empty.
    pub brief: &'a str,
    /// The file with the session's settings.
    pub settings: &'a Path,
    /// We run as root.
    pub is_root: bool,
    /// Our own program, for the demo agent.
    pub own_exe: &'a Path,
}

/// How to start an agent. A prompt goes to its standard input, never into its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Added to its environment after the scrub.
    pub env: BTreeMap<String, String>,
    /// It enters the worktree by itself: start it in the repository's main folder. Otherwise it must be started in the
    /// worktree.
    pub enters_worktree: bool,
    /// What it has to do without, for the run's note.
    pub notes: Vec<String>,
}

/// Something a person must change before an agent may be started so.
pub fn refused(text: impl Into<String>) -> Failure {
    Failure { code: FailureCode::Refused, text: text.into(), retry_at: None }
}

/// Our own program as the first words of a command line.
///
/// # Errors
/// It lies at a path that is not UTF-8.
pub fn own_command(own_exe: &Path, words: &[&str]) -> Result<Vec<String>, Failure> {
    let exe = own_exe.to_str().ok_or_else(|| refused("our own program lies at a path that is not UTF-8"))?;
    Ok(std::iter::once(exe).chain(words.iter().copied()).map(str::to_owned).collect())
}

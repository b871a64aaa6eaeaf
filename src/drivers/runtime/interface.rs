//! What the rest asks of a runtime, the adapter of one kind of agent. A new one is a folder with an implementation of
//! [`Runtime`], and a line in the registry of `mod.rs`. What a runtime cannot do it leaves to the default methods.

use crate::domain::profile::Profile;
use crate::domain::run::Failure;
use crate::domain::run::event::NewEvent;
use crate::domain::run::progress::Progress;
use crate::domain::time::Time;
use crate::drivers::runtime::launch::{Launch, Probe, RunParts, TurnParts, refused};
use crate::drivers::runtime::live::LiveSession;
use std::fmt::Debug;
use std::path::Path;
use std::time::Duration;

/// What a runtime can do at all. What an installed program of it can do besides is found out by [`Runtime::probe`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// A conversation that is over can go on: without it every run is told the ticket's history anew.
    pub resume: bool,
    /// A conversation that goes on may get another id; the run then goes on under the new one.
    pub fork: bool,
    /// It takes the id of a new conversation from us; otherwise the id is learned from its first line.
    pub own_session_ids: bool,
    /// It makes and enters a worktree by itself; otherwise it is started inside one.
    pub worktree: bool,
    /// It can be told how much effort to spend.
    pub effort: bool,
    /// It calls a program of ours at certain moments of a conversation.
    pub hooks: bool,
    /// It can be kept in a terminal and typed to ([`Runtime::live`] is there).
    pub live_session: bool,
    /// It takes more words while it works.
    pub steering: bool,
    /// It says what a turn cost.
    pub cost: bool,
    /// It says when a usage limit resets.
    pub limits: bool,
}

/// Something about a profile that keeps its agent from working, found before anything is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetupFault {
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub todo: String,
}

/// The answer of one turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Byte for byte as the agent gave it.
    pub text: String,
    /// Tokens in its context, where that was said.
    pub context_tokens: Option<i64>,
}

/// One kind of agent.
pub trait Runtime: Debug + Send + Sync {
    /// What it can do at all.
    fn capabilities(&self) -> Capabilities;

    /// The program of a profile and its leading arguments; empty where the agent is a part of our own program.
    ///
    /// # Errors
    /// Nothing is configured and nothing is found.
    fn program(&self, _profile: &Profile) -> Result<Vec<String>, Failure> {
        Ok(Vec::new())
    }

    /// What the installed program can do. May start it, briefly; remember the answer.
    ///
    /// # Errors
    /// Its program is not there or cannot be started.
    fn probe(&self, _profile: &Profile, _timeout: Duration) -> Result<Probe, Failure> {
        Ok(Probe::default())
    }

    /// What in this profile keeps its agent from working here, for `doctor`.
    fn setup_fault(&self, _profile: &Profile, _is_root: bool) -> Option<SetupFault> {
        None
    }

    /// Names (or beginnings of names) of environment variables that are this agent's own: its keys, its settings, the traces
    /// it leaves for its children. No agent inherits them unless its profile names them.
    fn variables(&self) -> &'static [&'static str] {
        &[]
    }

    /// How a ticket's run is started, fresh or going on with its conversation.
    ///
    /// # Errors
    /// It must not or cannot be started so; the failure says what to change.
    fn launch_run(&self, profile: &Profile, probe: &Probe, parts: &RunParts<'_>) -> Result<Launch, Failure>;

    /// How one unattended turn of a persistent conversation is started.
    ///
    /// # Errors
    /// It must not or cannot be started so; the failure says what to change.
    fn launch_turn(&self, profile: &Profile, probe: &Probe, parts: &TurnParts<'_>) -> Result<Launch, Failure>;

    /// How a model is asked one plain question, without an agent around it.
    ///
    /// # Errors
    /// This runtime has only agents.
    fn launch_question(&self, profile: &Profile, _own_exe: &Path) -> Result<Launch, Failure> {
        Err(refused(format!(
            "the profile {} has runtime = {:?}: kind api needs one with \"api\"",
            profile.name,
            profile.runtime.as_str()
        )))
    }

    /// Its conversations in a terminal; none where it cannot be kept in one.
    fn live(&self) -> Option<&'static dyn LiveSession> {
        None
    }

    /// Reads one line of a run's raw log (without its line feed) into events and into what is known of the run. Never fails:
    /// what is not understood is an event too.
    fn read_line(&self, line: &[u8], line_no: i64, now: Time, progress: &mut Progress) -> Vec<NewEvent>;

    /// Whether this line ends a turn. Asked only of lines that are too long to be read otherwise.
    fn ends_turn(&self, _line: &[u8]) -> bool {
        false
    }

    /// The reply in a line that has just ended a turn in good order.
    fn reply(&self, _line: &[u8], _progress: &Progress) -> Option<Reply> {
        None
    }

    /// Whether a program that ended with these words on its standard error refused the id of a new conversation because
    /// there is one of that id.
    fn refuses_taken_id(&self, _stderr: &str) -> bool {
        false
    }

    /// Whether these last words of a program say that it does not know the conversation it was to go on with.
    fn forgot_conversation(&self, _words: &str) -> bool {
        false
    }
}

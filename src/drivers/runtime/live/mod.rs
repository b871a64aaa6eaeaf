//! Conversations that stay open in a terminal: how one is begun, what its hooks, its transcript and its screen mean.
//! What counts is what the agent tells by its hooks and writes into its transcript; its screen is only ever a hint.

pub mod hook_log;
pub mod screen;
pub mod terminal_lines;
pub mod transcript;

use crate::domain::profile::Profile;
use crate::domain::run::Failure;
use crate::drivers::runtime::launch::{Launch, LiveParts, Probe};
use crate::drivers::runtime::live::hook_log::HookNews;
use crate::drivers::runtime::live::screen::{AgentScreen, InputBox};
use crate::drivers::runtime::live::transcript::Transcript;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};

/// An agent's environment.
pub type AgentEnv = BTreeMap<String, String>;

/// What a running program says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProgramStatus {
    /// It waits for a prompt.
    Idle,
    /// It works.
    Busy,
    /// It waits for a person; for what.
    Waiting(String),
}

/// An agent that can be kept in a terminal.
pub trait LiveSession: Debug + Send + Sync {
    /// The content of the session's settings file, by which the agent calls `mission-control hook` of this program.
    ///
    /// # Errors
    /// Our own program cannot be named.
    fn settings(&self, own_exe: &Path) -> Result<String, Failure>;

    /// How the agent is started in a terminal.
    ///
    /// # Errors
    /// It must not or cannot be started so; the failure says what to change.
    fn launch(&self, profile: &Profile, probe: &Probe, parts: &LiveParts<'_>) -> Result<Launch, Failure>;

    /// Answers what the agent asks at its first start in a terminal, in its own files. Returns what stays to be done by hand,
    /// in words.
    ///
    /// # Errors
    /// Its files could not be written.
    fn answer_first_questions(&self, _profile: &Profile, _env: &AgentEnv, _cwd: &Path) -> io::Result<Option<String>> {
        Ok(None)
    }

    /// Whether it already has a conversation of this id, so that one must go on and cannot begin.
    fn has_conversation(&self, _env: &AgentEnv, _conversation: &str) -> bool {
        false
    }

    /// The transcript of a conversation, where its agent keeps one.
    fn transcript(&self, _env: &AgentEnv, _conversation: &str) -> Option<PathBuf> {
        None
    }

    /// What the program with this pid and start time says of itself; none where it says nothing.
    fn status(&self, _env: &AgentEnv, _pid: i32, _start: u64) -> Option<ProgramStatus> {
        None
    }

    /// What one payload of a hook tells.
    fn read_hook(&self, payload: &Value) -> HookNews;

    /// Reads one line of the transcript. What is not understood is passed over.
    fn read_transcript(&self, line: &[u8], into: &mut Transcript);

    /// What a screen, with its escape sequences, shows.
    fn screen(&self, coloured: &str) -> AgentScreen;

    /// Whether this text and our marker behind it are in the input box, and nothing else, however the box folds a text.
    fn holds_only(&self, input: &InputBox, text: &str, marker: &str) -> bool;

    /// Why a program ended, from what it left on its screen; none where that is only its own decoration.
    fn last_words(&self, text: &str) -> Option<String>;

    /// The signs that make a message an order to its program, or to a shell, where they stand first.
    fn order_signs(&self) -> &'static [char] {
        &[]
    }
}

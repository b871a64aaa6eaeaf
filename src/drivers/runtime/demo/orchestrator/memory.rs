//! What the demo agent in the orchestrator's place remembers of a conversation, kept beside its other sessions.

use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};

/// A conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Conversation {
    /// The first message.
    pub(crate) first: Option<String>,
    /// The last one.
    pub(crate) last: String,
    /// Messages so far.
    pub(crate) turns: u32,
    /// Tokens in its context.
    pub(crate) tokens: i64,
    /// The limit was acted.
    pub(crate) limited: bool,
}

/// The conversation of this id, if there is one.
pub(crate) fn recall(state: &Path, session: &str) -> Option<Conversation> {
    serde_json::from_slice(&std::fs::read(file(state, session)).ok()?).ok()
}

/// Keeps it.
pub(crate) fn remember(state: &Path, session: &str, memory: &Conversation) -> io::Result<()> {
    std::fs::create_dir_all(state)?;
    let fresh = state.join(format!("{session}.luci.new"));
    std::fs::write(&fresh, serde_json::to_vec(memory)?)?;
    std::fs::rename(fresh, file(state, session))
}

/// The conversation a start begins or goes on with.
///
/// # Errors
/// What the real program says of an id that is not there, or is there already.
pub(crate) fn open(state: &Path, session: &str, resumes: bool) -> Result<Conversation, String> {
    match (recall(state, session), resumes) {
        (None, true) => Err(format!("No conversation found with session ID: {session}")),
        (Some(_), false) => Err(format!("Error: Session ID {session} is already in use.")),
        (Some(memory), true) => Ok(memory),
        (None, false) => Ok(Conversation::default()),
    }
}

fn file(state: &Path, session: &str) -> PathBuf {
    state.join(format!("{session}.luci.json"))
}

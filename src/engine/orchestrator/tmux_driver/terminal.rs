//! The terminal of a live session: its picture as its runtime reads it, and what is put into it.

use crate::base::error::{Error, Result};
use crate::domain::orchestrator::session::{LUCI, Session};
use crate::drivers::runtime;
use crate::drivers::runtime::live::LiveSession;
use crate::drivers::runtime::live::screen::AgentScreen;
use crate::drivers::supervise::process;
use crate::drivers::tmux::{Key, Pane, Tmux};
use crate::engine::Engine;
use std::path::Path;

/// One session's terminal.
pub(crate) struct Terminal {
    tmux: Tmux,
    /// What its picture means.
    pub(crate) live: &'static dyn LiveSession,
}

impl Terminal {
    /// The terminal of this session.
    pub(crate) fn of(engine: &Engine, session: &Session) -> Result<Terminal> {
        Ok(Terminal { tmux: Tmux::at(&engine.data.tmux_socket()), live: live(engine, &session.profile)? })
    }

    /// What it shows now.
    pub(crate) fn screen(&self) -> Result<AgentScreen> {
        Ok(self.live.screen(&self.tmux.coloured(LUCI, 0)?))
    }

    /// Presses keys.
    pub(crate) fn keys(&self, keys: &[Key]) -> Result<()> {
        self.tmux.keys(LUCI, keys)
    }

    /// Pastes a text, as it is.
    pub(crate) fn paste(&self, text: &str) -> Result<()> {
        self.tmux.paste(LUCI, text)
    }
}

/// What a live session of this profile means.
pub(crate) fn live(engine: &Engine, profile: &str) -> Result<&'static dyn LiveSession> {
    runtime::of_profile(engine.config.profile(profile)).live().ok_or_else(|| {
        Error::Denied(format!("the agent of profile {profile} cannot be kept in a terminal: choose another profile"))
    })
}

/// Whether a living process is the agent of this session, or about to become it.
pub(crate) fn ours(pid: i32, dir: &Path) -> bool {
    let about_to_be = || {
        let words = process::command_line(pid);
        words.windows(2).any(|w| w[0] == "exec-agent" && Path::new(&w[1]) == dir)
    };
    process::carries(pid, "MC_SESSION_DIR", dir) || about_to_be()
}

/// Why the process of a terminal ended.
pub(crate) fn why_dead(live: &dyn LiveSession, tmux: &Tmux, pane: &Pane) -> Option<String> {
    let words = tmux.last_words(LUCI).ok().and_then(|text| live.last_words(&text));
    match (words, pane.dead_status) {
        (_, Some(code)) if code > 128 => Some(format!("its program was ended by signal {}", code - 128)),
        (Some(words), _) => Some(words),
        (None, Some(code)) => Some(format!("its program ended (exit code {code})")),
        (None, None) => None,
    }
}

//! Claude Code: its arguments, formats, files, hooks and screen. Nothing outside this folder knows them, but the demo
//! agent, which speaks the same language.

pub mod argv;
pub(crate) mod costs;
pub mod home;
pub mod hook;
pub mod hooks;
pub(crate) mod live;
pub mod probe;
pub mod screen;
pub mod settings;
pub mod stream;
pub(crate) mod stream_message;
pub mod stream_result;
pub(crate) mod stream_system;
pub mod transcript;

use crate::domain::profile::Profile;
use crate::domain::run::event::NewEvent;
use crate::domain::run::progress::Progress;
use crate::domain::run::{Failure, FailureCode};
use crate::domain::time::Time;
use crate::drivers::exec;
use crate::drivers::runtime::interface::{Capabilities, Reply, Runtime, SetupFault};
use crate::drivers::runtime::launch::{Launch, Probe, RunParts, TurnParts};
use crate::drivers::runtime::live::LiveSession;
use std::time::Duration;

/// Where Claude Code puts the worktrees it makes, within their repository.
pub const WORKTREES: &str = ".claude/worktrees";

/// Claude Code, or a program that speaks its language.
#[derive(Debug)]
pub struct Claude;

impl Runtime for Claude {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            resume: true,
            fork: true,
            own_session_ids: true,
            worktree: true,
            effort: true,
            hooks: true,
            live_session: true,
            // A run's prompt is its whole input; in a terminal turns wait for each other.
            steering: false,
            cost: true,
            limits: true,
        }
    }

    fn program(&self, profile: &Profile) -> Result<Vec<String>, Failure> {
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

    fn probe(&self, profile: &Profile, timeout: Duration) -> Result<Probe, Failure> {
        probe::probe(&self.program(profile)?, timeout)
    }

    fn setup_fault(&self, profile: &Profile, is_root: bool) -> Option<SetupFault> {
        argv::refuses_root(profile, is_root).then(|| SetupFault {
            what: format!("profile {}: bypassed permissions as root are refused by the agent", profile.name),
            todo: format!(
                "run as another user, or set IS_SANDBOX = \"1\" in [profiles.{}.env] if this machine is a sandbox",
                profile.name
            ),
        })
    }

    fn variables(&self) -> &'static [&'static str] {
        &["ANTHROPIC_", "CLAUDE"]
    }

    fn launch_run(&self, profile: &Profile, probe: &Probe, parts: &RunParts<'_>) -> Result<Launch, Failure> {
        let command = self.program(profile)?;
        argv::check_root(profile, parts.is_root)?;
        argv::run(command, profile, probe, parts)
    }

    fn launch_turn(&self, profile: &Profile, probe: &Probe, parts: &TurnParts<'_>) -> Result<Launch, Failure> {
        let command = self.program(profile)?;
        argv::check_root(profile, parts.is_root)?;
        argv::turn(command, profile, probe, parts)
    }

    fn live(&self) -> Option<&'static dyn LiveSession> {
        Some(&Claude)
    }

    fn read_line(&self, line: &[u8], line_no: i64, now: Time, progress: &mut Progress) -> Vec<NewEvent> {
        stream::read_line(line, line_no, now, progress)
    }

    fn ends_turn(&self, line: &[u8]) -> bool {
        stream_result::ends_turn(line)
    }

    fn reply(&self, line: &[u8], progress: &Progress) -> Option<Reply> {
        stream_result::reply(line, progress)
    }

    fn refuses_taken_id(&self, stderr: &str) -> bool {
        stderr.contains("is already in use")
    }

    fn forgot_conversation(&self, words: &str) -> bool {
        words.contains("No conversation found")
    }
}

#[cfg(test)]
#[path = "launches_tests.rs"]
mod launches_tests;
#[cfg(test)]
#[path = "turns_tests.rs"]
mod turns_tests;

//! The demo agent: works really, thinks of nothing. It is a part of our own program, takes Claude Code's arguments and
//! speaks its language, so that all that is built for an agent can be seen without one.

pub mod agent;
pub(crate) mod common;
pub(crate) mod orchestrator;
pub(crate) mod script;
pub(crate) mod stream_writer;
pub(crate) mod worker;

use crate::domain::profile::Profile;
use crate::domain::run::Failure;
use crate::domain::run::event::NewEvent;
use crate::domain::run::progress::Progress;
use crate::domain::time::Time;
// The one place where the demo agent borrows the language it speaks.
use crate::drivers::runtime::claude::{Claude as Spoken, argv};
use crate::drivers::runtime::interface::{Capabilities, Reply, Runtime};
use crate::drivers::runtime::launch::{Launch, LiveParts, Probe, RunParts, TurnParts, own_command};
use crate::drivers::runtime::live::hook_log::HookNews;
use crate::drivers::runtime::live::screen::{AgentScreen, InputBox};
use crate::drivers::runtime::live::transcript::Transcript;
use crate::drivers::runtime::live::{AgentEnv, LiveSession, ProgramStatus};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The words behind our own program that make it the demo agent.
const WORDS: &[&str] = &["demo-agent"];

/// The built-in demo agent.
#[derive(Debug)]
pub struct Demo;

impl Runtime for Demo {
    fn capabilities(&self) -> Capabilities {
        Capabilities { fork: false, cost: false, ..Spoken.capabilities() }
    }

    fn probe(&self, _profile: &Profile, _timeout: Duration) -> Result<Probe, Failure> {
        Ok(Probe { worktree: true, effort: true, session_id: true, version: Some(common::VERSION.to_owned()), note: None })
    }

    fn launch_run(&self, profile: &Profile, probe: &Probe, parts: &RunParts<'_>) -> Result<Launch, Failure> {
        argv::run(own_command(parts.own_exe, WORDS)?, profile, probe, parts)
    }

    fn launch_turn(&self, profile: &Profile, probe: &Probe, parts: &TurnParts<'_>) -> Result<Launch, Failure> {
        argv::turn(own_command(parts.own_exe, WORDS)?, profile, probe, parts)
    }

    fn live(&self) -> Option<&'static dyn LiveSession> {
        Some(&Demo)
    }

    fn read_line(&self, line: &[u8], line_no: i64, now: Time, progress: &mut Progress) -> Vec<NewEvent> {
        Spoken.read_line(line, line_no, now, progress)
    }

    fn ends_turn(&self, line: &[u8]) -> bool {
        Spoken.ends_turn(line)
    }

    fn reply(&self, line: &[u8], progress: &Progress) -> Option<Reply> {
        Spoken.reply(line, progress)
    }

    fn refuses_taken_id(&self, stderr: &str) -> bool {
        Spoken.refuses_taken_id(stderr)
    }

    fn forgot_conversation(&self, words: &str) -> bool {
        Spoken.forgot_conversation(words)
    }
}

impl LiveSession for Demo {
    fn settings(&self, own_exe: &Path) -> Result<String, Failure> {
        Spoken.settings(own_exe)
    }

    fn launch(&self, profile: &Profile, probe: &Probe, parts: &LiveParts<'_>) -> Result<Launch, Failure> {
        argv::live(own_command(parts.own_exe, WORDS)?, profile, probe, parts)
    }

    fn transcript(&self, env: &AgentEnv, conversation: &str) -> Option<PathBuf> {
        Spoken.transcript(env, conversation)
    }

    fn status(&self, env: &AgentEnv, pid: i32, start: u64) -> Option<ProgramStatus> {
        Spoken.status(env, pid, start)
    }

    fn read_hook(&self, payload: &Value) -> HookNews {
        Spoken.read_hook(payload)
    }

    fn read_transcript(&self, line: &[u8], into: &mut Transcript) {
        Spoken.read_transcript(line, into);
    }

    fn screen(&self, coloured: &str) -> AgentScreen {
        Spoken.screen(coloured)
    }

    fn holds_only(&self, input: &InputBox, text: &str, marker: &str) -> bool {
        Spoken.holds_only(input, text, marker)
    }

    fn last_words(&self, text: &str) -> Option<String> {
        Spoken.last_words(text)
    }

    fn order_signs(&self) -> &'static [char] {
        Spoken.order_signs()
    }
}

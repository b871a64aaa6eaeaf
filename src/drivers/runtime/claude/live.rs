//! Claude Code in a terminal.

use crate::domain::profile::Profile;
use crate::domain::run::Failure;
use crate::drivers::runtime::claude::home::ClaudeHome;
use crate::drivers::runtime::claude::{Claude, argv, hooks, screen, settings, transcript};
use crate::drivers::runtime::interface::Runtime;
use crate::drivers::runtime::launch::{Launch, LiveParts, Probe};
use crate::drivers::runtime::live::hook_log::HookNews;
use crate::drivers::runtime::live::screen::{AgentScreen, InputBox};
use crate::drivers::runtime::live::transcript::Transcript;
use crate::drivers::runtime::live::{AgentEnv, LiveSession, ProgramStatus};
use serde_json::Value;
use std::io;
use std::path::{Path, PathBuf};

impl LiveSession for Claude {
    fn settings(&self, own_exe: &Path) -> Result<String, Failure> {
        Ok(settings::settings(own_exe)?.to_string())
    }

    fn launch(&self, profile: &Profile, probe: &Probe, parts: &LiveParts<'_>) -> Result<Launch, Failure> {
        let command = self.program(profile)?;
        argv::check_root(profile, parts.is_root)?;
        argv::live(command, profile, probe, parts)
    }

    fn answer_first_questions(&self, profile: &Profile, env: &AgentEnv, cwd: &Path) -> io::Result<Option<String>> {
        match ClaudeHome::of(env) {
            Some(home) => home.answer_first_questions(env, cwd, argv::bypasses(profile)),
            None => Ok(None),
        }
    }

    fn has_conversation(&self, env: &AgentEnv, conversation: &str) -> bool {
        self.transcript(env, conversation).is_some()
    }

    fn transcript(&self, env: &AgentEnv, conversation: &str) -> Option<PathBuf> {
        ClaudeHome::of(env)?.transcript(conversation)
    }

    fn status(&self, env: &AgentEnv, pid: i32, start: u64) -> Option<ProgramStatus> {
        ClaudeHome::of(env)?.status(pid, start)
    }

    fn read_hook(&self, payload: &Value) -> HookNews {
        hooks::read(payload)
    }

    fn read_transcript(&self, line: &[u8], into: &mut Transcript) {
        transcript::read_line(line, into);
    }

    fn screen(&self, coloured: &str) -> AgentScreen {
        screen::read(coloured)
    }

    fn holds_only(&self, input: &InputBox, text: &str, marker: &str) -> bool {
        screen::holds_only(input, text, marker)
    }

    fn last_words(&self, text: &str) -> Option<String> {
        screen::last_words(text)
    }

    fn order_signs(&self) -> &'static [char] {
        &['/', '!', '#', '&']
    }
}

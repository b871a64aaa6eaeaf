//! A model's plain API, without an agent around it: for tasks that ask one question.

pub mod ask_model;

use crate::domain::profile::Profile;
use crate::domain::run::Failure;
use crate::domain::run::event::NewEvent;
use crate::domain::run::progress::Progress;
use crate::domain::time::Time;
use crate::drivers::runtime::interface::{Capabilities, Runtime};
use crate::drivers::runtime::launch::{Launch, Probe, RunParts, TurnParts, own_command, refused};
use std::path::Path;

/// A model asked once and plainly.
#[derive(Debug)]
pub struct Api;

impl Runtime for Api {
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    fn variables(&self) -> &'static [&'static str] {
        &["ANTHROPIC_", "OPENAI_"]
    }

    fn launch_run(&self, profile: &Profile, _probe: &Probe, _parts: &RunParts<'_>) -> Result<Launch, Failure> {
        Err(no_agent(profile))
    }

    fn launch_turn(&self, profile: &Profile, _probe: &Probe, _parts: &TurnParts<'_>) -> Result<Launch, Failure> {
        Err(no_agent(profile))
    }

    fn launch_question(&self, profile: &Profile, own_exe: &Path) -> Result<Launch, Failure> {
        let mut argv = own_command(own_exe, &["ask-model"])?;
        argv.extend(profile.model.iter().map(|model| format!("--model={model}")));
        Ok(Launch { argv, env: profile.env.clone(), enters_worktree: false, notes: Vec::new() })
    }

    fn read_line(&self, _line: &[u8], _line_no: i64, _now: Time, _progress: &mut Progress) -> Vec<NewEvent> {
        Vec::new()
    }
}

fn no_agent(profile: &Profile) -> Failure {
    refused(format!("the profile {} is a model's plain API, for tasks of kind api: choose a profile with an agent", profile.name))
}

//! Profiles: a named runtime with model, effort, environment and limits.

use crate::domain::orchestrator::session::DriverKind;
use crate::domain::ticket::text_enum;
use std::collections::BTreeMap;

/// Which adapter speaks with the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuntimeKind {
    /// Claude Code, or a program that speaks its stream-json.
    Claude,
    /// The built-in demo agent.
    Demo,
    /// A model's API, asked once and plainly: for tasks alone.
    Api,
}
text_enum!(RuntimeKind { Claude = "claude", Demo = "demo", Api = "api" });

/// A named runtime, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// Which adapter.
    pub runtime: RuntimeKind,
    /// Program and leading arguments; empty = found on PATH.
    pub command: Vec<String>,
    /// Model, passed as `--model`.
    pub model: Option<String>,
    /// Effort, passed as `--effort`.
    pub effort: Option<String>,
    /// Permission mode, e.g. `bypassPermissions`.
    pub permission_mode: Option<String>,
    /// Added to the agent's environment after the scrub.
    pub env: BTreeMap<String, String>,
    /// Taken from the server's own environment after the scrub.
    pub env_from: Vec<String>,
    /// Runs of this profile at once.
    pub concurrency: u32,
    /// No output for so many milliseconds ends the run.
    pub silence_limit_ms: i64,
    /// A run longer than this is ended.
    pub wall_clock_limit_ms: i64,
    /// A process that lingers so long after its last result, with nothing open, is stopped and counts as finished.
    pub exit_grace_ms: i64,
    /// Failed runs in a row before the ticket is blocked.
    pub retry_limit: i64,
    /// Bytes of raw log before the run is ended.
    pub log_cap: u64,
    /// How a persistent session of this profile is spoken with; none = as the orchestrator is configured.
    pub driver: Option<DriverKind>,
}

impl Profile {
    /// A profile with every default.
    #[must_use]
    pub fn new(name: &str, runtime: RuntimeKind) -> Profile {
        Profile {
            name: name.to_owned(),
            runtime,
            command: Vec::new(),
            model: None,
            effort: None,
            permission_mode: None,
            env: BTreeMap::new(),
            env_from: Vec::new(),
            concurrency: 2,
            silence_limit_ms: 15 * 60_000,
            wall_clock_limit_ms: 12 * 3_600_000,
            exit_grace_ms: 2 * 60_000,
            retry_limit: 3,
            log_cap: 512 * 1024 * 1024,
            driver: None,
        }
    }

    /// How it is shown: model and effort where there are any, else its name.
    #[must_use]
    pub fn label(&self) -> String {
        match (self.runtime, &self.model) {
            (RuntimeKind::Demo, _) => "Demo agent".to_owned(),
            (RuntimeKind::Claude, Some(model)) => match &self.effort {
                Some(effort) => format!("Claude {model}, {effort}"),
                None => format!("Claude {model}"),
            },
            (RuntimeKind::Api, Some(model)) => format!("{model} by API"),
            (RuntimeKind::Claude | RuntimeKind::Api, None) => self.name.clone(),
        }
    }
}

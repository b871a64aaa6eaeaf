//! What all parts of the demo agent share: its version and flags, where it works, how a turn of it ends.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What `--version` prints.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (Mission Control demo agent)");

/// Bytes of a command's output that are reported.
const OUTPUT_CAP: usize = 16 * 1024;

/// What it says of a failure that it acts.
pub(crate) const FAILED: &str = "demo: the demo agent was told to fail";

/// What it says at the limit that it acts.
pub(crate) const LIMITED: &str = "API Error: Request rejected (429) · demo limit reached, resets in 2 minutes";

/// How a turn ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DemoEnding {
    /// With this reply.
    Reply(String),
    /// With an error.
    Failed,
    /// At a usage limit.
    Limited,
    /// Not at all.
    Hang,
}

/// Where it works.
pub(crate) struct WorkPlace {
    /// The folder.
    pub(crate) cwd: PathBuf,
    /// Where it remembers its conversations.
    pub(crate) state: PathBuf,
    /// Milliseconds that each step takes.
    pub(crate) pace_ms: u64,
}

/// The flags it understands.
#[derive(Default)]
pub(crate) struct DemoFlags {
    pub(crate) worktree: Option<String>,
    pub(crate) session: Option<String>,
    pub(crate) resume: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) settings: Option<PathBuf>,
    pub(crate) brief: Option<String>,
}

impl DemoFlags {
    /// The conversation's id: asked for, or a fresh one.
    pub(crate) fn session(&self) -> Result<String, String> {
        let id = self.resume.clone().or(self.session.clone()).unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
        uuid::Uuid::parse_str(&id).map(|_| id).map_err(|_| "Error: a session id must be a UUID".to_owned())
    }
}

/// Reads them.
pub(crate) fn flags(args: &[String]) -> Result<DemoFlags, String> {
    let mut flags = DemoFlags::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().cloned().ok_or_else(|| format!("error: option '{arg}' needs a value"));
        match arg.as_str() {
            "-p" | "--print" | "--verbose" | "--dangerously-skip-permissions" => {}
            "--output-format" | "--effort" | "--permission-mode" => drop(value()?),
            "--append-system-prompt" => flags.brief = Some(value()?),
            "--settings" => flags.settings = Some(PathBuf::from(value()?)),
            "--model" => flags.model = Some(value()?),
            "--worktree" => flags.worktree = Some(value()?),
            "--session-id" => flags.session = Some(value()?),
            "--resume" => flags.resume = Some(value()?),
            other => return Err(format!("error: unknown option '{other}'")),
        }
    }
    Ok(flags)
}

/// Runs a command of our own making: what it printed, and whether it went well.
pub(crate) fn shell(command: &str, cwd: &Path) -> (String, bool) {
    match Command::new("sh").args(["-c", command]).current_dir(cwd).stdin(Stdio::null()).output() {
        Ok(output) => {
            let mut bytes = output.stdout;
            bytes.extend(output.stderr);
            bytes.truncate(OUTPUT_CAP);
            let text = String::from_utf8_lossy(&bytes).trim_end().to_owned();
            match output.status.code() {
                Some(0) => (text, true),
                Some(code) => (format!("Exit code {code}\n{text}"), false),
                None => (format!("Ended by a signal\n{text}"), false),
            }
        }
        Err(e) => (format!("Error: {e}"), false),
    }
}

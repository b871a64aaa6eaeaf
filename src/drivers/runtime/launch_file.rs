//! `mission-control exec-agent DIR`: becomes the agent of a conversation in a terminal. What it is to be started with stands
//! in the session's folder, so that nothing of it is seen in a process list.

use crate::drivers::supervise::process;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

/// The orchestrator is killed late when memory runs out.
const ORCHESTRATOR_OOM: i32 = -800;

/// tmux shows the last words of a program only if it does not end at once.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// How an agent is started: `launch.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchFile {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Where it works.
    pub cwd: PathBuf,
    /// Its whole environment.
    pub env: BTreeMap<String, String>,
}

impl LaunchFile {
    /// Keeps it in the session's folder, readable by its owner alone.
    ///
    /// # Errors
    /// It could not be written.
    pub fn write(&self, dir: &Path) -> io::Result<()> {
        write_private(&file(dir), serde_json::to_string(self)?.as_bytes())
    }

    /// The one in a session's folder.
    ///
    /// # Errors
    /// There is none that can be read.
    pub fn read(dir: &Path) -> io::Result<LaunchFile> {
        Ok(serde_json::from_slice(&fs::read(file(dir))?)?)
    }
}

fn file(dir: &Path) -> PathBuf {
    dir.join("launch.json")
}

/// Writes a file that only its owner may read, whole or not at all.
///
/// # Errors
/// It could not be written.
pub fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let temp = path.with_extension("tmp");
    let mut out = fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&temp)?;
    out.write_all(content)?;
    fs::rename(temp, path)
}

/// Becomes the agent; returns only where that fails.
#[must_use]
pub fn main(dir: &Path) -> ExitCode {
    let why = match LaunchFile::read(dir) {
        Ok(launch) => exec_agent(&launch),
        Err(e) => format!("{} cannot be read: {e}", file(dir).display()),
    };
    eprintln!("mission-control: the agent could not be started: {why}");
    crate::base::clock::pause(LAST_WORDS);
    ExitCode::from(127)
}

fn exec_agent(launch: &LaunchFile) -> String {
    let Some((program, args)) = launch.argv.split_first() else { return "no program is named".to_owned() };
    let me = nix::unistd::getpid().as_raw();
    // Only root may; without it the agent is as likely to be killed as anybody.
    let _ordinary = process::set_oom_score_adj(me, ORCHESTRATOR_OOM);
    let e = Command::new(program).args(args).env_clear().envs(&launch.env).current_dir(&launch.cwd).exec();
    format!("{program} in {}: {e}", launch.cwd.display())
}

//! The run folder: everything that the server and a run's shim tell each other, as files that outlive both.

use crate::base::clock::{Clock, SystemClock};
use crate::base::error::{Error, Result};
use crate::domain::run::ExitRecord;
use crate::drivers::supervise::process;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The name of the variable every process of a run carries; its value is the run folder. Strays are found by it.
pub const MARKER: &str = "MC_RUN_DIR";

/// What `started` holds where the server was first.
const VOID: &str = "void";

/// A report by an agent's command is a few lines; a bigger file is not one of ours.
const SPOOLED_AT_MOST: u64 = 1 << 20;

/// Bytes of stderr that are looked at: its end says why a program gave up.
pub const STDERR_END: u64 = 16 * 1024;

/// The last `most` bytes of a file, and whether there are some before them.
///
/// # Errors
/// The file is not there or cannot be read.
pub fn end_of(path: &Path, most: u64) -> io::Result<(Vec<u8>, bool)> {
    let mut file = File::open(path)?;
    let from = file.metadata()?.len().saturating_sub(most);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok((bytes, from > 0))
}

/// What the shim is to start, and when it must end it. A limit of 0 is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSpec {
    /// The run's number.
    pub run: i64,
    /// The ticket, as `MC-12`.
    pub ticket: String,
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Where the agent works.
    pub cwd: PathBuf,
    /// Variables added after the scrub.
    pub env: BTreeMap<String, String>,
    /// Names copied from the inherited environment after the scrub.
    pub env_from: Vec<String>,
    /// The file that is the agent's stdout.
    pub raw_log: PathBuf,
    /// Bytes of output before the run is ended.
    pub log_cap: u64,
    /// Milliseconds before the run is ended.
    pub wall_clock_ms: u64,
    /// Milliseconds without output before the run is ended.
    pub silence_ms: u64,
    /// Milliseconds between the request to end and the kill.
    pub stop_grace_ms: u64,
    /// The agent's place in the queue of the kernel's out-of-memory killer.
    pub oom_score_adj: i32,
}

#[cfg(test)]
impl RunSpec {
    /// One for tests to change what they are about: `RunSpec { silence_ms, ..RunSpec::sample() }`.
    pub(crate) fn sample() -> RunSpec {
        RunSpec {
            run: 41,
            ticket: "MC-7".to_owned(),
            argv: vec!["true".to_owned()],
            cwd: PathBuf::from("/"),
            env: BTreeMap::new(),
            env_from: Vec::new(),
            raw_log: PathBuf::from("/dev/null"),
            log_cap: 0,
            wall_clock_ms: 0,
            silence_ms: 0,
            stop_grace_ms: 0,
            oom_score_adj: 0,
        }
    }
}

/// The processes of a run: `pid.json`. A pid alone proves nothing (numbers are reused), with its start time it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PidRecord {
    /// The shim.
    pub shim_pid: i32,
    /// When the shim started: field 22 of its `/proc/<pid>/stat`.
    pub shim_start: u64,
    /// The agent, once it runs.
    pub agent_pid: Option<i32>,
    /// When the agent started.
    pub agent_start: Option<u64>,
    /// The agent's process group.
    pub pgid: Option<i32>,
    /// The boot these numbers belong to.
    #[serde(default)]
    pub boot: String,
}

/// The answer to an attempt at voiding a launch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voided {
    /// No agent has started from this folder, and none ever will.
    Yes,
    /// A shim was first: there is, or was, an agent.
    AlreadyStarted,
}

/// One launch of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDir(PathBuf);

impl RunDir {
    /// An existing run folder.
    #[must_use]
    pub fn open(path: &Path) -> RunDir {
        RunDir(std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf()))
    }

    /// Writes a new run folder, durably, so that a shim can be started on it.
    pub fn create(path: &Path, spec: &RunSpec, prompt: &str) -> Result<RunDir> {
        let dir = RunDir::open(path);
        if dir.file("spec.json").exists() {
            return Err(Error::Conflict(format!("the run folder {} is used already", dir.0.display())));
        }
        DirBuilder::new().recursive(true).mode(0o700).create(dir.file("spool"))?;
        let spec = serde_json::to_vec_pretty(spec).map_err(|e| Error::Internal(format!("run spec: {e}")))?;
        write_new(&dir.prompt(), prompt.as_bytes())?;
        write_new(&dir.file("spec.json"), &spec)?;
        File::open(&dir.0)?.sync_all()?;
        if let Some(parent) = dir.0.parent() {
            File::open(parent)?.sync_all()?;
        }
        Ok(dir)
    }

    /// Where it is, absolute.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The agent's stdin.
    #[must_use]
    pub fn prompt(&self) -> PathBuf {
        self.file("prompt.txt")
    }

    /// The agent's stderr.
    #[must_use]
    pub fn stderr(&self) -> PathBuf {
        self.file("stderr.log")
    }

    /// The last [`STDERR_END`] bytes of it, nothing where there is none.
    #[must_use]
    pub fn stderr_end(&self) -> String {
        let (bytes, _) = end_of(&self.stderr(), STDERR_END).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// A file in it.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// What the shim is to start.
    pub fn spec(&self) -> Result<RunSpec> {
        let text = fs::read_to_string(self.file("spec.json"))?;
        serde_json::from_str(&text).map_err(|e| Error::Internal(format!("spec.json: {e}")))
    }

    /// Sees to it that no agent ever starts from this folder, unless one has.
    pub fn void(&self) -> io::Result<Voided> {
        let voided = self.begin_void()?;
        if voided == Voided::Yes {
            self.forget_spec();
        }
        Ok(voided)
    }

    /// Removes what the shim was to start: it holds the agent's environment, and nothing needs it any more.
    pub fn forget_spec(&self) {
        // It is private all the same.
        let _gone = fs::remove_file(self.file("spec.json"));
    }

    fn begin_void(&self) -> io::Result<Voided> {
        if self.begin(VOID)? {
            return Ok(Voided::Yes);
        }
        match fs::read_to_string(self.file("started"))?.trim() {
            VOID => Ok(Voided::Yes),
            // Its writer died before the first byte. A shim starts nothing before the file is whole and on the disk, and
            // holds its lock from before until after: where the lock is free, nothing has started and nothing will.
            "" if !self.is_alive() => Ok(Voided::Yes),
            _ => Ok(Voided::AlreadyStarted),
        }
    }

    /// Creates `started`; true for the one who was first. The server voids with it, a shim begins with it.
    pub fn begin(&self, who: &str) -> io::Result<bool> {
        match write_new(&self.file("started"), who.as_bytes()) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// Takes the lock that means "a shim lives", waiting for it. It is held as long as the file is open.
    pub fn lock(&self) -> io::Result<File> {
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(self.file("lock"))?;
        file.lock()?;
        Ok(file)
    }

    /// Whether a shim lives. Where that cannot be found out the answer is yes: a second agent would be worse.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        // A shared lock: two who ask at once do not take each other for a shim.
        match File::open(self.file("lock")) {
            Ok(file) => file.try_lock_shared().is_err(),
            Err(e) => e.kind() != ErrorKind::NotFound,
        }
    }

    /// The processes, as the shim wrote them down; none where that was before the machine's last boot.
    #[must_use]
    pub fn pids(&self) -> Option<PidRecord> {
        let record: PidRecord = serde_json::from_str(&fs::read_to_string(self.file("pid.json")).ok()?).ok()?;
        (record.boot == process::boot_id()).then_some(record)
    }

    /// Writes the processes down.
    pub fn set_pids(&self, pids: &PidRecord) -> io::Result<()> {
        let tmp = self.file("pid.json.tmp");
        let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&tmp)?;
        file.write_all(&serde_json::to_vec(pids)?)?;
        fs::rename(tmp, self.file("pid.json"))
    }

    /// The exit record that the shim left; none while there is none, and none where it cannot be read.
    #[must_use]
    pub fn exit(&self) -> Option<ExitRecord> {
        serde_json::from_str(fs::read_to_string(self.file("exit.json")).ok()?.trim()).ok()
    }

    /// Leaves a report for a server that is down.
    pub fn spool(&self, report: &serde_json::Value) -> io::Result<PathBuf> {
        let spool = self.file("spool");
        DirBuilder::new().recursive(true).mode(0o700).create(&spool)?;
        let name = format!("{}-{}", SystemClock::new().now().0, uuid::Uuid::new_v4().simple());
        let (tmp, path) = (spool.join(format!("{name}.tmp")), spool.join(format!("{name}.json")));
        write_new(&tmp, &serde_json::to_vec(report)?)?;
        fs::rename(&tmp, &path)?;
        File::open(&spool)?.sync_all()?;
        Ok(path)
    }

    /// The reports left, oldest first. Who has dealt with one removes its file.
    #[must_use]
    pub fn spooled(&self) -> Vec<(PathBuf, serde_json::Value)> {
        let Ok(entries) = fs::read_dir(self.file("spool")) else { return Vec::new() };
        let mut paths: Vec<PathBuf> = entries
            .flatten()
            .filter(|e| e.metadata().is_ok_and(|m| m.is_file() && m.len() <= SPOOLED_AT_MOST))
            .map(|e| e.path())
            .filter(|p| p.extension().is_some_and(|x| x == "json"))
            .collect();
        paths.sort();
        paths
            .into_iter()
            .filter_map(|path| {
                let report = serde_json::from_slice(&fs::read(&path).ok()?).ok()?;
                Some((path, report))
            })
            .collect()
    }
}

/// A new private file, on the disk when this returns.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
#[path = "run_dir_tests.rs"]
mod tests;

//! The data folder: its files, their names, and the lock that lets one server at a time work on it.

use crate::base::clock::{Clock, SystemClock, pause};
use crate::base::error::{Error, Result};
use crate::drivers::supervise::process;
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long the lock of a dead server is waited for, in milliseconds.
const LOCK_MS: i64 = 3_000;

/// The data folder.
#[derive(Debug, Clone)]
pub struct DataDir(PathBuf);

/// The right to work on a data folder; given up when dropped (or when the process dies, however it dies).
#[derive(Debug)]
pub struct DataLock(#[allow(dead_code, reason = "held, not read")] Flock<File>);

/// How local programs reach the running server: `local.json`, readable by the owner alone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Local {
    /// Where it listens.
    pub url: String,
    /// An owner token that is good while this server runs.
    pub token: String,
    /// The server's process.
    pub pid: u32,
}

impl DataDir {
    /// Opens the folder, making it (0700) where it is not there.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn open(path: &Path) -> Result<DataDir> {
        make_private(path)?;
        make_private(&path.join("runs"))?;
        make_private(&path.join("sessions"))?;
        Ok(DataDir(path.to_owned()))
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The database file.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.0.join("mc.db")
    }

    /// The folder of run folders.
    #[must_use]
    pub fn runs(&self) -> PathBuf {
        self.0.join("runs")
    }

    /// The folder of session folders: one for each conversation of the orchestrator.
    #[must_use]
    pub fn sessions(&self) -> PathBuf {
        self.0.join("sessions")
    }

    /// The folder of files that people sent, each named by the hash of what is in it.
    #[must_use]
    pub fn attachments(&self) -> PathBuf {
        self.0.join("attachments")
    }

    /// Keeps a file that somebody sent, under the hash of what is in it: the same one is kept once.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn keep(&self, bytes: &[u8]) -> Result<PathBuf> {
        use sha2::{Digest, Sha256};
        let folder = self.attachments();
        make_private(&folder)?;
        let name: String = Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
        let path = folder.join(&name);
        if path.exists() {
            return Ok(path);
        }
        let temp = folder.join(format!("{name}.tmp"));
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&temp)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(temp, &path)?;
        Ok(path)
    }

    /// The socket of the terminals we keep.
    #[must_use]
    pub fn tmux_socket(&self) -> PathBuf {
        self.0.join("tmux.sock")
    }

    /// Takes the folder's lock.
    ///
    /// # Errors
    /// Another server works on it.
    pub fn lock(&self) -> Result<DataLock> {
        let path = self.0.join("mc.lock");
        let mut file = OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(0o600).open(&path)?;
        let clock = SystemClock::new();
        loop {
            if let Ok(lock) = Flock::lock(file.try_clone()?, FlockArg::LockExclusiveNonblock) {
                file.set_len(0)?;
                writeln!(file, "{}", std::process::id())?;
                return Ok(DataLock(lock));
            }
            let holder = std::fs::read_to_string(&path).unwrap_or_default();
            let holder = holder.trim();
            // Of a server that was killed, a child may be on its way from fork to exec with the lock in its hands.
            let dead = holder.parse().is_ok_and(|pid| process::state(pid).is_none_or(|s| matches!(s, 'Z' | 'X')));
            if !dead || clock.mono_ms() > LOCK_MS {
                return Err(Error::Busy(format!(
                    "another Mission Control (pid {holder}) works on {}: stop it first, or choose another folder with --data",
                    self.0.display()
                )));
            }
            pause(Duration::from_millis(5));
        }
    }

    /// Leaves word of the running server.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn tell_local(&self, local: &Local) -> Result<()> {
        let text = serde_json::to_string(local).map_err(|e| Error::Internal(e.to_string()))?;
        let temp = self.0.join("local.json.tmp");
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&temp)?;
        file.write_all(text.as_bytes())?;
        std::fs::rename(temp, self.0.join("local.json"))?;
        Ok(())
    }

    /// The running server, if one left word and still holds the lock.
    #[must_use]
    pub fn local(&self) -> Option<Local> {
        let text = std::fs::read_to_string(self.0.join("local.json")).ok()?;
        serde_json::from_str(&text).ok()
    }
}

/// Makes a folder only its owner may enter; an existing one is left as it is.
///
/// # Errors
/// It cannot be made.
pub fn make_private(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))?;
    Ok(())
}

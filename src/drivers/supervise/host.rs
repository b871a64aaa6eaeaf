//! The seam between engines and the machine on which their runs live: its processes and its files. Today there is one, this
//! machine; a simulation plays another.

use crate::base::clock;
use crate::drivers::supervise::run_dir::RunDir;
use crate::drivers::supervise::shim::spawn_shim;
use crate::drivers::supervise::stop;
use crate::drivers::supervise::stop::Ended;
use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

/// A machine on which runs live. What concerns files has one form, that of files which are here.
pub trait Host: Send + Sync {
    /// Starts a shim on a run folder. It need not have begun when this returns.
    ///
    /// # Errors
    /// There is none; nothing will ever begin in this folder because of this call.
    fn spawn(&self, exe: &Path, dir: &RunDir) -> io::Result<()>;

    /// The processes of a run that live, its shim not counted.
    fn list(&self, dir: &RunDir) -> Vec<i32>;

    /// Asks a living shim to end its run, and does not wait. False where there is no shim to ask.
    fn ask_to_stop(&self, dir: &RunDir) -> bool;

    /// Ends a run, whatever state its launch is in, and waits until it is over.
    fn stop(&self, dir: &RunDir, grace: Duration) -> Ended;

    /// Does something that may take long beside the caller. A thread to wait for, where there is one.
    ///
    /// # Errors
    /// There is no thread to be had.
    fn beside(&self, name: &str, work: Box<dyn FnOnce() + Send>) -> io::Result<Option<JoinHandle<()>>>;

    /// Lets some time pass between two looks at a run folder.
    fn pause(&self, d: Duration);

    /// At most so many bytes of a log from an offset on.
    ///
    /// # Errors
    /// The log is not there or cannot be read.
    fn read_log(&self, log: &Path, from: u64, most: u64) -> io::Result<Vec<u8>> {
        let mut file = fs::File::open(log)?;
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Puts a file there that only its owner may read, whole or not at all.
    ///
    /// # Errors
    /// It could not be written.
    fn put_file(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let temp = temporary(path);
        let mut out = fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&temp)?;
        out.write_all(content)?;
        fs::rename(temp, path)
    }

    /// Fetches a small file; none where it is not there.
    ///
    /// # Errors
    /// It cannot be read.
    fn get_file(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        match fs::read(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }
}

/// This machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct LocalHost;

impl Host for LocalHost {
    fn spawn(&self, exe: &Path, dir: &RunDir) -> io::Result<()> {
        spawn_shim(exe, dir).map(drop)
    }

    fn list(&self, dir: &RunDir) -> Vec<i32> {
        stop::leftovers(dir)
    }

    fn ask_to_stop(&self, dir: &RunDir) -> bool {
        stop::ask_to_stop(dir)
    }

    fn stop(&self, dir: &RunDir, grace: Duration) -> Ended {
        stop::stop_run(dir, grace)
    }

    fn beside(&self, name: &str, work: Box<dyn FnOnce() + Send>) -> io::Result<Option<JoinHandle<()>>> {
        std::thread::Builder::new().name(name.into()).spawn(work).map(Some)
    }

    fn pause(&self, d: Duration) {
        clock::pause(d);
    }
}

fn temporary(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    path.with_file_name(format!(".{name}.tmp"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_back_as_they_were_put_and_a_log_from_where_one_likes() {
        let tmp = tempfile::tempdir().expect("a folder");
        let (host, path) = (LocalHost, tmp.path().join("a.json"));
        assert_eq!(host.get_file(&path).expect("nothing is no fault"), None);
        host.put_file(&path, b"one").expect("written");
        host.put_file(&path, b"two and more").expect("written over");
        assert_eq!(host.get_file(&path).expect("read").as_deref(), Some(&b"two and more"[..]));
        assert_eq!(host.read_log(&path, 4, 3).expect("read"), b"and");
        assert_eq!(host.read_log(&path, 99, 3).expect("read"), b"", "past its end");
        assert_eq!(fs::read_dir(tmp.path()).expect("there").count(), 1, "nothing else is left");
    }
}

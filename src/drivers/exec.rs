//! Programs of this machine: finds one on PATH, and runs one to its end with a time limit and bounded output.

use crate::base::clock::{Deadline, pause};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The longest time between two looks at whether a program has ended; the end of its output is noticed at once.
const STEP: Duration = Duration::from_millis(5);
/// The first of these steps: most programs end right after their output.
const FIRST_STEP: Duration = Duration::from_micros(200);

/// The first executable file of this name on PATH.
#[must_use]
pub fn find_on_path(name: &str) -> Option<PathBuf> {
    find_in(name, &std::env::var_os("PATH")?)
}

/// Whether this first word of a command line can be started: a path to an executable file, or a name on PATH.
#[must_use]
pub fn is_program(program: &str) -> bool {
    if program.contains('/') { is_executable(Path::new(program)) } else { find_on_path(program).is_some() }
}

/// How a program may run.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// For how long; then it and its process group are killed.
    pub time: Duration,
    /// How long whatever it leaves behind may hold its output open once it has ended.
    pub held_open: Duration,
    /// Bytes kept of either stream; what is more is read and dropped.
    pub output: usize,
    /// What is left of its process group at its end is killed.
    pub leave_nothing: bool,
}

/// What a program came to.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error.
    pub stderr: Vec<u8>,
    /// It wrote more than is kept.
    pub cut: bool,
    /// Something it left behind still holds its output open: more may have come.
    pub held: bool,
}

/// Why a program did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum ExecFault {
    /// It could not be started.
    #[error("{0}")]
    NotStarted(io::Error),
    /// It took too long and was killed.
    #[error("it took longer than {} s", .0.as_secs_f32())]
    TimedOut(Duration),
    /// It could not be waited for.
    #[error("{0}")]
    Lost(io::Error),
}

/// Runs a program to its end, in a process group of its own, with this text as its standard input. Its two output streams
/// are read beside it, so that neither a full pipe nor one that is held open can block us.
///
/// # Errors
/// See [`ExecFault`].
pub fn run(mut command: Command, stdin: Option<&str>, bounds: Bounds) -> Result<Finished, ExecFault> {
    let deadline = Deadline::after(bounds.time);
    command.stdin(if stdin.is_some() { Stdio::piped() } else { Stdio::null() });
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).spawn().map_err(ExecFault::NotStarted)?;
    if let (Some(mut pipe), Some(text)) = (child.stdin.take(), stdin) {
        let text = text.to_owned();
        // One that has ended already says itself why.
        std::thread::spawn(move || pipe.write_all(text.as_bytes()));
    }
    let (tell, ended) = channel();
    let stdout = Pipe::follow(child.stdout.take(), bounds.output, tell.clone());
    let stderr = Pipe::follow(child.stderr.take(), bounds.output, tell);
    let (status, closed) = match wait(&mut child, &ended, deadline) {
        Ok(Some(end)) => end,
        Ok(None) => {
            kill_group(&child);
            let _reaped = child.wait();
            return Err(ExecFault::TimedOut(bounds.time));
        }
        Err(e) => return Err(ExecFault::Lost(e)),
    };
    // Its own last bytes are in the pipes already: the readers need a moment, unless somebody else holds them open.
    let until = Deadline::after(bounds.held_open);
    let mut open = 2 - closed;
    while open > 0 && !until.is_over() {
        open -= usize::from(ended.recv_timeout(STEP).is_ok());
    }
    if bounds.leave_nothing {
        kill_group(&child);
    }
    let ((stdout, out_cut), (stderr, err_cut)) = (stdout.take(), stderr.take());
    Ok(Finished { status, stdout, stderr, cut: out_cut || err_cut, held: open > 0 })
}

/// Waits for the end of a program: how it ended, and how many of its streams have; none where its time is up.
fn wait(child: &mut Child, ended: &Receiver<()>, deadline: Deadline) -> io::Result<Option<(ExitStatus, usize)>> {
    let (mut closed, mut step) = (0, FIRST_STEP);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some((status, closed)));
        }
        if deadline.is_over() {
            return Ok(None);
        }
        if closed < 2 {
            closed += usize::from(ended.recv_timeout(STEP).is_ok());
        } else {
            pause(step);
            step = (step * 2).min(STEP);
        }
    }
}

fn kill_group(child: &Child) {
    if let Ok(pid) = i32::try_from(child.id()) {
        // Already gone is as good as killed.
        let _gone = killpg(Pid::from_raw(pid), Signal::SIGKILL);
    }
}

/// What came through a pipe so far, and whether more came than is kept.
#[derive(Clone, Default)]
struct Pipe(Arc<Mutex<(Vec<u8>, bool)>>);

impl Pipe {
    /// Reads a pipe to its end in a thread of its own.
    fn follow(from: Option<impl Read + Send + 'static>, most: usize, tell: Sender<()>) -> Pipe {
        let pipe = Pipe::default();
        let mine = pipe.clone();
        std::thread::spawn(move || {
            if let Some(from) = from {
                mine.read(from, most);
            }
            // Where nobody waits any more nobody wants to know.
            let _told = tell.send(());
        });
        pipe
    }

    fn read(&self, mut from: impl Read, most: usize) {
        let mut buffer = vec![0_u8; 64 * 1024];
        loop {
            match from.read(&mut buffer) {
                Ok(0) => return,
                Ok(n) => {
                    let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                    let room = most.saturating_sub(held.0.len());
                    held.0.extend_from_slice(&buffer[..n.min(room)]);
                    held.1 |= n > room;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                // What came before a fault is what there is.
                Err(_) => return,
            }
        }
    }

    fn take(&self) -> (Vec<u8>, bool) {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn is_executable(p: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    p.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

fn find_in(name: &str, path: &OsStr) -> Option<PathBuf> {
    if name.is_empty() || name.contains('/') {
        return None;
    }
    std::env::split_paths(path).filter(|dir| dir.is_absolute()).map(|dir| dir.join(name)).find(|p| is_executable(p))
}

#[cfg(test)]
#[path = "exec_tests.rs"]
mod tests;

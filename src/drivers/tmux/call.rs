//! One call of tmux, ended where it takes too long.

use crate::base::error::{Error, Result};
use crate::drivers::exec;
use crate::drivers::exec::{Bounds, ExecFault};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// How long one call may take: a server that hangs must never hang us.
const LIMIT: Duration = Duration::from_secs(2);

/// The most that tmux may say, in bytes: a screen with its whole scrollback is far less.
const OUTPUT_MAX: usize = 64 * 1024 * 1024;

/// A socket's address has room for this many bytes.
const SOCKET_MAX: usize = 107;

/// What a call came to.
pub(crate) struct TmuxReply {
    pub(crate) ok: bool,
    out: String,
    pub(crate) err: String,
}

/// One call of the program, ended where it takes too long.
pub(crate) fn call(socket: &Path, args: &[String], stdin: Option<&str>) -> Result<TmuxReply> {
    let program = exec::find_on_path("tmux")
        .ok_or_else(|| Error::Internal("tmux is not installed: install it, or set driver = \"headless\"".to_owned()))?;
    if socket.as_os_str().len() > SOCKET_MAX {
        return Err(Error::Internal(format!(
            "the path of the terminals' socket is longer than {SOCKET_MAX} bytes ({}): choose a data folder with a shorter path, \
             or set driver = \"headless\"",
            socket.display()
        )));
    }
    let mut command = Command::new(program);
    command.arg("-u").arg("-S").arg(socket).args(["-f", "/dev/null"]).args(args);
    // Whatever starts the server gives it its environment: nothing of ours but this.
    command.env_clear().env("LANG", "C.UTF-8").env("TERM", "screen-256color");
    for name in ["PATH", "HOME", "USER"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    let bounds = Bounds { time: LIMIT, held_open: LIMIT, output: OUTPUT_MAX, leave_nothing: false };
    match exec::run(command, stdin, bounds) {
        Ok(done) if !done.held => Ok(TmuxReply {
            ok: done.status.success(),
            out: String::from_utf8_lossy(&done.stdout).into_owned(),
            err: String::from_utf8_lossy(&done.stderr).trim().to_owned(),
        }),
        Ok(_) | Err(ExecFault::TimedOut(_)) => Err(Error::Busy("tmux does not answer".to_owned())),
        Err(ExecFault::NotStarted(e) | ExecFault::Lost(e)) => Err(Error::Internal(format!("tmux could not be started: {e}"))),
    }
}

impl TmuxReply {
    /// There is no such session, or no server at all.
    pub(crate) fn absent(&self) -> bool {
        let words = ["can't find", "no server running", "error connecting", "server exited", "lost server", "no current"];
        !self.ok && words.iter().any(|w| self.err.contains(w))
    }

    pub(crate) fn wanted(self, what: &str) -> Result<String> {
        if self.ok { Ok(self.out) } else { Err(Error::Internal(format!("{what}: tmux says {:?}", self.err))) }
    }
}

//! Driver for tmux: terminals that outlive us, on a socket of our own. Plain calls, each with a time limit.

pub(crate) mod call;
pub(crate) mod keys;
pub(crate) mod pane;

pub use crate::drivers::tmux::keys::Key;
pub use crate::drivers::tmux::pane::Pane;

use crate::base::clock::pause;
use crate::base::error::{Error, Result};
use crate::drivers::exec;
use crate::drivers::tmux::call::call;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Lines of scrollback a terminal keeps.
const HISTORY: &str = "20000";

/// Tells the buffers of pastes apart.
static PASTES: AtomicU64 = AtomicU64::new(0);

/// A tmux server, running or not, by its socket. Sessions are named whole: a prefix is another session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tmux {
    socket: PathBuf,
}

impl Tmux {
    /// The server behind this socket.
    #[must_use]
    pub fn at(socket: &Path) -> Tmux {
        Tmux { socket: std::path::absolute(socket).unwrap_or_else(|_| socket.to_path_buf()) }
    }

    /// Whether tmux is on PATH, now.
    #[must_use]
    pub fn installed() -> bool {
        exec::find_on_path("tmux").is_some()
    }

    /// Starts a program in a terminal of its own. Its arguments reach it as they are: no shell reads them.
    ///
    /// # Errors
    /// There is a session of that name, or tmux refused.
    pub fn new_session(&self, name: &str, cwd: &Path, argv: &[String], cols: u16, rows: u16) -> Result<()> {
        let (cols, rows) = (cols.to_string(), rows.to_string());
        let cwd = cwd.to_str().ok_or_else(|| Error::Internal("the workspace lies at a path that is not UTF-8".to_owned()))?;
        let options = [
            ["-s", "escape-time", "0"],
            ["-s", "default-terminal", "screen-256color"],
            ["-g", "history-limit", HISTORY],
            ["-g", "status", "off"],
            ["-g", "update-environment", ""],
            ["-wg", "remain-on-exit", "on"],
        ];
        let mut args = vec!["start-server".to_owned()];
        for option in options {
            args.push(";".to_owned());
            args.push("set-option".to_owned());
            args.extend(option.map(str::to_owned));
        }
        args.extend([";", "new-session", "-d", "-s", name, "-x", &cols, "-y", &rows, "-c"].map(str::to_owned));
        args.extend([literal(cwd), "--".to_owned()]);
        if argv.len() == 1 {
            // One word alone would be read by a shell.
            args.push("env".to_owned());
        }
        args.extend(argv.iter().map(|a| literal(a)));
        // Whoever attaches by hand does not change its size. (Set for all windows, it ends the server of tmux 3.3.)
        args.extend([";", "set-option", "-w", "-t", &target(name), "window-size", "manual"].map(str::to_owned));
        let mut reply = call(&self.socket, &args, None)?;
        // The last session's server may just be leaving.
        for _ in 0..10 {
            if reply.ok
                || !["server exited", "lost server", "no server running", "error connecting"]
                    .iter()
                    .any(|w| reply.err.contains(w))
            {
                break;
            }
            pause(Duration::from_millis(50));
            reply = call(&self.socket, &args, None)?;
        }
        reply.wanted("a terminal could not be opened").map(drop)
    }

    /// Whether there is a session of this name.
    ///
    /// # Errors
    /// tmux does not answer.
    pub fn exists(&self, name: &str) -> Result<bool> {
        Ok(self.pane(name)?.is_some())
    }

    /// The terminal of a session, if it is there.
    ///
    /// # Errors
    /// tmux does not answer.
    pub fn pane(&self, name: &str) -> Result<Option<Pane>> {
        let format = "#{pane_pid}|#{pane_dead}|#{pane_dead_status}|#{pane_dead_signal}|#{pane_in_mode}|#{pane_width}|#{pane_height}|#{cursor_flag}|#{cursor_x}|#{cursor_y}";
        let reply = call(&self.socket, &["list-panes", "-t", &target(name), "-F", format].map(str::to_owned), None)?;
        if reply.absent() {
            return Ok(None);
        }
        let out = reply.wanted("the terminal could not be looked at")?;
        Ok(out.lines().next().and_then(pane::read))
    }

    /// The screen as plain text.
    ///
    /// # Errors
    /// There is no such session.
    pub fn screen(&self, name: &str) -> Result<String> {
        call(&self.socket, &["capture-pane", "-p", "-t", &target(name)].map(str::to_owned), None)?
            .wanted("the screen could not be read")
    }

    /// The screen and what last left it upwards: the note that a program has ended pushes lines off the screen.
    /// Of a program that ends within milliseconds tmux may show nothing.
    ///
    /// # Errors
    /// There is no such session.
    pub fn last_words(&self, name: &str) -> Result<String> {
        call(&self.socket, &["capture-pane", "-p", "-S", "-20", "-t", &target(name)].map(str::to_owned), None)?
            .wanted("the screen could not be read")
    }

    /// The screen with its colours (escape sequences), and as many lines above it.
    ///
    /// # Errors
    /// There is no such session.
    pub fn coloured(&self, name: &str, scrollback_lines: u32) -> Result<String> {
        let start = format!("-{scrollback_lines}");
        let start = if scrollback_lines == 0 { "0" } else { &start };
        call(&self.socket, &["capture-pane", "-e", "-p", "-S", start, "-t", &target(name)].map(str::to_owned), None)?
            .wanted("the screen could not be read")
    }

    /// Puts text into the terminal as one paste.
    ///
    /// # Errors
    /// There is no such session.
    pub fn paste(&self, name: &str, text: &str) -> Result<()> {
        let buffer = format!("mc-{}-{}", std::process::id(), PASTES.fetch_add(1, Ordering::Relaxed));
        let target = target(name);
        let args = ["load-buffer", "-b", &buffer, "-", ";", "paste-buffer", "-p", "-r", "-d", "-b", &buffer, "-t", &target];
        call(&self.socket, &args.map(str::to_owned), Some(text))?.wanted("the text could not be pasted").map(drop)
    }

    /// Presses keys, one after the other.
    ///
    /// # Errors
    /// There is no such session.
    pub fn keys(&self, name: &str, keys: &[Key]) -> Result<()> {
        let mut args: Vec<String> = Vec::new();
        for key in keys {
            let word = match (key.name(), key) {
                (Some(name), _) => vec![name.to_owned()],
                (None, Key::Char(c)) if !c.is_control() => vec!["-l".to_owned(), "--".to_owned(), literal(&c.to_string())],
                (None, _) => continue,
            };
            if !args.is_empty() {
                args.push(";".to_owned());
            }
            args.extend(["send-keys".to_owned(), "-t".to_owned(), target(name)]);
            args.extend(word);
        }
        if args.is_empty() {
            return Ok(());
        }
        call(&self.socket, &args, None)?.wanted("the keys could not be sent").map(drop)
    }

    /// Ends scrolling, so that keys reach the process again.
    ///
    /// # Errors
    /// There is no such session.
    pub fn leave_copy_mode(&self, name: &str) -> Result<()> {
        call(&self.socket, &["copy-mode", "-q", "-t", &target(name)].map(str::to_owned), None)?
            .wanted("copy mode could not be left")
            .map(drop)
    }

    /// Ends a session and the process in it. One that is not there is ended.
    ///
    /// # Errors
    /// tmux refused or does not answer.
    pub fn kill(&self, name: &str) -> Result<()> {
        let reply = call(&self.socket, &["kill-session".to_owned(), "-t".to_owned(), format!("={name}")], None)?;
        if reply.absent() { Ok(()) } else { reply.wanted("the terminal could not be closed").map(drop) }
    }

    /// Ends the server with all its sessions. One that does not run is ended.
    ///
    /// # Errors
    /// tmux refused or does not answer.
    pub fn kill_server(&self) -> Result<()> {
        let reply = call(&self.socket, &["kill-server".to_owned()], None)?;
        if reply.absent() { Ok(()) } else { reply.wanted("the terminals could not be closed").map(drop) }
    }

    /// The names of all sessions; none where no server runs.
    ///
    /// # Errors
    /// tmux does not answer.
    pub fn sessions(&self) -> Result<Vec<String>> {
        let reply = call(&self.socket, &["list-sessions", "-F", "#{session_name}"].map(str::to_owned), None)?;
        if reply.absent() {
            return Ok(Vec::new());
        }
        Ok(reply.wanted("the terminals could not be listed")?.lines().map(str::to_owned).collect())
    }
}

/// Exactly this session, and its one terminal.
fn target(name: &str) -> String {
    format!("={name}:")
}

/// An argument that tmux takes as it is: a semicolon at its end would end the command.
fn literal(arg: &str) -> String {
    arg.strip_suffix(';').map_or_else(|| arg.to_owned(), |rest| format!("{rest}\\;"))
}

#[cfg(test)]
#[path = "tmux_tests.rs"]
mod tests;

//! Driver for tmux: terminals that outlive us, on a socket of our own. Plain calls, each with a time limit.

use crate::base::clock::pause;
use crate::base::error::{Error, Result};
use crate::drivers::exec;
use crate::drivers::exec::{Bounds, ExecFault};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long one call may take: a server that hangs must never hang us.
const LIMIT: Duration = Duration::from_secs(2);

/// The most that tmux may say, in bytes: a screen with its whole scrollback is far less.
const OUTPUT_MAX: usize = 64 * 1024 * 1024;

/// A socket's address has room for this many bytes.
const SOCKET_MAX: usize = 107;

/// Lines of scrollback a terminal keeps.
const HISTORY: &str = "20000";

/// Tells the buffers of pastes apart.
static PASTES: AtomicU64 = AtomicU64::new(0);

/// A tmux server, running or not, by its socket. Sessions are named whole: a prefix is another session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tmux {
    socket: PathBuf,
}

/// The terminal of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pane {
    /// The process in it.
    pub pid: i32,
    /// That process has ended; its last screen is still there.
    pub dead: bool,
    /// How it ended: its exit code, or 128 + the signal; tmux does not always tell.
    pub dead_status: Option<i32>,
    /// It is being scrolled through (copy mode): keys would not reach the process.
    pub in_mode: bool,
    /// Its width.
    pub cols: u16,
    /// Its height.
    pub rows: u16,
    /// Where its cursor stands, column and row; none where it is hidden.
    pub cursor: Option<(u16, u16)>,
}

/// A key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Enter.
    Enter,
    /// Escape.
    Escape,
    /// Ctrl-C.
    CtrlC,
    /// Ctrl-U.
    CtrlU,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Arrow left.
    Left,
    /// Tab.
    Tab,
    /// Shift-Tab.
    BackTab,
    /// Backspace.
    Backspace,
    /// A character as it is; control characters are left out.
    Char(char),
}

impl Key {
    /// Its name in tmux; a character has none.
    fn name(self) -> Option<&'static str> {
        Some(match self {
            Key::Enter => "Enter",
            Key::Escape => "Escape",
            Key::CtrlC => "C-c",
            Key::CtrlU => "C-u",
            Key::Up => "Up",
            Key::Down => "Down",
            Key::Left => "Left",
            Key::Tab => "Tab",
            Key::BackTab => "BTab",
            Key::Backspace => "BSpace",
            Key::Char(_) => return None,
        })
    }
}

/// What a call came to.
struct Said {
    ok: bool,
    out: String,
    err: String,
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
        let mut said = self.call(&args, None)?;
        // The last session's server may just be leaving.
        for _ in 0..10 {
            if said.ok
                || !["server exited", "lost server", "no server running", "error connecting"].iter().any(|w| said.err.contains(w))
            {
                break;
            }
            pause(Duration::from_millis(50));
            said = self.call(&args, None)?;
        }
        said.wanted("a terminal could not be opened").map(drop)
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
        let said = self.call(&["list-panes", "-t", &target(name), "-F", format].map(str::to_owned), None)?;
        if said.absent() {
            return Ok(None);
        }
        let out = said.wanted("the terminal could not be looked at")?;
        Ok(out.lines().next().and_then(read_pane))
    }

    /// The screen as plain text.
    ///
    /// # Errors
    /// There is no such session.
    pub fn screen(&self, name: &str) -> Result<String> {
        self.call(&["capture-pane", "-p", "-t", &target(name)].map(str::to_owned), None)?.wanted("the screen could not be read")
    }

    /// The screen and what last left it upwards: the note that a program has ended pushes lines off the screen.
    /// Of a program that ends within milliseconds tmux may show nothing.
    ///
    /// # Errors
    /// There is no such session.
    pub fn last_words(&self, name: &str) -> Result<String> {
        self.call(&["capture-pane", "-p", "-S", "-20", "-t", &target(name)].map(str::to_owned), None)?
            .wanted("the screen could not be read")
    }

    /// The screen with its colours (escape sequences), and as many lines above it.
    ///
    /// # Errors
    /// There is no such session.
    pub fn coloured(&self, name: &str, scrollback_lines: u32) -> Result<String> {
        let start = format!("-{scrollback_lines}");
        let start = if scrollback_lines == 0 { "0" } else { &start };
        self.call(&["capture-pane", "-e", "-p", "-S", start, "-t", &target(name)].map(str::to_owned), None)?
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
        self.call(&args.map(str::to_owned), Some(text))?.wanted("the text could not be pasted").map(drop)
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
        self.call(&args, None)?.wanted("the keys could not be sent").map(drop)
    }

    /// Ends scrolling, so that keys reach the process again.
    ///
    /// # Errors
    /// There is no such session.
    pub fn leave_copy_mode(&self, name: &str) -> Result<()> {
        self.call(&["copy-mode", "-q", "-t", &target(name)].map(str::to_owned), None)?
            .wanted("copy mode could not be left")
            .map(drop)
    }

    /// Ends a session and the process in it. One that is not there is ended.
    ///
    /// # Errors
    /// tmux refused or does not answer.
    pub fn kill(&self, name: &str) -> Result<()> {
        let said = self.call(&["kill-session".to_owned(), "-t".to_owned(), format!("={name}")], None)?;
        if said.absent() { Ok(()) } else { said.wanted("the terminal could not be closed").map(drop) }
    }

    /// Ends the server with all its sessions. One that does not run is ended.
    ///
    /// # Errors
    /// tmux refused or does not answer.
    pub fn kill_server(&self) -> Result<()> {
        let said = self.call(&["kill-server".to_owned()], None)?;
        if said.absent() { Ok(()) } else { said.wanted("the terminals could not be closed").map(drop) }
    }

    /// The names of all sessions; none where no server runs.
    ///
    /// # Errors
    /// tmux does not answer.
    pub fn sessions(&self) -> Result<Vec<String>> {
        let said = self.call(&["list-sessions", "-F", "#{session_name}"].map(str::to_owned), None)?;
        if said.absent() {
            return Ok(Vec::new());
        }
        Ok(said.wanted("the terminals could not be listed")?.lines().map(str::to_owned).collect())
    }

    /// One call of the program, ended where it takes too long.
    fn call(&self, args: &[String], stdin: Option<&str>) -> Result<Said> {
        let program = exec::find_on_path("tmux")
            .ok_or_else(|| Error::Internal("tmux is not installed: install it, or set driver = \"headless\"".to_owned()))?;
        if self.socket.as_os_str().len() > SOCKET_MAX {
            return Err(Error::Internal(format!(
                "the path of the terminals' socket is longer than {SOCKET_MAX} bytes ({}): choose a data folder with a shorter path, \
                 or set driver = \"headless\"",
                self.socket.display()
            )));
        }
        let mut command = Command::new(program);
        command.arg("-u").arg("-S").arg(&self.socket).args(["-f", "/dev/null"]).args(args);
        // Whatever starts the server gives it its environment: nothing of ours but this.
        command.env_clear().env("LANG", "C.UTF-8").env("TERM", "screen-256color");
        for name in ["PATH", "HOME", "USER"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        let bounds = Bounds { time: LIMIT, held_open: LIMIT, output: OUTPUT_MAX, leave_nothing: false };
        match exec::run(command, stdin, bounds) {
            Ok(done) if !done.held => Ok(Said {
                ok: done.status.success(),
                out: String::from_utf8_lossy(&done.stdout).into_owned(),
                err: String::from_utf8_lossy(&done.stderr).trim().to_owned(),
            }),
            Ok(_) | Err(ExecFault::TimedOut(_)) => Err(Error::Busy("tmux does not answer".to_owned())),
            Err(ExecFault::NotStarted(e) | ExecFault::Lost(e)) => Err(Error::Internal(format!("tmux could not be started: {e}"))),
        }
    }
}

impl Said {
    /// There is no such session, or no server at all.
    fn absent(&self) -> bool {
        let words = ["can't find", "no server running", "error connecting", "server exited", "lost server", "no current"];
        !self.ok && words.iter().any(|w| self.err.contains(w))
    }

    fn wanted(self, what: &str) -> Result<String> {
        if self.ok { Ok(self.out) } else { Err(Error::Internal(format!("{what}: tmux says {:?}", self.err))) }
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

fn read_pane(line: &str) -> Option<Pane> {
    let field: Vec<&str> = line.splitn(10, '|').collect();
    let [pid, dead, status, signal, mode, cols, rows, cursor, x, y] = field.as_slice() else { return None };
    let signal = signal.parse::<i32>().ok().filter(|s| *s > 0).map(|s| 128 + s);
    Some(Pane {
        pid: pid.parse().ok()?,
        dead: *dead == "1",
        dead_status: signal.or_else(|| status.parse().ok()),
        in_mode: !matches!(*mode, "" | "0"),
        cols: cols.parse().ok()?,
        rows: rows.parse().ok()?,
        cursor: (*cursor == "1").then(|| Some((x.parse().ok()?, y.parse().ok()?))).flatten(),
    })
}

#[cfg(test)]
#[path = "tmux_tests.rs"]
mod tests;

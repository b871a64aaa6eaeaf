//! The server as a process: started, waited for, killed, ended.

use super::{EXE, Live};
use crate::support::wait::{STEP, until, until_ms};
use mission_control::base::clock::{Clock, SystemClock, pause};
use mission_control::config::data_dir::Local;
use mission_control::drivers::supervise::run_dir::MARKER;
use mission_control::drivers::supervise::stop;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Output, Stdio};
use std::time::Duration;

impl Live {
    /// A command of the program on this data folder.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(EXE);
        command
            .args(args)
            .arg("--data")
            .arg(self.data())
            .arg("--workspace")
            .arg(self.root.join("workspace"))
            .arg("--config")
            .arg(self.root.join("config.toml"))
            .stdin(Stdio::null());
        for name in ["MC_URL", "MC_TOKEN", "MC_TICKET", MARKER] {
            command.env_remove(name);
        }
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the program starts")
    }

    /// Starts the server process, without waiting for anything.
    pub fn spawn(&mut self) -> u32 {
        assert!(self.child.is_none(), "one at a time");
        let log = fs::OpenOptions::new().create(true).append(true).open(self.root.join("server.log")).expect("a log");
        let out = log.try_clone().expect("a second handle");
        let mut command = self.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.stdout(out).stderr(log).envs(self.variables.iter().map(|(k, v)| (k, v)));
        let child = command.spawn().expect("the server starts");
        let pid = child.id();
        self.child = Some(child);
        pid
    }

    /// Waits until the server that was spawned says where it is.
    pub fn wait_ready(&mut self) {
        assert!(self.comes_up(), "the server ended at once\n{}", tail(&self.root));
    }

    /// As [`Live::wait_ready`]; false where it has ended instead.
    pub fn comes_up(&mut self) -> bool {
        let path = self.data().join("local.json");
        let pid = self.pid();
        let found = until("the server's address", || {
            if self.is_over() {
                return Some(None);
            }
            let local: Local = serde_json::from_str(&fs::read_to_string(&path).ok()?).ok()?;
            (local.pid == pid).then_some(Some(local))
        });
        self.local = found;
        self.local.is_some()
            && until("the server's answer", || match self.try_get("/api/v1/health") {
                Some(answer) => (answer.status == 200).then_some(true),
                None => self.is_over().then_some(false),
            })
    }

    pub fn boot(&mut self) {
        self.spawn();
        self.wait_ready();
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// `kill -9`, and nothing of it is left.
    pub fn kill9(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("it can be killed");
        child.wait().expect("it can be waited for");
        self.local = None;
    }

    /// Waits until the server has ended by itself.
    pub fn ends(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("it runs");
        let status = until("the server's end", || child.try_wait().expect("it can be asked"));
        self.local = None;
        status
    }

    /// Waits until the server has died by SIGKILL, as something inside it wanted.
    pub fn dies(&mut self) {
        let status = self.ends();
        assert_eq!(status.signal(), Some(Signal::SIGKILL as i32), "{status}\n{}", tail(&self.root));
    }

    pub fn restart(&mut self) {
        self.kill9();
        self.boot();
    }

    /// Whether the server has ended by itself.
    pub fn is_over(&mut self) -> bool {
        self.child.as_mut().is_none_or(|c| c.try_wait().expect("it can be asked").is_some())
    }

    /// Whether it said where it is, and was not seen to end.
    #[cfg(feature = "faults")]
    pub fn is_up(&self) -> bool {
        self.local.is_some()
    }

    /// A server that has ended by itself is over with.
    pub fn forget(&mut self) {
        if self.is_over() {
            self.child = None;
            self.local = None;
        }
    }

    /// SIGTERM; the exit status and the milliseconds it took.
    pub fn terminate(&mut self) -> (ExitStatus, i64) {
        let mut child = self.child.take().expect("it runs");
        let clock = SystemClock::new();
        signal(child.id(), Signal::SIGTERM);
        let status = until_ms(20_000, "the server's end after SIGTERM", || child.try_wait().expect("it can be asked"));
        self.local = None;
        (status, clock.mono_ms())
    }

    /// One pickup through the command line; the server does it where one runs.
    pub fn tick(&self) {
        let out = self.run(&["tick", "pickup"]);
        assert!(out.status.success(), "tick: {}", String::from_utf8_lossy(&out.stderr));
    }

    /// What the server said.
    pub fn log(&self) -> String {
        fs::read_to_string(self.root.join("server.log")).unwrap_or_default()
    }

    /// The invariants, by the command; the server may run.
    pub fn check(&self) {
        let out = self.run(&["check", "--json"]);
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        let found: Value =
            serde_json::from_str(&text).unwrap_or_else(|e| panic!("check: {e}: {text} {}", String::from_utf8_lossy(&out.stderr)));
        assert_eq!(found["breaches"], serde_json::json!([]), "{}", tail(&self.root));
        assert!(out.status.success());
    }

    /// Leaves the data folder unchecked: the test has broken it on purpose.
    pub fn abandon(mut self) {
        self.end();
        self.tmp = None;
    }

    pub(super) fn end(&mut self) {
        if let Some(mut child) = self.child.take() {
            signal(child.id(), Signal::SIGTERM);
            let clock = SystemClock::new();
            while clock.mono_ms() < 10_000 && child.try_wait().is_ok_and(|s| s.is_none()) {
                pause(STEP);
            }
            let _gone = child.kill();
            let status = child.wait().expect("it can be waited for");
            let panics =
                |log: &str| log.lines().any(|l| l.contains("panicked at") && !l.contains("panicked at src/base/faults.rs"));
            let crashed = status.signal().is_some() || panics(&self.log());
            if !std::thread::panicking() {
                assert!(!crashed, "the server ended by {status}: {}", tail(&self.root));
            }
        }
        for dir in self.run_dirs() {
            let ended = stop::stop_run(&dir, Duration::from_millis(50));
            assert!(ended.verified || std::thread::panicking(), "{} cannot be ended", dir.path().display());
        }
    }
}

/// Sends a signal to a process that this test has started.
pub fn signal(pid: u32, signal: Signal) {
    let _gone = kill(Pid::from_raw(i32::try_from(pid).expect("a pid")), signal);
}

/// The end of the server's log.
pub(super) fn tail(root: &Path) -> String {
    let text = fs::read_to_string(root.join("server.log")).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}

//! A whole Mission Control for one test of the real Claude Code: server process, repository, model stub.

mod machine;
mod requests;
pub mod rows;
mod story;

use self::machine::{config, git, path_without_tmux, pid, repository, serve};
use crate::support::model_stub::ModelStub;
use mission_control::base::clock::{Clock, SystemClock, pause};
use mission_control::drivers::supervise::run_dir::RunDir;
use mission_control::drivers::supervise::stop;
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

const EXE: &str = env!("CARGO_BIN_EXE_mission-control");

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a test may choose.
pub struct Wishes {
    /// How often the agent itself asks the model's service again.
    pub max_retries: u32,
    /// How often Mission Control starts it again.
    pub retry_limit: u32,
    /// The repository has a remote that is one commit behind.
    pub remote: bool,
    /// How long the agent may say nothing.
    pub silence: &'static str,
    /// It logs in as a subscriber does, not by an API key.
    pub subscriber: bool,
    /// Lines of `[orchestrator]`.
    pub orchestrator: &'static str,
    /// tmux is not on the server's PATH.
    pub without_tmux: bool,
}

impl Default for Wishes {
    fn default() -> Self {
        Wishes {
            max_retries: 1,
            retry_limit: 1,
            remote: false,
            silence: "5m",
            subscriber: false,
            orchestrator: "",
            without_tmux: false,
        }
    }
}

/// Everything of one test; nothing of it is left when it is dropped.
pub struct Rig {
    pub model: ModelStub,
    pub repo: PathBuf,
    pub home: PathBuf,
    name: String,
    data: PathBuf,
    server: Child,
    url: String,
    token: String,
    path: String,
    _root: tempfile::TempDir,
}

/// The path of the real program; none where these tests are not asked for, which is said aloud.
pub fn real_cli(test: &str) -> Option<String> {
    let found = std::env::var("MC_REAL_CLI").ok().filter(|p| !p.is_empty());
    if found.is_none() {
        // Not by a print macro: what a test that passes prints that way is never seen.
        let words = format!("SKIPPED: {test}: MC_REAL_CLI does not name a Claude Code (tests/real/run.sh installs one)\n");
        std::io::stderr().write_all(words.as_bytes()).expect("stderr is there");
    }
    found
}

impl Rig {
    /// None where there is no real program: then the test is skipped, aloud.
    pub fn start(test: &str, wishes: &Wishes) -> Option<Rig> {
        let cli = real_cli(test)?;
        let root = tempfile::tempdir().expect("a temporary folder");
        let at = root.path().canonicalize().expect("it is there");
        let (data, repo, home) = (at.join("data"), at.join("repo"), at.join("home"));
        for folder in [&data, &home.join(".claude")] {
            fs::create_dir_all(folder).expect("made");
        }
        repository(&repo, wishes.remote);
        let model = ModelStub::start();
        let config = config(&cli, &model.url(), &repo, &home, wishes);
        fs::write(data.join("config.toml"), config).expect("written");
        let path = if wishes.without_tmux { path_without_tmux(&at) } else { std::env::var("PATH").expect("there is a PATH") };
        let server = serve(&data, &home, &path);
        let name = test.replace(' ', "-");
        let (url, token) = (String::new(), String::new());
        let mut rig = Rig { model, repo, home, name, data, server, url, token, path, _root: root };
        rig.hear();
        Some(rig)
    }

    /// Waits for the server's word of itself.
    fn hear(&mut self) {
        let pid = json!(self.server.id());
        let word: Value = self.until("the server's word of itself", || {
            let word: Value = serde_json::from_str(&fs::read_to_string(self.data.join("local.json")).ok()?).ok()?;
            (word["pid"] == pid).then_some(word)
        });
        self.url = word["url"].as_str().expect("an address").to_owned();
        self.token = word["token"].as_str().expect("a token").to_owned();
    }

    pub fn kill_server(&mut self) {
        self.server.kill().expect("it lives");
        self.server.wait().expect("it is ours");
    }

    pub fn restart_server(&mut self) {
        self.server = serve(&self.data, &self.home, &self.path);
        self.hear();
    }

    /// Waits for what must come; says what the server had to say where it does not.
    pub fn until<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let clock = SystemClock::new();
        while clock.mono_ms() < i64::try_from(PATIENCE.as_millis()).expect("a short time") {
            if let Some(found) = look() {
                return found;
            }
            pause(Duration::from_millis(20));
        }
        let log = fs::read_to_string(self.data.join("server.log")).unwrap_or_default();
        panic!("waited in vain for {what}\n{}\nserver: {log}", self.story());
    }

    /// As [`Rig::until`], for what may take long.
    pub fn until_patiently<T>(&self, what: &str, patience: Duration, mut look: impl FnMut() -> Option<T>) -> T {
        let clock = SystemClock::new();
        while clock.mono_ms() < i64::try_from(patience.saturating_sub(PATIENCE).as_millis()).expect("a short time") {
            if let Some(found) = look() {
                return found;
            }
            pause(Duration::from_millis(50));
        }
        self.until(what, look)
    }

    /// `git` in the repository, or in one of its worktrees.
    pub fn git(&self, at: &Path, args: &[&str]) -> String {
        git(at, args)
    }

    /// Ends whatever still runs, and returns what could not be ended.
    fn end(&mut self) -> Vec<String> {
        let _ = nix::sys::signal::kill(pid(&self.server), nix::sys::signal::Signal::SIGTERM);
        let _ = self.server.wait();
        let mut left = Vec::new();
        if self.data.join("tmux.sock").exists() {
            self.tmux(&["kill-server"]);
        }
        let sessions = fs::read_dir(self.data.join("sessions")).into_iter().flatten().flatten();
        let turns = sessions.filter_map(|s| fs::read_dir(s.path().join("turns")).ok()).flatten().flatten();
        for entry in fs::read_dir(self.data.join("runs")).into_iter().flatten().flatten().chain(turns) {
            let dir = RunDir::open(&entry.path());
            if !stop::stop_run(&dir, Duration::from_millis(100)).verified {
                left.push(entry.path().display().to_string());
            }
        }
        left
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let left = self.end();
        if let Some(folder) = std::env::var_os("MC_REAL_RECORD") {
            self.record(Path::new(&folder));
        }
        assert!(left.is_empty() || std::thread::panicking(), "these runs could not be ended: {left:?}");
    }
}

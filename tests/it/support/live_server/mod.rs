//! The real server as a process of its own: started, killed, started again, looked at from outside.

pub mod agent;
pub mod requests;
pub mod rows;
pub mod start_stop;

use self::agent::Agent;
use self::start_stop::tail;
use mission_control::config::data_dir::Local;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

pub const EXE: &str = env!("CARGO_BIN_EXE_mission-control");

/// A server, its data, its agents. Nothing of it survives the test; what it leaves is checked.
pub struct Live {
    tmp: Option<tempfile::TempDir>,
    root: PathBuf,
    child: Option<Child>,
    local: Option<Local>,
    http: ureq::Agent,
    variables: Vec<(String, String)>,
}

impl Live {
    /// A running server with these agents and so many slots.
    pub fn start(slots: usize, agents: &[Agent]) -> Live {
        Live::start_with(slots, agents, "")
    }

    /// As [`Live::start`], with more lines of `[pickup]`.
    pub fn start_with(slots: usize, agents: &[Agent], pickup: &str) -> Live {
        let mut live = Live::prepare(slots, agents, pickup);
        live.boot();
        live
    }

    /// Everything but the running server.
    pub fn prepare(slots: usize, agents: &[Agent], pickup: &str) -> Live {
        let tmp = tempfile::tempdir().expect("a temporary folder");
        let root = tmp.path().canonicalize().expect("it is there");
        fs::create_dir_all(root.join("workspace")).expect("a workspace");
        fs::write(root.join("workspace/README.md"), "plain\n").expect("a file");
        fs::create_dir_all(root.join("plain")).expect("a plain folder");
        let http = ureq::Agent::config_builder()
            .max_redirects(0)
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(40)))
            .build()
            .into();
        let live = Live { tmp: Some(tmp), root, child: None, local: None, http, variables: Vec::new() };
        live.configure(slots, agents, pickup);
        live
    }

    /// Writes the configuration; in force from the next start.
    pub fn configure(&self, slots: usize, agents: &[Agent], pickup: &str) {
        let quote = |s: &str| serde_json::to_string(s).expect("plain text");
        let pickup =
            if pickup.contains("retry_backoff") { pickup.to_owned() } else { format!("retry_backoff = \"50ms\"\n{pickup}") };
        let mut text = format!("[pickup]\nmax_workers = {slots}\nstop_grace = \"300ms\"\n{pickup}\n");
        // What these agents report is not brought to Luci, who would run on the first of them.
        text += "[orchestrator]\ndigests = false\n";
        if let Some(first) = agents.first() {
            text += &format!("[defaults]\nprofile = {}\n", quote(&first.name));
        }
        for a in agents {
            let mut env = a.env.clone();
            env.entry("AGENT_RECORD".to_owned()).or_insert_with(|| self.root.join("record").display().to_string());
            let env: Vec<String> = env.iter().map(|(k, v)| format!("{k} = {}", quote(v))).collect();
            let command: Vec<String> = a.command.iter().map(|c| quote(c)).collect();
            text += &format!("[profiles.{}]\nruntime = \"claude\"\ncommand = [{}]\n", a.name, command.join(", "));
            text += &format!("env = {{ {} }}\n{}", env.join(", "), a.more);
            if !a.more.contains("concurrency") {
                text += "concurrency = 64\n";
            }
        }
        for a in agents {
            let cwd = a.cwd.clone().unwrap_or_else(|| self.root.join("plain"));
            let (name, cwd) = (quote(&a.name), quote(&cwd.display().to_string()));
            text += &format!("[[projects]]\nname = {name}\nprofile = {name}\ncwd = {cwd}\n");
        }
        fs::write(self.root.join("config.toml"), text).expect("the configuration");
    }

    /// A variable of the server's own environment, from the next start on.
    pub fn variable(&mut self, key: &str, value: &str) {
        self.variables.push((key.to_owned(), value.to_owned()));
    }

    /// Takes a variable away again, from the next start on.
    #[cfg(feature = "faults")]
    pub fn without(&mut self, key: &str) {
        self.variables.retain(|(k, _)| k != key);
    }

    /// Where everything of this test is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    /// A repository with one commit, to be used as a project's folder.
    pub fn repository(root: &Path) -> PathBuf {
        let repo = root.join("repo");
        fs::create_dir_all(&repo).expect("a folder");
        fs::write(repo.join("readme.txt"), "hello\n").expect("a file");
        for args in [
            &["init", "--quiet", "--initial-branch=main"][..],
            &["config", "user.name", "Test"],
            &["config", "user.email", "test@localhost"],
            &["add", "--all"],
            &["-c", "commit.gpgsign=false", "commit", "--quiet", "--message=first"],
        ] {
            let done = Command::new("git").args(args).current_dir(&repo).output().expect("git is there");
            assert!(done.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&done.stderr));
        }
        repo
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if self.tmp.is_none() {
            return;
        }
        self.end();
        if std::thread::panicking() {
            eprintln!("{}", tail(&self.root));
            if std::env::var_os("MC_KEEP").is_some()
                && let Some(tmp) = self.tmp.take()
            {
                eprintln!("kept: {}", tmp.keep().display());
            }
            return;
        }
        if self.database().exists() {
            self.check();
        }
        assert_eq!(self.workers(), [0; 0], "no process of a run is left");
    }
}

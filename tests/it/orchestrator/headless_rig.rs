//! The headless driver with a scripted agent.

use crate::support::live_server::EXE;
use crate::support::luci_rows;
use crate::support::wait::until;
use mission_control::base::clock::SystemClock;
use mission_control::config::data_dir::DataDir;
use mission_control::config::{Config, Flags};
use mission_control::domain::orchestrator::session::{DriverKind, Session};
use mission_control::domain::orchestrator::turn::Turn;
use mission_control::drivers::supervise::run_dir::RunDir;
use mission_control::engine::Engine;
use mission_control::engine::orchestrator::driver::{AgentStatus, Driver, Harvest};
use mission_control::engine::orchestrator::headless::Headless;
use mission_control::store::Store;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

const AGENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/agents/agent.py");
pub const UUID: &str = "2b0c1f6e-6a3e-4d8a-9d51-0f6f5c1f7a10";
pub const BRIEF: &str = "You are Luci\n\nYou look after the board.";

/// An engine with one profile per mode of the scripted agent, and a session.
pub struct Rig {
    pub tmp: tempfile::TempDir,
    pub engine: Engine,
    pub session: Session,
    pub driver: Headless,
    pub turns: i64,
}

impl Rig {
    pub fn new(mode: &str) -> Rig {
        let tmp = tempfile::tempdir().expect("a temporary folder");
        let root = tmp.path().canonicalize().expect("it is there");
        fs::create_dir(root.join("workspace")).expect("a workspace");
        let python =
            ["/usr/bin/python3", "/usr/local/bin/python3"].into_iter().find(|p| fs::metadata(p).is_ok()).unwrap_or("python3");
        let text = format!(
            "[pickup]\nstop_grace = \"300ms\"\n[profiles.scripted]\nruntime = \"claude\"\ncommand = [{python:?}, \"-S\", \"-E\", {AGENT:?}, {mode:?}]\n\
             env = {{ AGENT_RECORD = {:?}, REPLY_FILE = {:?} }}\n{}",
            root.join("record"),
            root.join("reply"),
            if mode == "linger" { "exit_grace = \"50ms\"\n" } else { "" }
        );
        fs::write(root.join("config.toml"), text).expect("a configuration");
        let flags = Flags {
            data: Some(root.join("data")),
            workspace: Some(root.join("workspace")),
            config: Some(root.join("config.toml")),
            ..Flags::default()
        };
        let config = Arc::new(Config::load(&flags, &|_| None, &|_| None).expect("the configuration is good"));
        let data = DataDir::open(&config.data).expect("a data folder");
        let store = Store::open(&data.database(), Arc::new(SystemClock::new())).expect("a store");
        let profile = if mode == "demo" { "demo" } else { "scripted" };
        let session = luci_rows::open(&store, DriverKind::Headless, profile, UUID, BRIEF, &data.sessions());
        let engine = Engine::new(store, config, data, PathBuf::from(EXE), "http://127.0.0.1:1".to_owned());
        let driver = driver(&root);
        Rig { tmp, engine, session, driver, turns: 0 }
    }

    /// Another server: all that the driver remembered is gone.
    pub fn restart(&mut self) {
        self.driver = driver(&self.tmp.path().canonicalize().expect("it is there"));
    }

    pub fn turn(&mut self, message: &str) -> Turn {
        self.turns += 1;
        luci_rows::claimed(&self.session, self.turns, &format!("n{}x", self.turns), message)
    }

    pub fn dir(&self, turn: &Turn) -> RunDir {
        let nonce = turn.nonce.as_deref().expect("claimed");
        RunDir::open(&PathBuf::from(&self.session.dir).join(format!("turns/{}-{nonce}", turn.id)))
    }

    pub fn send(&self, turn: &Turn) {
        self.driver.send(&self.engine, &self.session, turn, &mut || Ok(())).expect("it goes out");
    }

    pub fn harvest(&self, turn: &Turn) -> Harvest {
        self.driver.harvest(&self.engine, &self.session, turn).expect("it can be found out")
    }

    pub fn look(&self) -> AgentStatus {
        self.driver.status(&self.engine, &self.session).expect("it can be found out")
    }

    /// Waits for the turn's end.
    pub fn fate(&self, turn: &Turn) -> Harvest {
        until("the turn's end", || match self.harvest(turn) {
            Harvest::Working { .. } | Harvest::NotSeen | Harvest::Asks(_) => None,
            over @ (Harvest::NeverCame | Harvest::Answered { .. } | Harvest::Failed { .. } | Harvest::Interrupted { .. }) => {
                Some(over)
            }
        })
    }

    pub fn ask(&mut self, message: &str) -> Harvest {
        let turn = self.turn(message);
        self.send(&turn);
        self.fate(&turn)
    }

    pub fn answer(&mut self, message: &str) -> String {
        match self.ask(message) {
            Harvest::Answered { text, .. } => text,
            other => panic!("no answer: {other:?}"),
        }
    }

    /// What the scripted agent saw at each of its starts.
    pub fn starts(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.tmp.path().join("record")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).expect("a record")).collect()
    }

    pub fn says(&self, turn: &Turn, words: &str) {
        let log = self.dir(turn).file("stream.log");
        until(words, || fs::read_to_string(&log).is_ok_and(|text| text.contains(words)).then_some(()));
    }

    /// `kill -9` of the agent, as the kernel does it when memory runs out.
    pub fn kill_agent(&self, turn: &Turn) {
        let dir = self.dir(turn);
        let pid = until("the agent", || dir.pids()?.agent_pid);
        kill(Pid::from_raw(pid), Signal::SIGKILL).expect("it was there");
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let stopped = self.driver.stop(&self.engine, &self.session);
        assert!(stopped.is_ok() || std::thread::panicking(), "{stopped:?}");
    }
}

pub fn driver(root: &std::path::Path) -> Headless {
    let state = root.join("demo-state").display().to_string();
    Headless::new(Box::new(move |_, session| {
        Ok(BTreeMap::from([
            ("MC_DEMO_STATE".to_owned(), state.clone()),
            ("MC_DEMO_PACE_MS".to_owned(), "0".to_owned()),
            ("MC_SESSION_DIR".to_owned(), session.dir.clone()),
        ]))
    }))
}

pub fn failure(harvest: Harvest) -> (String, Option<String>, bool) {
    match harvest {
        Harvest::Failed { why, partial, session_lost, .. } => (why, partial, session_lost),
        other => panic!("no failure: {other:?}"),
    }
}

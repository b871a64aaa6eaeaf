//! A session in a terminal for tests of the tmux driver: engine, driver and terminals of its own, no server.

use crate::support::app::program;
use crate::support::luci_rows;
use mission_control::base::clock::{Clock, SystemClock, pause};
use mission_control::config::data_dir::DataDir;
use mission_control::config::{Config, Flags};
use mission_control::domain::orchestrator::session::{DriverKind, LUCI, Session};
use mission_control::domain::orchestrator::turn::{Turn, TurnState};
use mission_control::drivers::tmux::Tmux;
use mission_control::engine::Engine;
use mission_control::engine::orchestrator::driver::{AgentStatus, ConversationStart, Driver, Harvest, NotSent};
use mission_control::engine::orchestrator::environment;
use mission_control::engine::orchestrator::tmux_driver::TmuxDriver;
use mission_control::store::Store;
use std::cell::Cell;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How long anything may take before a test gives up.
const PATIENCE_MS: i64 = 40_000;

/// Everything of one test; nothing of it is left when it is dropped.
pub struct LuciRig {
    pub engine: Engine,
    pub driver: TmuxDriver,
    pub session: Session,
    pub tmux: Tmux,
    turns: Cell<i64>,
    root: tempfile::TempDir,
}

impl LuciRig {
    /// A session on the profile of this configuration's `[profiles.luci]`, or on the demo agent. Its agent is not
    /// started. `{root}` stands for a folder of the test's own.
    pub fn new(toml: &str) -> LuciRig {
        LuciRig::brief(toml, "You are Luci, as tests have her.")
    }

    /// As [`LuciRig::new`], with what the agent is told beyond the turns.
    pub fn brief(toml: &str, brief: &str) -> LuciRig {
        let root = tempfile::tempdir().expect("a temporary folder");
        let data = DataDir::open(&root.path().join("data")).expect("a data folder");
        let toml = toml.replace("{root}", &root.path().display().to_string());
        std::fs::write(data.path().join("config.toml"), &toml).expect("a configuration");
        let flags = Flags { data: Some(data.path().to_owned()), listen: Some("127.0.0.1:0".into()), ..Flags::default() };
        let config = Arc::new(Config::load(&flags, &|_| None, &|_| None).expect("the configuration is good"));
        std::fs::create_dir_all(&config.workspace).expect("a workspace");
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let store = Store::open(&data.database(), clock).expect("a store");
        let profile = if toml.contains("[profiles.luci]") { "luci" } else { "demo" };
        let agent = mission_control::base::random::uuid();
        let session = luci_rows::open(&store, DriverKind::Tmux, profile, &agent, brief, &data.sessions());
        let tmux = Tmux::at(&data.tmux_socket());
        let engine = Engine::new(store, config, data, program(), "http://127.0.0.1:9".to_owned());
        LuciRig { engine, driver: fresh_driver(), session, tmux, turns: Cell::new(0), root }
    }

    /// Its agent is up and ready.
    pub fn started(self, how: ConversationStart) -> LuciRig {
        self.start(how);
        self.until_ready();
        self
    }

    /// Starts the agent.
    pub fn start(&self, how: ConversationStart) {
        let started = self.driver.start(&self.engine, &self.session, how).expect("it starts");
        assert!(started.is_some(), "a process stays");
    }

    /// Everything that was held in memory is forgotten, as after a restart of the server.
    pub fn forget(&mut self) {
        self.driver = fresh_driver();
    }

    pub fn dir(&self) -> PathBuf {
        PathBuf::from(&self.session.dir)
    }

    pub fn look(&self) -> AgentStatus {
        self.driver.status(&self.engine, &self.session).expect("it can be looked at")
    }

    pub fn until_ready(&self) {
        self.until("a ready session", || (self.look() == AgentStatus::Ready).then_some(()));
    }

    /// A turn as the orchestrator has claimed it.
    pub fn turn(&self, message: &str) -> Turn {
        self.turns.set(self.turns.get() + 1);
        let nonce = format!("{:08x}", mission_control::base::random::u32());
        Turn { state: TurnState::Sent, ..luci_rows::claimed(&self.session, self.turns.get(), &nonce, message) }
    }

    /// Puts a turn to the agent; how often it was told that there is no way back.
    pub fn try_send(&self, turn: &Turn) -> (Result<(), NotSent>, u32) {
        let mut told = 0;
        let mut sending = || {
            told += 1;
            Ok(())
        };
        let sent = self.driver.send(&self.engine, &self.session, turn, &mut sending);
        (sent, told)
    }

    /// Puts a turn to the agent, which takes it. As its supervisor does: once more where a picture that was still being
    /// drawn said not now.
    pub fn put(&self, turn: &Turn) {
        let sent = self.until("it to be typed", || match self.try_send(turn) {
            (Err(NotSent::NotNow(_)), 0) => None,
            sent => Some(sent),
        });
        assert_eq!(sent, (Ok(()), 1), "{}", self.screen());
    }

    /// Puts a message to the agent, which takes it.
    pub fn send(&self, message: &str) -> Turn {
        let turn = self.turn(message);
        self.put(&turn);
        turn
    }

    pub fn harvest(&self, turn: &Turn) -> Harvest {
        self.driver.harvest(&self.engine, &self.session, turn).expect("it can be harvested")
    }

    /// What becomes of a turn in the end.
    pub fn end(&self, turn: &Turn) -> Harvest {
        self.until("the turn's end", || match self.harvest(turn) {
            Harvest::NotSeen | Harvest::NeverCame | Harvest::Working { .. } | Harvest::Asks(_) => None,
            end @ (Harvest::Answered { .. } | Harvest::Failed { .. } | Harvest::Interrupted { .. }) => Some(end),
        })
    }

    /// The reply to a message.
    pub fn ask(&self, message: &str) -> String {
        let turn = self.send(message);
        match self.end(&turn) {
            Harvest::Answered { text, .. } => text,
            other => panic!("{other:?}\n{}", self.screen()),
        }
    }

    pub fn screen(&self) -> String {
        self.tmux.last_words(LUCI).unwrap_or_default()
    }

    /// The agent's process.
    pub fn pid(&self) -> i32 {
        self.tmux.pane(LUCI).expect("tmux answers").expect("a terminal").pid
    }

    /// Waits for what must come; shows the screen where it does not.
    pub fn until<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let clock = SystemClock::new();
        while clock.mono_ms() < PATIENCE_MS {
            if let Some(found) = look() {
                return found;
            }
            pause(Duration::from_millis(15));
        }
        let hooks = std::fs::read_to_string(self.dir().join("hooks.jsonl")).unwrap_or_default();
        let hooks: String = hooks.lines().map(|l| l.chars().take(300).chain(['\n']).collect::<String>()).collect();
        panic!("waited in vain for {what}\nlook: {:?}\n{}\nhooks:\n{hooks}", self.look(), self.screen());
    }
}

fn fresh_driver() -> TmuxDriver {
    TmuxDriver::new(Box::new(environment::of))
}

impl Drop for LuciRig {
    fn drop(&mut self) {
        let stopped = self.driver.stop(&self.engine, &self.session);
        let ended = self.tmux.kill_server();
        if !std::thread::panicking() {
            stopped.expect("nothing of it is left");
            ended.expect("its terminals are closed");
            assert!(self.root.path().exists());
        }
    }
}

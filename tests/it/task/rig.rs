//! A workspace with tasks, a clock that the test sets, and an engine that ticks when it is told to.

use chrono::DateTime;
use mission_control::base::clock::{Clock, SystemClock, pause};
use mission_control::config::data_dir::DataDir;
use mission_control::config::{Config, Flags};
use mission_control::domain::task::{TaskRun, TaskRunState};
use mission_control::domain::time::Time;
use mission_control::engine::system::check;
use mission_control::engine::{Engine, task};
use mission_control::store::Store;
use mission_control::store::task::tasks::TaskRow;
use mission_control::store::task::{task_runs, tasks};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// A clock that stands until it is set.
pub struct Hands {
    pub now: AtomicI64,
    pub mono: AtomicI64,
}

impl Clock for Hands {
    fn now(&self) -> Time {
        Time(self.now.load(Ordering::SeqCst))
    }

    fn mono_ms(&self) -> i64 {
        self.mono.load(Ordering::SeqCst)
    }
}

/// A moment.
pub fn at(text: &str) -> Time {
    Time(DateTime::parse_from_rfc3339(text).expect("a time").timestamp_millis())
}

/// A data folder, a workspace with tasks, a clock in our hands, and an engine that ticks when it is told to.
pub struct Rig {
    pub engine: Arc<Engine>,
    pub hands: Arc<Hands>,
    toml: String,
    pub dir: tempfile::TempDir,
}

impl Rig {
    /// As configured, at this moment.
    pub fn new(toml: &str, now: &str) -> Rig {
        let dir = tempfile::tempdir().expect("a temp dir");
        let hands = Arc::new(Hands { now: AtomicI64::new(at(now).0), mono: AtomicI64::new(1_000_000) });
        let engine = engine(&dir, toml, hands.clone());
        std::fs::create_dir_all(engine.config.tasks()).expect("a folder for tasks");
        Rig { engine, hands, toml: toml.to_owned(), dir }
    }

    /// The server ends and another begins: nothing of its memory stays.
    pub fn restart(&mut self) {
        self.engine = engine(&self.dir, &self.toml, self.hands.clone());
    }

    /// Writes a task's file, whole.
    pub fn task(&self, file: &str, front: &str, body: &str) {
        let path = self.engine.config.tasks().join(file);
        let temp = path.with_extension("tmp");
        std::fs::write(&temp, format!("---\n{front}\n---\n{body}\n")).expect("written");
        std::fs::rename(temp, path).expect("moved");
    }

    /// Time passes.
    pub fn pass(&self, ms: i64) {
        self.hands.now.fetch_add(ms, Ordering::SeqCst);
        self.hands.mono.fetch_add(ms.max(0), Ordering::SeqCst);
    }

    /// The wall clock is put elsewhere; no time passes.
    pub fn jump(&self, to: &str) {
        self.hands.now.store(at(to).0, Ordering::SeqCst);
    }

    pub fn tick(&self) {
        task::tick(&self.engine).expect("a tick");
    }

    /// Ticks until something is so; real time passes in between.
    pub fn until(&self, what: &str, mut so: impl FnMut() -> bool) {
        let clock = SystemClock::new();
        loop {
            self.tick();
            if so() {
                return;
            }
            assert!(clock.mono_ms() < 60_000, "waited in vain: {what}; {:?}", self.engine.store.read(task_runs::live));
            pause(Duration::from_millis(10));
        }
    }

    pub fn row(&self, name: &str) -> TaskRow {
        self.engine.store.read(|c| tasks::by_name(c, name)).expect("a task")
    }

    /// All runs of a task, oldest first.
    pub fn runs(&self, name: &str) -> Vec<TaskRun> {
        let mut found = self.engine.store.read(|c| task_runs::of_task(c, name, None, 100_000)).expect("readable");
        found.reverse();
        found
    }

    /// The states of its runs, oldest first.
    pub fn states(&self, name: &str) -> Vec<TaskRunState> {
        self.runs(name).into_iter().map(|r| r.state).collect()
    }

    /// Runs a task by hand and waits until it is over.
    pub fn by_hand(&self, name: &str) -> TaskRun {
        let id = self.begin_by_hand(name);
        self.until("the run's end", || !self.run(id.id.0).state.is_live());
        self.run(id.id.0)
    }

    /// Runs a task by hand.
    pub fn begin_by_hand(&self, name: &str) -> TaskRun {
        self.tick();
        let (name, zone) = (name.to_owned(), self.engine.config.scheduler.timezone.clone());
        let actor = mission_control::domain::actor::Actor::System;
        self.engine.store.write(move |tx| task_runs::run_by_hand(tx, &name, &zone, &actor)).expect("it may run")
    }

    pub fn run(&self, id: i64) -> TaskRun {
        self.engine.store.read(|c| task_runs::get(c, mission_control::domain::ids::TaskRunId(id))).expect("a run")
    }

    pub fn due_times(&self, name: &str) -> Vec<Time> {
        let mut times: Vec<Time> = self.runs(name).into_iter().filter_map(|r| r.due_at).collect();
        times.sort();
        times
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let live = self.engine.store.read(task_runs::live).unwrap_or_default();
        for run in live.iter().filter_map(|r| r.run_dir.as_deref()) {
            let dir = mission_control::drivers::supervise::run_dir::RunDir::open(run.as_ref());
            let _ended = mission_control::drivers::supervise::stop::stop_run(&dir, Duration::from_millis(100));
        }
        if !std::thread::panicking() {
            let found = check::check(&self.engine.store, 64).expect("checkable");
            assert!(found.is_empty(), "broken invariants: {found:?}");
        }
    }
}

pub fn engine(dir: &tempfile::TempDir, toml: &str, hands: Arc<Hands>) -> Arc<Engine> {
    let data = DataDir::open(&dir.path().join("data")).expect("a data folder");
    std::fs::write(data.path().join("config.toml"), toml).expect("a configuration");
    let flags = Flags { data: Some(data.path().to_owned()), listen: Some("127.0.0.1:0".into()), ..Flags::default() };
    let config = Arc::new(Config::load(&flags, &|_| None, &|_| None).expect("the configuration is good"));
    let store = Store::open(&data.database(), hands).expect("a store");
    let exe = PathBuf::from(env!("CARGO_BIN_EXE_mission-control"));
    Arc::new(Engine::new(store, config, data, exe, "http://127.0.0.1:1".to_owned()))
}

pub fn edit_file(rig: &Rig, file: &str, hash: &str, text: &str) -> mission_control::base::error::Result<()> {
    let config = &rig.engine.config;
    mission_control::drivers::task_file::edit(&config.tasks(), file, &config.scheduler.timezone, hash, text)
}

pub const NOON: &str = "2026-11-21T12:00:30Z";
pub const FOUR: &str = "[scheduler]\nmax_running = 4\ntimezone = \"UTC\"\n[pickup]\nstop_grace = \"500ms\"\n";

pub fn sh(script: &str) -> String {
    format!("command: {}", serde_json::json!(["sh", "-c", script]))
}

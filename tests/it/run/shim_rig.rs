//! A real shim with a small shell script as its agent.

use mission_control::base::clock::{Clock, SystemClock, pause};
use mission_control::domain::run::ExitRecord;
use mission_control::drivers::supervise::run_dir::{RunDir, RunSpec};
use mission_control::drivers::supervise::shim::spawn_shim;
use mission_control::drivers::supervise::stop;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

pub const EXE: &str = env!("CARGO_BIN_EXE_mission-control");

/// A run folder with an agent that is a shell script; nothing of it survives the test.
pub struct Rig {
    pub tmp: tempfile::TempDir,
    pub spec: RunSpec,
    pub dir: RunDir,
}

impl Rig {
    pub fn new(script: &str, change: impl FnOnce(&mut RunSpec)) -> Rig {
        let tmp = tempfile::tempdir().expect("a temporary folder");
        let root = tmp.path().to_path_buf();
        Rig::at(tmp, &root, script, change)
    }

    pub fn at(tmp: tempfile::TempDir, root: &Path, script: &str, change: impl FnOnce(&mut RunSpec)) -> Rig {
        let mut spec = RunSpec {
            run: 41,
            ticket: "MC-7".to_owned(),
            argv: ["sh", "-c", script].map(str::to_owned).to_vec(),
            cwd: root.to_path_buf(),
            env: BTreeMap::new(),
            env_from: Vec::new(),
            raw_log: root.join("raw.log"),
            log_cap: 1 << 20,
            wall_clock_ms: 60_000,
            silence_ms: 60_000,
            stop_grace_ms: 300,
            oom_score_adj: 600,
        };
        change(&mut spec);
        let dir = RunDir::create(&root.join("run"), &spec, "Fix the login page.\n").expect("a run folder");
        Rig { tmp, spec, dir }
    }

    pub fn launch(&self) -> i32 {
        let pid = spawn_shim(Path::new(EXE), &self.dir).expect("a shim");
        i32::try_from(pid).expect("a pid")
    }

    pub fn raw(&self) -> String {
        fs::read_to_string(&self.spec.raw_log).unwrap_or_default()
    }

    /// Waits for the run's end.
    pub fn exit(&self) -> ExitRecord {
        until("exit record", || self.dir.exit());
        until("free lock", || (!self.dir.is_alive()).then_some(()));
        self.dir.exit().expect("it was there a moment ago")
    }

    /// Launches and waits for the end.
    pub fn play(&self) -> ExitRecord {
        self.launch();
        self.exit()
    }

    /// Waits until the agent has said so much.
    pub fn says(&self, text: &str) {
        until(text, || self.raw().contains(text).then_some(()));
    }

    /// A number that the agent has written to a file.
    pub fn number(&self, file: &str) -> i32 {
        until(file, || fs::read_to_string(self.tmp.path().join(file)).ok()?.trim().parse().ok())
    }

    pub fn agent(&self) -> (i32, u64) {
        until("agent pid", || {
            let pids = self.dir.pids()?;
            Some((pids.agent_pid?, pids.agent_start?))
        })
    }

    pub fn nobody_is_left(&self) {
        assert_eq!(stop::leftovers(&self.dir), [0; 0]);
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let ended = stop::stop_run(&self.dir, Duration::from_millis(10));
        assert!(ended.verified || std::thread::panicking());
    }
}

/// Waits for something that must come.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let clock = SystemClock::new();
    while clock.mono_ms() < 20_000 {
        if let Some(found) = look() {
            return found;
        }
        pause(Duration::from_millis(5));
    }
    panic!("waited in vain for: {what}");
}

/// Writes its own pid to a file and stays, deaf to SIGTERM.
pub fn deaf(file: &str) -> String {
    format!("sh -c 'trap \"\" TERM; echo $$ > {file}.new; mv {file}.new {file}; while :; do sleep 1; done'")
}

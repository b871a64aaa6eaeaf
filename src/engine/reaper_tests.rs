//! The reaper over processes that are played, on a clock that a test turns.

use super::*;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Flags};
use crate::data_dir::DataDir;
use crate::domain::actor::Actor;
use crate::domain::ids::{NoticeId, RunId};
use crate::domain::run::FailureCode;
use crate::domain::ticket::{Status, Title};
use crate::domain::time::Time;
use crate::process::Ended;
use crate::run_dir::{PidRecord, RunSpec};
use crate::shim::Keeper;
use crate::store::Store;
use crate::store::runs::LaunchMark;
use crate::store::tickets::NewTicket;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::thread::JoinHandle;

/// The real clock, ahead by as much as a test says.
struct Turned(SystemClock, Arc<AtomicI64>);

impl Clock for Turned {
    fn now(&self) -> Time {
        self.0.now().plus_ms(self.1.load(Ordering::SeqCst))
    }

    fn mono_ms(&self) -> i64 {
        self.0.mono_ms() + self.1.load(Ordering::SeqCst)
    }
}

/// How often a shim was asked to end its run, and how often both were ended.
#[derive(Clone, Default)]
struct Played {
    asked: Arc<AtomicUsize>,
    ended: Arc<AtomicUsize>,
}

impl Keeper for Played {
    fn start(&self, _: &Path, _: &RunDir) -> io::Result<()> {
        Ok(())
    }

    fn ask_to_stop(&self, _: &RunDir) -> bool {
        self.asked.fetch_add(1, Ordering::SeqCst);
        true
    }

    fn stop(&self, _: &RunDir, _: Duration) -> Ended {
        self.ended.fetch_add(1, Ordering::SeqCst);
        Ended { strays: 0, verified: true }
    }

    fn beside(&self, _: &str, work: Box<dyn FnOnce() + Send>) -> io::Result<Option<JoinHandle<()>>> {
        work();
        Ok(None)
    }

    fn pause(&self, _: Duration) {}
}

struct Stage {
    engine: Engine,
    played: Played,
    ahead: Arc<AtomicI64>,
    run: RunId,
    dir: RunDir,
    _tmp: tempfile::TempDir,
}

impl Stage {
    /// A run that is at work, as its folder says.
    fn at_work() -> Stage {
        let tmp = tempfile::tempdir().expect("a folder");
        let flags = Flags { data: Some(tmp.path().join("data")), ..Flags::default() };
        let config = Config::load(&flags, &|_| None, &|_| None).expect("good");
        let data = DataDir::open(&config.data).expect("made");
        let ahead = Arc::new(AtomicI64::new(0));
        let store = Store::open(&data.database(), Arc::new(Turned(SystemClock::new(), ahead.clone()))).expect("opened");
        let config = Arc::new(config);
        let played = Played::default();
        let path = data.runs().join("1-1");
        let log = tmp.path().join("raw.log");
        std::fs::write(&log, "").expect("a log");
        let (rules, mark) =
            (config.clone(), LaunchMark { run_dir: path.display().to_string(), raw_log: log.display().to_string() });
        let run = store.write(move |tx| {
            let new = NewTicket { status: Status::Todo, ..NewTicket::titled(Title::stored("one".to_owned())) };
            let ticket = lifecycle::create_started(tx, &new, &Actor::System, &*rules)?;
            let run = ticket.run.expect("it is started");
            runs::take_launch(tx, run, |_| mark.clone())?;
            Ok(run)
        });
        let spec = RunSpec {
            run: 1,
            ticket: "MC-1".to_owned(),
            argv: vec!["true".to_owned()],
            cwd: PathBuf::from("/"),
            env: std::collections::BTreeMap::new(),
            env_from: Vec::new(),
            raw_log: log,
            log_cap: 0,
            wall_clock_ms: 0,
            silence_ms: 0,
            stop_grace_ms: 0,
            oom_score_adj: 0,
        };
        let dir = RunDir::create(&path, &spec, "do it").expect("made");
        dir.begin("shim 1").expect("begun");
        let boot = crate::process::boot_id();
        dir.set_pids(&PidRecord { shim_pid: 1, shim_start: 1, agent_pid: Some(1), agent_start: Some(1), pgid: Some(1), boot })
            .expect("written");
        let engine = Engine::new(store, config, data, "/nonexistent".into(), "http://127.0.0.1:1".to_owned());
        let engine = engine.kept_by(Box::new(played.clone()));
        let stage = Stage { engine, played, ahead, run: run.expect("made"), dir, _tmp: tmp };
        let run = stage.run();
        note_start(&stage.engine, &run, &stage.dir).expect("seen");
        stage
    }

    fn run(&self) -> Run {
        self.engine.store.read(|c| runs::get(c, self.run)).expect("there")
    }

    fn later(&self, ms: i64) {
        self.ahead.fetch_add(ms, Ordering::SeqCst);
        tick(&self.engine).expect("looked");
    }

    /// How often the owner was told of it.
    fn told(&self) -> usize {
        let told = |id| self.engine.store.read(|c| notifications::get(c, NoticeId(id)));
        (1..9).filter_map(|id| told(id).ok()).filter(|notice| notice.notice.key.starts_with("late:")).count()
    }
}

#[test]
fn a_shim_that_does_not_end_its_run_is_ended_with_it() {
    let stage = Stage::at_work();
    let held = stage.dir.lock().expect("a shim lives");
    let ticket = stage.run().ticket;
    stage.engine.store.write(move |tx| lifecycle::stop(tx, ticket, None, &Actor::System)).expect("asked");
    stage.later(0);
    stage.later(HANGS_MS / 2);
    assert_eq!((stage.played.asked.load(Ordering::SeqCst), stage.played.ended.load(Ordering::SeqCst)), (2, 0));
    stage.later(HANGS_MS);
    assert_eq!(stage.played.ended.load(Ordering::SeqCst), 1, "it hangs");
    drop(held);
    stage.later(0);
    assert!(!stage.run().state.is_live(), "and the run is over");
}

#[test]
fn a_log_that_cannot_be_read_is_told_and_does_not_keep_a_run_from_its_end_for_ever() {
    let stage = Stage::at_work();
    let log = PathBuf::from(stage.run().raw_log.expect("it has one"));
    std::fs::remove_file(&log).expect("it was there");
    std::fs::create_dir(&log).expect("no file any more");
    stage.later(0);
    stage.later(TELL_MS / 2);
    assert_eq!((stage.run().state, stage.told()), (RunState::Running, 0), "it may be read again");
    stage.later(TELL_MS);
    stage.later(SELDOM_MS + 1);
    assert_eq!(stage.told(), 1, "once");
    stage.later(UNREADABLE_MS);
    let run = stage.run();
    assert_eq!((run.state, run.failure.map(|f| f.code)), (RunState::Failed, Some(FailureCode::LogLost)));
}

#[test]
fn a_report_that_was_left_goes_with_the_run_that_went_on_under_another_number() {
    let stage = Stage::at_work();
    let before = stage.run();
    stage.dir.spool(&serde_json::json!({ "kind": "review", "body": "look", "client_id": "one" })).expect("left");
    let mine = before.clone();
    let after = stage.engine.store.write(move |tx| lifecycle::fork(tx, &mine, "another")).expect("forked");
    let taken = take_in_spool(&stage.engine, &before, &stage.dir);
    assert!(matches!(taken, Err(Error::Conflict(_))) && stage.dir.spooled().len() == 1, "{taken:?}");
    take_in_spool(&stage.engine, &after, &stage.dir).expect("taken");
    let said = stage.engine.store.read(|c| reports::of_run(c, after.id)).expect("read");
    assert_eq!((said.len(), stage.dir.spooled().len()), (1, 0));
}

//! The reaper over processes that are played, on a clock that a test turns.

use super::*;
use crate::base::clock::SystemClock;
use crate::domain::actor::Actor;
use crate::domain::ids::{NoticeId, RunId};
use crate::domain::run::ExitCause;
use crate::domain::run::ExitRecord;
use crate::domain::run::FailureCode;
use crate::domain::time::Time;
use crate::drivers::supervise::host::Host;
use crate::drivers::supervise::run_dir::{PidRecord, RunSpec};
use crate::drivers::supervise::stop::Ended;
use crate::engine::samples;
use crate::engine::samples::Ahead;
use crate::store::run::runs::{LaunchMark, Place};
use crate::store::ticket::lifecycle;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// How often a shim was asked to end its run, and how often both were ended.
#[derive(Clone, Default)]
struct Played {
    asked: Arc<AtomicUsize>,
    ended: Arc<AtomicUsize>,
    /// What is to be done beside, where a test does it itself.
    held: Option<Arc<Mutex<Vec<Work>>>>,
}

type Work = Box<dyn FnOnce() + Send>;

impl Host for Played {
    fn spawn(&self, _: &Path, _: &RunDir) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, _: &RunDir) -> Vec<i32> {
        Vec::new()
    }

    fn ask_to_stop(&self, _: &RunDir) -> bool {
        self.asked.fetch_add(1, Ordering::SeqCst);
        true
    }

    fn stop(&self, _: &RunDir, _: Duration) -> Ended {
        self.ended.fetch_add(1, Ordering::SeqCst);
        Ended { strays: 0, verified: true }
    }

    fn beside(&self, _: &str, work: Work) -> io::Result<Option<JoinHandle<()>>> {
        match &self.held {
            Some(held) => lock(held).push(work),
            None => work(),
        }
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
        Stage::with(Played::default(), |_| None)
    }

    /// The same over these processes, working where `place` says.
    fn with(played: Played, place: impl Fn(&Path) -> Option<Place>) -> Stage {
        let tmp = tempfile::tempdir().expect("a folder");
        let ahead = Arc::new(AtomicI64::new(0));
        let engine = samples::engine(tmp.path(), "", Arc::new(Ahead(SystemClock::new(), ahead.clone())));
        let engine = engine.on_host(Box::new(played.clone()));
        let run = samples::promised(&engine);
        let (path, log) = (engine.data.runs().join("1-1"), tmp.path().join("raw.log"));
        std::fs::write(&log, "").expect("a log");
        let mark = LaunchMark { run_dir: path.display().to_string(), raw_log: log.display().to_string() };
        let taken = engine.store.write(move |tx| runs::take_launch(tx, run, |_| mark.clone())).expect("taken").expect("it waits");
        if let Some(place) = place(tmp.path()) {
            engine.store.write(move |tx| runs::place(tx, &taken, &place, "first", false)).expect("placed");
        }
        let dir = RunDir::create(&path, &RunSpec { raw_log: log, ..RunSpec::sample() }, "do it").expect("made");
        dir.begin("shim 1").expect("begun");
        let boot = crate::drivers::supervise::process::boot_id();
        dir.set_pids(&PidRecord { shim_pid: 1, shim_start: 1, agent_pid: Some(1), agent_start: Some(1), pgid: Some(1), boot })
            .expect("written");
        let stage = Stage { engine, played, ahead, run, dir, _tmp: tmp };
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
    let after = stage.engine.store.write(move |tx| running::fork(tx, &mine, "another")).expect("forked");
    let taken = take_in_spool(&stage.engine, &before, &stage.dir);
    assert!(matches!(taken, Err(Error::Conflict(_))) && stage.dir.spooled().len() == 1, "{taken:?}");
    take_in_spool(&stage.engine, &after, &stage.dir).expect("taken");
    let said = stage.engine.store.read(|c| reports::of_run(c, after.id)).expect("read");
    assert_eq!((said.len(), stage.dir.spooled().len()), (1, 0));
}

#[test]
fn git_is_asked_beside_pickup_what_a_run_changed() {
    let held = Arc::new(Mutex::new(Vec::new()));
    let played = Played { held: Some(held.clone()), ..Played::default() };
    let stage = Stage::with(played, |tmp| {
        let tree = tmp.join("tree");
        assert!(crate::drivers::git::init_workspace(&tree).expect("made"));
        std::fs::write(tree.join("old.md"), "one\n").expect("written");
        let base = crate::drivers::git::tests::commit(&tree, "before");
        std::fs::write(tree.join("new.md"), "one\n").expect("written");
        let tree = tree.display().to_string();
        Some(Place {
            cwd: tree.clone(),
            worktree: Some(tree),
            branch: Some("mine".to_owned()),
            base_commit: Some(base),
            note: None,
        })
    });
    let (run, at) = (stage.run(), Time(1));
    let exit = ExitRecord {
        cause: ExitCause::Exited,
        exit_code: Some(1),
        signal: None,
        text: None,
        started_at: at,
        ended_at: at,
        log_bytes: 0,
        strays: 0,
    };
    std::fs::write(stage.dir.file("exit.json"), serde_json::to_vec(&exit).expect("plain data")).expect("written");
    stage.later(0);
    stage.later(0);
    assert!(stage.run().state.is_live(), "it waits for git, and pickup does not");
    let mut work = std::mem::take(&mut *lock(&held));
    assert_eq!(work.len(), 1, "it is asked once");
    work.pop().expect("one")();
    stage.later(0);
    assert!(!stage.run().state.is_live());
    let labels: Vec<String> = stage
        .engine
        .store
        .read(|c| Ok(crate::store::ticket::evidence::of_ticket(c, run.ticket, 9)?.into_iter().map(|e| e.label).collect()))
        .expect("read");
    assert_eq!(labels, ["1 file, +0 −0"]);
}

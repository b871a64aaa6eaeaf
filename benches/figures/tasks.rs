//! Scheduled tasks: a thousand of them due in the same second all start, as many at once as there are slots, and none is
//! lost.

use super::clock::{Stopwatch, pause, wait_for};
use super::report::{Gate, Report};
use super::server::EXE;
use super::{Outcome, Plan};
use mission_control::base::clock::Clock;
use mission_control::config::data_dir::DataDir;
use mission_control::config::{Config, Flags};
use mission_control::domain::task::TaskRunState;
use mission_control::domain::time::Time;
use mission_control::engine::{Engine, task};
use mission_control::store::Store;
use mission_control::store::task::task_runs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// Slots.
const SLOTS: usize = 8;
/// 2026-11-21 12:00:30 UTC.
const BEFORE: i64 = 1_795_262_430_000;

/// A clock that is set by hand.
struct Hands(AtomicI64);

impl Clock for Hands {
    fn now(&self) -> Time {
        Time(self.0.load(Ordering::SeqCst))
    }

    fn mono_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// The figure.
pub fn due_at_once(plan: &Plan, report: &mut Report) -> Outcome {
    let tasks = plan.pick(1_000, 200);
    let data = DataDir::open(&plan.root.join("tasks"))?;
    std::fs::write(data.path().join("config.toml"), format!("[scheduler]\nmax_running = {SLOTS}\ntimezone = \"UTC\"\n"))?;
    let flags = Flags { data: Some(data.path().to_owned()), listen: Some("127.0.0.1:0".into()), ..Flags::default() };
    let config = Arc::new(Config::load(&flags, &|_| None, &|_| None)?);
    std::fs::create_dir_all(config.tasks())?;
    for n in 0..tasks {
        let text = "---\nschedule: \"1 12 * * *\"\ncommand: [\"true\"]\n---\n";
        std::fs::write(config.tasks().join(format!("t{n}.md")), text)?;
    }
    let hands = Arc::new(Hands(AtomicI64::new(BEFORE)));
    let store = Store::open(&data.database(), hands.clone())?;
    let engine = Engine::new(store.clone(), config, data, PathBuf::from(EXE), "http://127.0.0.1:1".to_owned());
    task::tick(&engine)?;
    hands.0.fetch_add(30_000, Ordering::SeqCst);

    let watch = Stopwatch::start();
    task::tick(&engine)?;
    let written = watch.millis();
    let mut most = 0;
    wait_for("all of them", 600.0, || {
        task::tick(&engine).ok()?;
        let live = store.read(task_runs::live).ok()?;
        most = most.max(live.iter().filter(|r| r.state == TaskRunState::Running).count());
        if live.is_empty() {
            return Some(());
        }
        pause(Duration::from_millis(2));
        None
    })?;
    let seconds = watch.seconds();
    let ok = store.read(|c| task_runs::counts(c, None))?.get(&TaskRunState::Ok).copied().unwrap_or(0);
    report.holds("tasks", &format!("{tasks} tasks due in one second all ran"), ok == tasks, format!("{ok} ran"));
    report.holds("tasks", &format!("never more than {SLOTS} at once"), most <= SLOTS, format!("{most} at most"));
    report.once("tasks", "from due to a row for each, the first started", written, "ms", Gate::None, "");
    report.once("tasks", "task runs a second, start to end", tasks as f64 / seconds, "/s", Gate::None, "");
    Ok(())
}

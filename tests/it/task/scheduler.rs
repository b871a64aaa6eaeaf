//! The ledger of due times: over both changes of the clocks, over servers that were down, over clocks that jump, and
//! with many who tick at once, each due time has exactly one row.

use chrono::{DateTime, TimeZone};
use chrono_tz::Tz;
use mission_control::base::clock::{Clock, SystemClock, pause};
use mission_control::config::data_dir::DataDir;
use mission_control::config::{Config, Flags};
use mission_control::domain::task::schedule::Schedule;
use mission_control::domain::task::{TaskRun, TaskRunState};
use mission_control::domain::time::Time;
use mission_control::engine::system::check;
use mission_control::engine::{Engine, task};
use mission_control::store::Store;
use mission_control::store::task::tasks::TaskRow;
use mission_control::store::task::{task_runs, tasks};
use proptest::prelude::*;
use std::collections::BTreeMap;
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
    dir: tempfile::TempDir,
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

    fn due_times(&self, name: &str) -> Vec<Time> {
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

fn engine(dir: &tempfile::TempDir, toml: &str, hands: Arc<Hands>) -> Arc<Engine> {
    let data = DataDir::open(&dir.path().join("data")).expect("a data folder");
    std::fs::write(data.path().join("config.toml"), toml).expect("a configuration");
    let flags = Flags { data: Some(data.path().to_owned()), listen: Some("127.0.0.1:0".into()), ..Flags::default() };
    let config = Arc::new(Config::load(&flags, &|_| None, &|_| None).expect("the configuration is good"));
    let store = Store::open(&data.database(), hands).expect("a store");
    let exe = PathBuf::from(env!("CARGO_BIN_EXE_mission-control"));
    Arc::new(Engine::new(store, config, data, exe, "http://127.0.0.1:1".to_owned()))
}

fn edit_file(rig: &Rig, file: &str, hash: &str, text: &str) -> mission_control::base::error::Result<()> {
    let config = &rig.engine.config;
    mission_control::drivers::task_file::edit(&config.tasks(), file, &config.scheduler.timezone, hash, text)
}

/// Nothing is started: only the ledger is written.
pub const LEDGER: &str = "[scheduler]\nmax_running = 0\ntimezone = \"UTC\"\n";

fn enumerated(line: &str, zone: &str, from: Time, until: Time) -> Vec<Time> {
    let schedule = Schedule::parse(Some(line), None, zone).expect("good");
    let mut now = from;
    let mut found = Vec::new();
    while let Some(next) = schedule.next_after(now).filter(|n| *n <= until) {
        found.push(next);
        now = next;
    }
    found
}

/// As croner says it in the zone itself.
fn by_croner(line: &str, zone: &str, from: Time, until: Time) -> Vec<Time> {
    let tz: Tz = zone.parse().expect("a zone");
    let cron: croner::Cron = line.parse().expect("good");
    let start = tz.timestamp_millis_opt(from.0).single().expect("a moment");
    // Where the clocks go back it lists both passes interleaved.
    let far = until.plus_ms(2 * 3_600_000);
    let mut found: Vec<Time> = cron.iter_after(start).map(|t| Time(t.timestamp_millis())).take_while(|t| *t <= far).collect();
    found.sort();
    found.retain(|t| *t <= until);
    found
}

#[test]
fn over_both_changes_of_the_clocks_and_a_server_that_was_down_every_due_time_has_one_row() {
    let spring = ("2026-03-28T00:00:30Z", "2026-03-30T12:00:00Z");
    let autumn = ("2026-10-24T00:00:30Z", "2026-10-26T12:00:00Z");
    for (from, until) in [spring, autumn] {
        for zone in ["Europe/Berlin", "Africa/Johannesburg"] {
            for missed in ["run_once", "skip"] {
                for overlap in ["skip", "queue", "kill_old"] {
                    let mut rig = Rig::new(LEDGER, from);
                    let lines = [("half", "30 2 * * *"), ("quarters", "*/15 * * * *"), ("hours", "0 1,2,3 * * *")];
                    for (name, line) in lines {
                        let front = format!(
                            "schedule: \"{line}\"\ntimezone: {zone}\ncommand: [\"true\"]\nmissed: {missed}\noverlap: {overlap}"
                        );
                        rig.task(&format!("{name}.md"), &front, "");
                    }
                    rig.tick();
                    let mut down = 0;
                    while rig.hands.now() < at(until) {
                        // Steps of ten minutes; every now and then the server is down for five hours.
                        rig.pass(10 * 60_000);
                        down += 1;
                        if down % 37 == 0 {
                            rig.pass(5 * 3_600_000);
                            rig.restart();
                        }
                        rig.tick();
                    }
                    for (name, line) in lines {
                        let expected = enumerated(line, zone, at(from), rig.hands.now());
                        assert!(rig.due_times(name) == expected, "{name} in {zone}, {missed}, {overlap}");
                        if line.starts_with("30 2") || zone == "Africa/Johannesburg" || line.starts_with("*/15") {
                            assert!(by_croner(line, zone, at(from), rig.hands.now()) == expected, "{name} in {zone}");
                        }
                        let waiting = rig.states(name).iter().filter(|s| **s == TaskRunState::Waiting).count();
                        assert!(overlap == "queue" || waiting <= 1, "{name}, {overlap}: {waiting}");
                    }
                }
            }
        }
    }
}

#[test]
fn what_was_missed_is_made_up_for_once_or_not_at_all_as_the_policy_says() {
    let mut rig = Rig::new(LEDGER, "2026-11-21T12:00:30Z");
    rig.task("once.md", "schedule: \"0 * * * *\"\ncommand: [\"true\"]", "");
    rig.task("skip.md", "schedule: \"0 * * * *\"\ncommand: [\"true\"]\nmissed: skip", "");
    rig.tick();
    rig.pass(5 * 3_600_000 + 120_000);
    rig.restart();
    rig.tick();
    use TaskRunState::{Missed, Waiting};
    assert_eq!(rig.states("once"), [Missed, Missed, Missed, Missed, Waiting]);
    assert_eq!(rig.states("skip"), [Missed; 5]);
    // One that is only a moment late runs in both cases.
    rig.pass(3_600_000 - 140_000);
    rig.tick();
    assert_eq!(rig.states("skip").last(), Some(&Waiting));
}

#[test]
fn a_month_of_downtime_is_written_down_whole() {
    let mut rig = Rig::new(LEDGER, "2026-11-01T00:00:30Z");
    rig.task("often.md", "every: 15m\ncommand: [\"true\"]", "");
    rig.tick();
    rig.pass(30 * 86_400_000);
    rig.restart();
    rig.tick();
    assert_eq!(rig.due_times("often").len(), 30 * 96);
    assert_eq!(rig.states("often").iter().filter(|s| **s == TaskRunState::Waiting).count(), 1);
}

#[test]
fn many_who_tick_at_once_write_each_due_time_once() {
    let rig = Rig::new(LEDGER, "2026-11-21T12:00:30Z");
    for n in 0..20 {
        rig.task(&format!("t{n}.md"), "every: 1m\ncommand: [\"true\"]\noverlap: queue", "");
    }
    rig.tick();
    let other = engine(&rig.dir, LEDGER, rig.hands.clone());
    for _ in 0..10 {
        rig.pass(61_000);
        std::thread::scope(|scope| {
            for n in 0..8 {
                // Two servers on one store, which the folder's lock rules out, would still agree.
                let engine = if n % 2 == 0 { rig.engine.clone() } else { other.clone() };
                scope.spawn(move || task::tick(&engine).expect("a tick"));
            }
        });
    }
    for n in 0..20 {
        let times = rig.due_times(&format!("t{n}"));
        let mut once = times.clone();
        once.dedup();
        assert_eq!(times, once);
        assert_eq!(times.len(), 10);
    }
}

#[test]
fn a_clock_that_jumps_back_and_forward_makes_no_due_time_come_twice() {
    let rig = Rig::new(LEDGER, "2026-11-21T12:00:30Z");
    rig.task("t.md", "schedule: \"*/10 * * * *\"\ncommand: [\"true\"]\noverlap: queue", "");
    rig.tick();
    rig.pass(30 * 60_000);
    rig.tick();
    assert_eq!(rig.due_times("t").len(), 3);
    rig.jump("2026-11-21T11:45:00Z");
    rig.tick();
    // What has not been yet comes; what has been does not come again.
    assert_eq!(rig.row("t").next_due_at, Some(at("2026-11-21T11:50:00Z")));
    rig.pass(60 * 60_000);
    rig.tick();
    let expected = enumerated("*/10 * * * *", "UTC", at("2026-11-21T11:45:00Z"), rig.hands.now());
    assert_eq!(rig.due_times("t"), expected);
    // A year ahead by mistake, and back: it does not sleep for a year.
    rig.jump("2027-11-21T12:00:00Z");
    rig.task("new.md", "schedule: \"*/10 * * * *\"\ncommand: [\"true\"]", "");
    rig.tick();
    assert!(rig.row("new").next_due_at > Some(at("2027-11-21T12:00:00Z")));
    rig.jump("2026-11-21T12:46:00Z");
    rig.tick();
    assert_eq!(rig.row("new").next_due_at, Some(at("2026-11-21T12:50:00Z")));
    // Nor does one that was there already: nobody can have missed what has not come yet.
    assert_eq!(rig.row("t").next_due_at, Some(at("2026-11-21T12:50:00Z")));
    rig.pass(5 * 60_000);
    rig.tick();
    for name in ["t", "new"] {
        let runs = rig.runs(name);
        let run = runs.iter().find(|r| r.due_at == Some(at("2026-11-21T12:50:00Z")));
        assert_eq!(run.map(|r| r.state), Some(TaskRunState::Waiting), "{name}");
    }
}

#[test]
fn a_look_back_that_failed_is_made_again() {
    let rig = Rig::new(LEDGER, "2026-11-21T12:00:30Z");
    rig.task("t.md", "schedule: \"*/10 * * * *\"\ncommand: [\"true\"]\noverlap: queue", "");
    rig.tick();
    rig.pass(30 * 60_000);
    rig.tick();
    rig.jump("2026-11-21T11:45:00Z");
    let rename = |from: &'static str, to: &'static str| {
        let sql = format!("alter table {from} rename to {to}");
        rig.engine.store.write(move |tx| Ok(tx.conn.execute_batch(&sql)?)).expect("renamed");
    };
    rename("task_runs", "hidden");
    assert!(task::tick(&rig.engine).is_err());
    rename("hidden", "task_runs");
    rig.tick();
    assert_eq!(rig.row("t").next_due_at, Some(at("2026-11-21T11:50:00Z")));
}

#[test]
fn a_paused_task_writes_down_what_it_leaves_out_and_a_disabled_one_is_never_due() {
    let rig = Rig::new(LEDGER, "2026-11-21T12:00:30Z");
    rig.task("p.md", "every: 10m\ncommand: [\"true\"]", "");
    rig.task("d.md", "every: 10m\ncommand: [\"true\"]\nenabled: false", "");
    rig.tick();
    rig.engine.store.write(|tx| tasks::pause(tx, "p", true)).expect("paused");
    rig.pass(30 * 60_000);
    rig.tick();
    assert_eq!(rig.states("p"), [TaskRunState::Skipped; 3]);
    assert_eq!((rig.states("d"), rig.row("d").next_due_at), (Vec::new(), None));
    rig.engine.store.write(|tx| tasks::pause(tx, "p", false)).expect("resumed");
    rig.pass(10 * 60_000);
    rig.tick();
    assert_eq!(rig.states("p").last(), Some(&TaskRunState::Waiting));
}

#[test]
fn files_are_taken_in_as_they_change_and_a_broken_one_does_not_hold_the_others_up() {
    let rig = Rig::new(LEDGER, "2026-11-21T12:00:30Z");
    rig.task("a.md", "name: one\nevery: 10m\ncommand: [\"true\"]", "");
    rig.task("b.md", "name: one\nevery: 10m\ncommand: [\"true\"]", "");
    rig.task("c.md", "name: c\nschedule: \"0 0 30 2 *\"\ncommand: [\"true\"]", "");
    std::fs::write(rig.engine.config.tasks().join("d.md"), [0xff, 0xfe, b'x']).expect("written");
    rig.tick();
    let broken = || -> BTreeMap<String, (Option<i64>, String)> {
        let rows = rig.engine.store.read(tasks::all).expect("readable");
        rows.into_iter().filter_map(|r| r.broken.map(|b| (r.file, (b.line, b.reason)))).collect()
    };
    let found = broken();
    assert_eq!(found.keys().map(String::as_str).collect::<Vec<_>>(), ["b.md", "c.md", "d.md"]);
    assert!(found["b.md"].1.contains("taken by tasks/a.md"), "{found:?}");
    assert_eq!(found["c.md"].0, Some(3));
    assert!(rig.row("one").next_due_at.is_some());

    // The name is free once the first file gives it up; names may also be exchanged.
    let due = rig.row("one").next_due_at;
    rig.task("a.md", "name: two\nevery: 10m\ncommand: [\"true\"]", "");
    rig.tick();
    assert_eq!((rig.row("one").file.as_str(), rig.row("two").file.as_str()), ("b.md", "a.md"));
    rig.task("a.md", "name: one\nevery: 10m\ncommand: [\"true\"]", "");
    rig.task("b.md", "name: two\nevery: 10m\ncommand: [\"true\"]", "");
    rig.tick();
    assert_eq!((rig.row("one").file.as_str(), rig.row("two").file.as_str()), ("a.md", "b.md"));
    assert_eq!(rig.row("one").next_due_at, due);

    // While it is broken nothing of its beat is lost.
    rig.task("a.md", "name: one\nevery: 10m\ncommand: [", "");
    rig.tick();
    rig.pass(25 * 60_000);
    rig.tick();
    assert!(rig.states("one").is_empty());
    rig.task("a.md", "name: one\nevery: 10m\ncommand: [\"true\"]", "");
    rig.tick();
    assert_eq!(rig.states("one").len(), 2);
    // A file that goes takes its due times along, and a file that comes back begins anew, still paused if it was.
    rig.engine.store.write(|tx| tasks::pause(tx, "two", true)).expect("paused");
    std::fs::remove_file(rig.engine.config.tasks().join("b.md")).expect("removed");
    let before = rig.states("two").len();
    rig.tick();
    rig.pass(60 * 60_000);
    rig.tick();
    assert!(rig.engine.store.read(|c| tasks::by_name(c, "two")).is_err());
    rig.task("b.md", "name: two\nevery: 10m\ncommand: [\"true\"]", "");
    rig.tick();
    assert_eq!((rig.states("two").len(), rig.row("two").paused), (before, true));
}

#[test]
fn a_scheduled_task_whose_file_breaks_is_reported_once_when_it_is_due() {
    let mut rig = Rig::new(LEDGER, "2026-11-21T12:00:30Z");
    let good = "every: 10m\ncommand: [\"true\"]";
    for name in ["t", "paused", "by_hand"] {
        rig.task(&format!("{name}.md"), if name == "by_hand" { "command: [\"true\"]" } else { good }, "");
    }
    rig.task("new.md", "every: 10m\ncommand: [", "");
    rig.tick();
    rig.engine.store.write(|tx| tasks::pause(tx, "paused", true)).expect("paused");
    for name in ["t", "paused", "by_hand"] {
        rig.task(&format!("{name}.md"), "every: 10m\ncommand: [", "");
    }
    let reports = |rig: &Rig| -> Vec<(Option<String>, String)> {
        rig.tick();
        let items = rig.engine.store.read(|c| mission_control::store::inbox::items::waiting(c, 10)).expect("readable");
        items.into_iter().map(|i| (i.source_id, i.message)).collect()
    };
    assert!(reports(&rig).is_empty(), "nobody has missed anything yet");
    rig.pass(10 * 60_000);
    let found = reports(&rig);
    assert_eq!((found.len(), found[0].0.as_deref()), (1, Some("t")), "{found:?}");
    assert!(found[0].1.contains("tasks/t.md"), "{found:?}");
    rig.pass(60 * 60_000);
    rig.restart();
    assert_eq!(reports(&rig).len(), 1, "once");
    rig.task("t.md", "every: 10m\ncommand: {", "");
    assert_eq!(reports(&rig).len(), 2, "broken in another way");
    rig.task("t.md", good, "");
    assert_eq!(reports(&rig).len(), 2);
    assert!(!rig.states("t").is_empty(), "mended it goes on");
}

#[test]
fn a_changed_schedule_counts_from_now_and_a_changed_prompt_changes_nothing_about_time() {
    let rig = Rig::new(LEDGER, "2026-11-21T12:00:30Z");
    rig.task("t.md", "schedule: \"0 18 * * *\"\ncommand: [\"true\"]", "one");
    rig.tick();
    let due = rig.row("t").next_due_at;
    rig.task("t.md", "schedule: \"0 18 * * *\"\ncommand: [\"true\", \"x\"]", "two");
    rig.tick();
    assert_eq!(rig.row("t").next_due_at, due);
    rig.task("t.md", "schedule: \"0 18 * * *\"\ntimezone: Europe/Berlin\ncommand: [\"true\"]", "two");
    rig.tick();
    assert_eq!(rig.row("t").next_due_at, Some(at("2026-11-21T17:00:00Z")));
}

#[test]
fn jitter_and_quiet_hours_put_the_start_off_and_say_so_the_same_way_every_time() {
    let begin = |front: &str| {
        let rig = Rig::new(LEDGER, "2026-11-21T21:59:30Z");
        rig.task("t.md", &format!("every: 1h\ncommand: [\"true\"]\n{front}"), "");
        rig.tick();
        rig.pass(40_000);
        rig.tick();
        rig.runs("t")[0].not_before
    };
    let jitter = begin("jitter: 10m");
    assert!(jitter.is_some_and(|t| t > at("2026-11-21T22:00:10Z") && t < at("2026-11-21T22:10:00Z")), "{jitter:?}");
    assert_eq!(begin("jitter: 10m"), jitter);
    let quiet = begin("quiet: 22:30-07:00\ntimezone: Europe/Berlin");
    assert_eq!(quiet, Some(at("2026-11-22T06:00:00Z")));
    assert_eq!(begin("quiet: 07:00-22:30"), Some(at("2026-11-21T22:30:00Z")));
    assert_eq!(begin("quiet: 01:00-05:00"), None);
}

#[test]
fn a_file_is_edited_whole_or_not_at_all_and_never_over_somebody_elses_change() {
    let rig = Rig::new(LEDGER, "2026-11-21T12:00:30Z");
    rig.task("t.md", "every: 10m\ncommand: [\"true\"]", "one");
    rig.tick();
    let path = rig.engine.config.tasks().join("t.md");
    let before = std::fs::read_to_string(&path).expect("readable");
    let seen = rig.row("t").hash;
    let edit = |hash: &str, text: &str| edit_file(&rig, "t.md", hash, text);
    assert!(edit(&seen, "---\nevery: 10m\nschedul: x\n---\n").expect_err("refused").to_string().contains("line 3"));
    assert_eq!(std::fs::read_to_string(&path).expect("readable"), before);
    edit(&seen, &before.replace("one", "two")).expect("saved");
    assert!(std::fs::read_to_string(&path).expect("readable").contains("two"));
    assert!(
        matches!(edit(&seen, &before), Err(mission_control::base::error::Error::Conflict(_))),
        "it was seen before the change"
    );
    assert!(edit_file(&rig, "../../etc/passwd", &seen, &before).is_err());
    assert_eq!(std::fs::read_dir(rig.engine.config.tasks()).expect("readable").count(), 1, "no half file stays");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_schedule_and_whenever_the_server_looks_the_ledger_is_croners_enumeration(
        minute in prop_oneof![Just("*".to_owned()), (0..60_u32).prop_map(|n| n.to_string()), (2..30_u32).prop_map(|n| format!("*/{n}"))],
        hour in prop_oneof![Just("*".to_owned()), (2..6_u32).prop_map(|n| format!("*/{n}"))],
        day in prop_oneof![Just("*".to_owned()), (24..28_u32).prop_map(|n| n.to_string())],
        zone in prop::sample::select(vec!["Europe/Berlin", "Africa/Johannesburg", "America/New_York", "UTC"]),
        missed in prop::sample::select(vec!["run_once", "skip"]),
        gaps in prop::collection::vec(1_000_i64..6 * 3_600_000, 4..20),
    ) {
        let line = format!("{minute} {hour} {day} * *");
        let from = "2026-10-24T12:00:17Z";
        let mut rig = Rig::new(LEDGER, from);
        rig.task("t.md", &format!("schedule: \"{line}\"\ntimezone: {zone}\ncommand: [\"true\"]\nmissed: {missed}"), "");
        rig.tick();
        for (i, gap) in gaps.iter().enumerate() {
            rig.pass(*gap);
            if i % 3 == 0 {
                rig.restart();
            }
            rig.tick();
        }
        prop_assert!(rig.due_times("t") == by_croner(&line, zone, at(from), rig.hands.now()), "{} {}", line, zone);
    }
}

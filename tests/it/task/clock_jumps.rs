//! Many who tick at once, clocks that jump, look-backs that fail: each due time comes once.

use crate::task::due_times::{LEDGER, enumerated};
use crate::task::rig::{Rig, at, engine};
use mission_control::base::clock::Clock;
use mission_control::domain::task::TaskRunState;
use mission_control::engine::task;

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

//! A scheduled task over every fault point of its story.

use crate::ops::faults::{Fault, Stage, Story, each, faults};
use crate::support::live_server::Live;
use crate::support::live_server::agent::agent;
use crate::support::wait::until;
use mission_control::base::clock::{Clock, SystemClock};
use rusqlite::Connection;
use serde_json::json;
use std::fs;
use std::time::Duration;

pub fn task(fault: Fault) {
    let live = Live::prepare(1, &[agent("instant")], "");
    let tasks = live.root().join("workspace/tasks");
    fs::create_dir_all(&tasks).expect("a folder");
    let text = "---\nschedule: \"0 0 1 1 *\"\ncommand: [\"sh\", \"-c\", \"echo ran >> ran\"]\n---\n";
    fs::write(tasks.join("t.md"), text).expect("written");
    let mut stage = Stage::set(live, fault);
    until("the task", || stage.live.try_get("/api/v1/tasks").filter(|a| a.body.contains("\"t\"")));
    let due = SystemClock::new().now().0 - 1_500;
    let other = Connection::open(stage.live.database()).expect("another program");
    other.busy_timeout(Duration::from_secs(10)).expect("a time-out");
    other.execute("update tasks set next_due_at = ?1", [due]).expect("its time has come");
    drop(other);
    let _begun = stage.ask("/api/v1/tick/scheduler", &json!({}));
    stage.strike();
    let live = &stage.live;
    until("the run's end", || {
        let states: Vec<String> = live.all("select state from task_runs");
        (states == ["ok"]).then_some(())
    });
    assert_eq!(live.all::<i64>("select due_at from task_runs"), [due], "one row for its due time");
    assert!(live.one::<i64>("select next_due_at from tasks") > due);
    assert_eq!(fs::read_to_string(live.root().join("workspace/ran")).expect("it ran"), "ran\n", "once");
    assert_eq!(live.one::<i64>("select count(*) from orchestrator_inbox"), 1, "its outcome is told once");
    live.check();
}

#[test]
fn a_due_time_has_one_row_and_one_run_wherever_the_server_is_killed() {
    each(&faults(Story::Task, "kill9"), task);
}

#[test]
fn a_due_time_has_one_row_and_one_run_whatever_fails_once() {
    each(&[faults(Story::Task, "err"), faults(Story::Task, "panic")].concat(), task);
}

//! How many runs of tasks go on at once, which wait, and which are left out.

use crate::task::rig::{FOUR, NOON, Rig, sh};
use mission_control::domain::task::TaskRunState as State;
use mission_control::drivers::supervise::run_dir::RunDir;
use mission_control::store::task::task_runs;
use std::fs;

#[test]
fn overlapping_runs_are_left_out_queued_or_take_the_place_of_the_old() {
    let rig = Rig::new(FOUR, NOON);
    for overlap in ["skip", "queue", "kill_old"] {
        rig.task(
            &format!("{overlap}.md"),
            &format!("every: 1m\noverlap: {overlap}\n{}", sh(&format!("while [ ! -e go-{overlap} ]; do sleep 0.05; done"))),
            "",
        );
    }
    rig.tick();
    rig.pass(60_000);
    let begun = |name: &str, n: usize| {
        rig.runs(name).get(n).is_some_and(|r| {
            r.run_dir.as_ref().is_some_and(|d| RunDir::open(d.as_ref()).pids().is_some_and(|p| p.agent_pid.is_some()))
        })
    };
    rig.until("the first ones run", || ["skip", "queue", "kill_old"].iter().all(|t| begun(t, 0)));
    rig.pass(60_000);
    rig.until("the new one has taken the old one's place", || begun("kill_old", 1));
    assert_eq!(rig.states("skip"), [State::Running, State::Overlapped]);
    assert_eq!(rig.states("queue"), [State::Running, State::Waiting]);
    assert_eq!(rig.states("kill_old"), [State::Overlapped, State::Running]);
    for overlap in ["skip", "queue", "kill_old"] {
        fs::write(rig.engine.config.workspace.join(format!("go-{overlap}")), "").expect("written");
    }
    rig.until("all have ended", || rig.engine.store.read(task_runs::live).expect("readable").is_empty());
    assert_eq!(rig.states("queue"), [State::Ok, State::Ok]);
}

#[test]
fn not_more_run_at_once_than_there_are_slots_and_background_tasks_take_none() {
    let rig = Rig::new("[scheduler]\nmax_running = 2\ntimezone = \"UTC\"\n", NOON);
    let wait = sh("while [ ! -e go ]; do sleep 0.05; done");
    for n in 0..5 {
        rig.task(&format!("t{n}.md"), &format!("every: 1m\n{wait}"), "");
    }
    rig.task("bg.md", &format!("every: 1m\nkind: background\n{wait}"), "");
    rig.tick();
    rig.pass(60_000);
    rig.until("the slots are full", || rig.states("bg") == [State::Running]);
    let running = || (0..5).filter(|n| rig.states(&format!("t{n}")) == [State::Running]).count();
    for _ in 0..10 {
        rig.tick();
        assert_eq!(running(), 2);
    }
    fs::write(rig.engine.config.workspace.join("go"), "").expect("written");
    rig.until("all have ended", || rig.engine.store.read(task_runs::live).expect("readable").is_empty());
    assert!((0..5).all(|n| rig.states(&format!("t{n}")) == [State::Ok]));
}

#[test]
fn a_run_is_stopped_by_hand_whether_it_waits_or_runs() {
    let rig = Rig::new(FOUR, NOON);
    rig.task("t.md", &format!("overlap: queue\n{}", sh("sleep 600")), "");
    let (first, second) = (rig.begin_by_hand("t"), rig.begin_by_hand("t"));
    rig.until("it runs", || rig.run(first.id.0).state == State::Running);
    let stopped = rig.engine.store.write(|tx| task_runs::stop_by_hand(tx, "t")).expect("stopped");
    assert_eq!(stopped, 2);
    rig.until("both have ended", || rig.engine.store.read(task_runs::live).expect("readable").is_empty());
    assert_eq!((rig.run(first.id.0).state, rig.run(second.id.0).state), (State::Skipped, State::Skipped));
    assert_eq!(rig.row("t").streak, 0);
}

#[test]
fn two_hundred_tasks_due_in_one_second_all_run_and_none_is_lost() {
    let rig = Rig::new("[scheduler]\nmax_running = 8\ntimezone = \"UTC\"\n", NOON);
    for n in 0..200 {
        rig.task(&format!("t{n}.md"), "schedule: \"1 12 * * *\"\ncommand: [\"true\"]", "");
    }
    rig.tick();
    rig.pass(30_000);
    rig.until("all have ended", || {
        let live = rig.engine.store.read(task_runs::live).expect("readable");
        assert!(live.iter().filter(|r| r.state == State::Running).count() <= 8);
        live.is_empty()
    });
    assert!((0..200).all(|n| rig.states(&format!("t{n}")) == [State::Ok]));
}

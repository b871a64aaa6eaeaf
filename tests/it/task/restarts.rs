//! Runs of tasks over servers and shims that are killed.

use crate::task::rig::{FOUR, NOON, Rig, sh};
use mission_control::domain::task::TaskRunState as State;
use mission_control::drivers::supervise::run_dir::RunDir;
use mission_control::store::task::task_runs;
use std::fs;

#[test]
fn a_server_that_comes_back_finds_its_runs_and_a_file_replaced_meanwhile_changes_only_the_next_one() {
    let mut rig = Rig::new(FOUR, NOON);
    rig.task("t.md", &sh("echo old; while [ ! -e go ]; do sleep 0.05; done; exit 5"), "");
    let run = rig.begin_by_hand("t");
    rig.until("it runs", || rig.run(run.id.0).run_dir.is_some_and(|d| RunDir::open(d.as_ref()).file("started").exists()));
    rig.restart();
    rig.task("t.md", &sh("echo new"), "");
    rig.tick();
    assert_eq!(rig.run(run.id.0).state, State::Running);
    fs::write(rig.engine.config.workspace.join("go"), "").expect("written");
    rig.until("its end", || !rig.run(run.id.0).state.is_live());
    let run = rig.run(run.id.0);
    assert_eq!((run.state, run.exit_code, run.output.trim(), run.launches), (State::Failed, Some(5), "old", 1));
    assert_eq!(rig.by_hand("t").output.trim(), "new");
    // One whose file goes while it runs ends as it would have, and what was given to it in confidence stays hidden.
    let front =
        format!("env: {{ API_TOKEN: hush-hush-hush }}\n{}", sh("echo $API_TOKEN; while [ ! -e go2 ]; do sleep 0.05; done"));
    rig.task("u.md", &front, "");
    let run = rig.begin_by_hand("u");
    rig.until("it runs", || rig.run(run.id.0).state == State::Running);
    fs::remove_file(rig.engine.config.tasks().join("u.md")).expect("removed");
    fs::write(rig.engine.config.workspace.join("go2"), "").expect("written");
    rig.until("its end", || !rig.run(run.id.0).state.is_live());
    let run = rig.run(run.id.0);
    assert_eq!((run.state, run.output.trim()), (State::Ok, "…hidden"));
}

#[test]
fn a_server_killed_between_the_row_and_the_shim_starts_it_once_after_all() {
    let mut rig = Rig::new(FOUR, NOON);
    rig.task("t.md", &sh("echo x >> ran"), "");
    rig.tick();
    for step in ["row", "folder", "void"] {
        let run = rig.begin_by_hand("t");
        let dir = rig.engine.data.runs().join(format!("task-{}-1", run.id));
        let (mine, path) = (run.clone(), dir.display().to_string());
        rig.engine.store.write(move |tx| task_runs::take(tx, &mine, &path, None)).expect("taken");
        if step != "row" {
            // The folder is there, the shim was never spawned.
            fs::create_dir_all(&dir).expect("made");
            fs::write(dir.join("spec.json"), "{}").expect("written");
        }
        if step == "void" {
            RunDir::open(&dir).void().expect("voided");
        }
        rig.restart();
        rig.until("its end", || !rig.run(run.id.0).state.is_live());
        let run = rig.run(run.id.0);
        assert_eq!((run.state, run.attempt, run.launches), (State::Ok, 1, 2), "{step}: {run:?}");
    }
    assert_eq!(fs::read_to_string(rig.engine.config.workspace.join("ran")).expect("it ran"), "x\nx\nx\n");
}

#[test]
fn a_run_whose_shim_is_killed_is_lost_and_nothing_of_it_lives_on() {
    let rig = Rig::new(FOUR, NOON);
    rig.task("t.md", &sh("echo $$ > pid; exec sleep 600"), "");
    let run = rig.begin_by_hand("t");
    let pid_file = rig.engine.config.workspace.join("pid");
    rig.until("it runs", || fs::read_to_string(&pid_file).is_ok_and(|t| t.ends_with('\n')));
    let dir = RunDir::open(rig.run(run.id.0).run_dir.expect("a folder").as_ref());
    let shim = dir.pids().expect("pids").shim_pid;
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(shim), nix::sys::signal::Signal::SIGKILL).expect("killed");
    rig.until("its end", || !rig.run(run.id.0).state.is_live());
    assert_eq!(rig.run(run.id.0).state, State::Lost);
    let pid: i32 = fs::read_to_string(&pid_file).expect("its pid").trim().parse().expect("a number");
    assert!(mission_control::drivers::supervise::process::state(pid).is_none_or(|s| s == 'Z'));
}

//! How a shim ends its agent: limits, requests to stop, and who would not go.

use crate::run::shim_rig::{EXE, Rig, deaf, until};
use mission_control::domain::run::ExitCause;
use mission_control::drivers::supervise::process;
use mission_control::drivers::supervise::stop;
use mission_control::drivers::supervise::stop::Ended;
use std::fs;
use std::process::Command;
use std::time::Duration;

#[test]
fn silence_ends_a_run_and_output_does_not() {
    let rig = Rig::new("for i in 1 2 3 4 5 6; do echo $i; sleep 0.1; done; sleep 600", |s| s.silence_ms = 400);
    let exit = rig.play();
    assert_eq!((exit.cause, exit.signal), (ExitCause::Silence, Some(15)));
    assert!(exit.ended_at.since(exit.started_at) >= 900, "six lines, then the limit");
    assert!(rig.raw().ends_with("6\n"));
    rig.nobody_is_left();
}

#[test]
fn the_wall_clock_ends_a_run_that_talks_for_ever() {
    let rig = Rig::new("while :; do echo on; sleep 0.02; done", |s| s.wall_clock_ms = 300);
    let exit = rig.play();
    assert_eq!(exit.cause, ExitCause::WallClock);
    rig.nobody_is_left();
}

#[test]
fn the_cap_ends_a_run_that_floods_either_stream() {
    for script in ["yes", "yes >&2"] {
        let rig = Rig::new(script, |s| {
            s.log_cap = 100_000;
            s.silence_ms = 5000;
        });
        assert_eq!(rig.play().cause, ExitCause::LogCap, "{script}");
        rig.nobody_is_left();
    }
}

#[test]
fn stopping_ends_those_who_left_the_group_too() {
    let script = format!(
        "setsid {} & (({} &) &) ; env -i {} & echo ready; wait",
        deaf("session"),
        deaf("double").replace("sh -c", "setsid sh -c"),
        deaf("bare").replace("sh -c", "setsid sh -c"),
    );
    let rig = Rig::new(&script, |_| {});
    rig.launch();
    let pids = ["session", "double", "bare"].map(|f| rig.number(f));
    let starts = pids.map(|p| process::start_time(p).expect("it runs"));
    assert!(stop::ask_to_stop(&rig.dir));
    let exit = rig.exit();
    assert_eq!((exit.cause, exit.signal), (ExitCause::Stopped, Some(15)));
    assert!(exit.strays >= 3, "{exit:?}");
    for (pid, start) in pids.into_iter().zip(starts) {
        assert!(!process::is_same(pid, start));
    }
    rig.nobody_is_left();
    assert!(!stop::ask_to_stop(&rig.dir), "nobody is there to be asked");
}

#[test]
fn an_agent_deaf_to_the_request_is_killed_after_its_grace() {
    let rig = Rig::new(&format!("exec {}", deaf("deaf")), |_| {});
    rig.launch();
    rig.number("deaf");
    assert_eq!(stop::stop_run(&rig.dir, Duration::from_millis(50)), Ended { strays: 0, verified: true });
    let exit = rig.dir.exit().expect("stop_run waits for the end");
    assert_eq!((exit.cause, exit.signal), (ExitCause::Stopped, Some(9)));
}

#[test]
fn an_agent_may_tidy_up_when_asked_to_stop() {
    let rig = Rig::new("trap 'echo tidy; exit 3' TERM; echo ready; while :; do sleep 0.01; done", |s| s.stop_grace_ms = 10_000);
    rig.launch();
    rig.says("ready");
    assert!(stop::stop_run(&rig.dir, Duration::from_secs(10)).verified);
    let exit = rig.exit();
    assert_eq!((exit.cause, exit.exit_code), (ExitCause::Stopped, Some(3)));
    rig.says("tidy");
}

#[test]
fn whoever_an_agent_leaves_behind_is_ended_after_it() {
    let script = format!("setsid {} & while [ ! -e left ]; do sleep 0.01; done; exit 0", deaf("left"));
    let rig = Rig::new(&script, |_| {});
    let exit = rig.play();
    assert_eq!((exit.cause, exit.exit_code), (ExitCause::Exited, Some(0)));
    assert!(exit.strays >= 1);
    assert_eq!(process::start_time(rig.number("left")), None);
}

#[test]
fn whoever_multiplies_when_asked_to_end_is_ended_all_the_same() {
    let rig = Rig::new("exec sh hydra.sh", |_| {});
    let hydra = "trap 'setsid sh hydra.sh & setsid sh hydra.sh &' TERM\necho up\nwhile :; do sleep 0.02; done\n";
    fs::write(rig.tmp.path().join("hydra.sh"), hydra).unwrap();
    rig.launch();
    rig.says("up");
    assert!(stop::ask_to_stop(&rig.dir));
    let exit = rig.exit();
    assert_eq!((exit.cause, exit.text.as_deref()), (ExitCause::Stopped, None), "verified gone");
    assert!(exit.strays >= 2, "{exit:?}");
    rig.nobody_is_left();
}

#[test]
fn an_agent_whose_shim_was_killed_is_found_and_ended() {
    let script = format!("setsid {} & echo ready; while :; do sleep 1; done", deaf("stray"));
    let rig = Rig::new(&script, |_| {});
    let shim = rig.launch();
    let (agent, start) = rig.agent();
    let stray = rig.number("stray");
    assert!(Command::new("kill").args(["-9", &shim.to_string()]).status().unwrap().success());
    until("a free lock", || (!rig.dir.is_alive()).then_some(()));
    assert!(process::is_same(agent, start), "the agent works on");
    assert!(stop::leftovers(&rig.dir).contains(&agent));
    assert_eq!(rig.dir.exit(), None);
    let ended = stop::stop_run(&rig.dir, Duration::from_millis(100));
    assert!(ended.verified && ended.strays >= 1, "{ended:?}");
    assert!(!process::is_same(agent, start));
    until("the stray is gone", || process::state(stray).is_none_or(|s| s == 'Z').then_some(()));
}

#[test]
fn an_agent_outlives_whoever_started_its_shim() {
    let rig = Rig::new("echo ready; while [ ! -e go ]; do sleep 0.01; done; echo went on", |_| {});
    // A server in a group of its own that is killed as a whole.
    let mut server =
        Command::new("setsid").args(["sh", "-c", "\"$0\" shim \"$1\" & wait", EXE]).arg(rig.dir.path()).spawn().unwrap();
    rig.says("ready");
    let session = server.id().to_string();
    assert!(Command::new("kill").args(["-9", "--", &format!("-{session}")]).status().unwrap().success());
    server.wait().unwrap();
    fs::write(rig.tmp.path().join("go"), "").unwrap();
    assert_eq!(rig.exit().exit_code, Some(0));
    assert_eq!(rig.raw(), "ready\nwent on\n");
}

//! Turns of the headless driver whose agent, shim or server is killed.

use crate::orchestrator::headless_rig::{Rig, failure};
use crate::support::luci_rows;
use crate::support::wait::until;
use mission_control::drivers::supervise::run_dir::{RunDir, RunSpec};
use mission_control::engine::orchestrator::driver::{AgentStatus, Driver, Harvest, NotSent};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

#[test]
fn an_agent_killed_while_it_answers_is_a_failure_that_says_so_before_and_after_a_restart() {
    let mut rig = Rig::new("hangonce");
    let turn = rig.turn("Think long.");
    rig.send(&turn);
    rig.says(&turn, "nothing more");
    assert!(matches!(rig.harvest(&turn), Harvest::Working { .. }));
    assert_eq!(rig.look(), AgentStatus::Busy);
    rig.kill_agent(&turn);
    let (why, partial, lost) = failure(rig.fate(&turn));
    assert!(why.starts_with("Killed while she answered") && why.contains("Retry"), "{why}");
    assert_eq!((partial.as_deref(), lost), (Some("I will say nothing more."), false));
    rig.restart();
    assert_eq!(failure(rig.harvest(&turn)).0, why);
    // The conversation had begun: the next turn goes on with it.
    assert!(rig.answer("Again.").starts_with("DONE"));
    assert!(rig.starts()[1]["argv"].to_string().contains("--resume"));
}

#[test]
fn a_server_that_restarts_between_sending_and_harvest_finds_the_answer() {
    let mut rig = Rig::new("talker");
    let turn = rig.turn("Tell me all.");
    rig.send(&turn);
    rig.restart();
    assert_eq!(rig.look(), AgentStatus::Busy);
    let other = rig.turn("And this?");
    let refused = rig.driver.send(&rig.engine, &rig.session, &other, &mut || panic!("too early"));
    assert!(matches!(refused, Err(NotSent::NotNow(_))), "never two at once: {refused:?}");
    let Harvest::Answered { text, .. } = rig.fate(&turn) else { panic!("no answer") };
    assert_eq!(text, "DONE: said all lines");
    rig.restart();
    assert!(matches!(rig.harvest(&turn), Harvest::Answered { .. }), "and finds it again");
    assert_eq!(rig.starts().len(), 1);
}

#[test]
fn a_turn_that_never_started_is_nowhere_and_never_starts() {
    let mut rig = Rig::new("instant");
    let turn = rig.turn("Hello?");
    assert_eq!(rig.harvest(&turn), Harvest::NeverCame, "no folder");
    let spec = RunSpec {
        run: 1,
        ticket: "luci".to_owned(),
        argv: vec!["true".to_owned()],
        cwd: PathBuf::from("/"),
        env: BTreeMap::new(),
        env_from: Vec::new(),
        raw_log: rig.dir(&turn).file("stream.log"),
        log_cap: 0,
        wall_clock_ms: 0,
        silence_ms: 0,
        stop_grace_ms: 0,
        oom_score_adj: 0,
    };
    let dir = RunDir::create(rig.dir(&turn).path(), &spec, "x").expect("a folder");
    assert_eq!(rig.harvest(&turn), Harvest::NeverCame, "a folder that no shim has begun on");
    assert!(!dir.begin("shim 1").expect("it can be asked"), "and none begins any more");
    assert_eq!(rig.harvest(&turn), Harvest::NeverCame);
}

#[test]
fn an_agent_whose_shim_was_killed_is_still_waited_for() {
    let mut rig = Rig::new("hang");
    let turn = rig.turn("Think long.");
    rig.send(&turn);
    rig.says(&turn, "nothing more");
    let pids = until("the processes", || rig.dir(&turn).pids());
    kill(Pid::from_raw(pids.shim_pid), Signal::SIGKILL).expect("it was there");
    until("the shim's end", || (!rig.dir(&turn).is_alive()).then_some(()));
    assert_eq!(rig.look(), AgentStatus::Busy);
    assert!(matches!(rig.harvest(&turn), Harvest::Working { .. }));
    rig.driver.interrupt(&rig.engine, &rig.session, &turn).expect("it is ended");
    assert!(matches!(rig.fate(&turn), Harvest::Interrupted { .. }));
}

#[test]
fn a_first_turn_killed_before_its_first_word_does_not_block_the_second() {
    let mut rig = Rig::new("mute");
    let first = rig.turn("Hello?");
    rig.send(&first);
    rig.kill_agent(&first);
    assert_eq!(rig.fate(&first), Harvest::NeverCame, "it had not said its first word");
    // Now the agent says that its id is taken.
    let mut taken = Rig::new("taken");
    fs::create_dir_all(PathBuf::from(&taken.session.dir).join("turns")).expect("a folder");
    fs::rename(rig.dir(&first).path(), taken.dir(&luci_rows::claimed(&taken.session, 1, "n1x", "")).path()).expect("moves");
    taken.turns = 1;
    assert!(taken.answer("Hello again?").starts_with("DONE"));
    let tried: Vec<bool> = taken.starts().iter().map(|s| s["argv"].to_string().contains("--resume")).collect();
    assert_eq!(tried, [false, true]);
}

#[test]
fn a_turn_refused_because_the_id_is_taken_was_not_read_and_the_next_resumes() {
    let mut rig = Rig::new("taken");
    assert_eq!(rig.ask("Hello?"), Harvest::NeverCame);
    assert!(rig.answer("Hello again?").starts_with("DONE"));
}

//! Tasks that run a command: what it gets, how it is ended, what is told of it.

use crate::task::rig::{FOUR, NOON, Rig, sh};
use mission_control::domain::task::TaskRunState as State;
use std::fs;

#[test]
fn a_command_runs_in_the_workspace_with_what_was_declared_and_its_output_is_kept() {
    let rig = Rig::new(FOUR, NOON);
    fs::create_dir_all(rig.engine.config.workspace.join("reports")).expect("a folder");
    let front = format!(
        "cwd: reports\nenv: {{ REPORT: out, API_TOKEN: hush-hush-hush }}\n{}",
        sh("pwd; echo $REPORT-$API_TOKEN; echo oops >&2; env | grep -c ^MC_")
    );
    rig.task("t.md", &front, "");
    let run = rig.by_hand("t");
    assert_eq!((run.state, run.exit_code), (State::Ok, Some(0)), "{run:?}");
    assert!(run.output.contains("/reports\nout-…hidden\noops\n1\n"), "{}", run.output);
    assert_eq!(rig.row("t").streak, 1);
    assert!(!fs::exists(run.run_dir.expect("a folder")).expect("askable"), "what went well leaves no folder");
}

#[test]
fn a_failure_is_told_by_its_code_and_tried_again_after_a_pause() {
    let rig = Rig::new(FOUR, NOON);
    rig.task("t.md", &format!("retries: 1\n{}", sh("echo no; exit 3")), "");
    let run = rig.begin_by_hand("t");
    rig.until("the first end", || rig.run(run.id.0).attempt == 2);
    let again = rig.run(run.id.0);
    assert_eq!((again.state, again.exit_code), (State::Waiting, Some(3)));
    assert!(again.not_before.is_some());
    rig.tick();
    assert_eq!(rig.run(run.id.0).state, State::Waiting, "not before its time");
    rig.pass(31_000);
    rig.until("the second end", || !rig.run(run.id.0).state.is_live());
    assert_eq!((rig.run(run.id.0).state, rig.row("t").streak), (State::Failed, -1));
    rig.task("auth.md", &sh("exit 77"), "");
    let run = rig.by_hand("auth");
    assert_eq!(run.state, State::AuthFailed);
    let folder = std::path::PathBuf::from(run.run_dir.expect("a folder"));
    assert!(folder.join("exit.json").exists(), "what went wrong can be looked at");
    rig.until("its environment to be forgotten", || !folder.join("spec.json").exists());
    rig.task("none.md", "command: [\"/nonexistent/program\"]", "");
    let run = rig.by_hand("none");
    assert!(run.state == State::Failed && run.exit_code == Some(127) && run.output.contains("cannot be started"), "{run:?}");
    rig.task("lost.md", &format!("cwd: gone\n{}", sh("true")), "");
    let run = rig.by_hand("lost");
    assert!(run.state == State::Failed && run.note.as_deref().is_some_and(|n| n.contains("not there")), "{run:?}");
}

#[test]
fn a_task_that_takes_too_long_is_ended_with_all_it_started() {
    let rig = Rig::new(FOUR, NOON);
    rig.task("t.md", &format!("timeout: 1s\n{}", sh("echo begun; sleep 600 & sleep 600; echo never")), "");
    let run = rig.by_hand("t");
    assert_eq!(run.state, State::TimedOut, "{run:?}");
    assert_eq!(run.output.trim(), "begun");
}

#[test]
fn a_gigabyte_of_output_is_bounded_and_bytes_that_are_no_text_are_told_as_such() {
    let rig = Rig::new(FOUR, NOON);
    rig.task("big.md", &sh("echo first; head -c 1000000000 /dev/zero | tr '\\0' x; echo; echo last"), "");
    let run = rig.by_hand("big");
    assert_eq!((run.state, run.output_bytes), (State::Ok, 1_000_000_012), "{:?}", run.note);
    assert!(run.output.len() < 70_000 && run.output.starts_with("first\n") && run.output.ends_with("last\n"));
    assert!(run.output.contains("bytes left out"));
    rig.task("binary.md", &sh("head -c 5000 /dev/zero"), "");
    assert_eq!(rig.by_hand("binary").output, "(5000 bytes that are no text)");
}

#[test]
fn a_child_that_forks_away_is_neither_waited_for_nor_left() {
    let rig = Rig::new(FOUR, NOON);
    rig.task("t.md", &sh("setsid sh -c 'echo $$ > away; exec sleep 600' & while [ ! -s away ]; do :; done; echo done"), "");
    let run = rig.by_hand("t");
    assert_eq!((run.state, run.output.trim()), (State::Ok, "done"), "{run:?}");
    let pid: i32 =
        fs::read_to_string(rig.engine.config.workspace.join("away")).expect("its pid").trim().parse().expect("a number");
    assert!(mission_control::drivers::supervise::process::state(pid).is_none_or(|s| s == 'Z'), "it is gone");
    assert!(run.note.is_some_and(|n| n.contains("left behind")));
}

#[test]
fn every_outcome_reaches_the_inbox_and_three_failures_make_one_ticket() {
    let rig = Rig::new(FOUR, NOON);
    let count =
        |sql: &'static str| -> i64 { rig.engine.store.read(|c| Ok(c.query_row(sql, [], |r| r.get(0))?)).expect("countable") };
    rig.task("bad.md", &sh("echo the mirror does not answer; exit 3"), "");
    rig.task("good.md", &sh("true"), "");
    assert_eq!(rig.by_hand("good").state, State::Ok);
    for n in 1..=4 {
        assert_eq!(rig.by_hand("bad").state, State::Failed);
        assert_eq!(count("select count(*) from orchestrator_inbox where source_type = 'scheduler'"), n + 1);
        assert_eq!(count("select count(*) from tickets"), i64::from(n >= 3));
    }
    let said: String = rig
        .engine
        .store
        .read(|c| Ok(c.query_row("select message from orchestrator_inbox order by id desc limit 1", [], |r| r.get(0))?))
        .expect("readable");
    assert!(said.contains("4 in a row") && said.contains("exit code 3") && said.contains("the mirror does not answer"), "{said}");
    rig.task("auth.md", &sh("exit 77"), "");
    rig.by_hand("auth");
    assert_eq!(count("select count(*) from notifications where urgent = 1"), 1);
}

#[test]
fn an_outcome_that_cannot_be_told_does_not_keep_a_run_from_ending() {
    let rig = Rig::new(FOUR, NOON);
    rig.task("t.md", &sh("exit 3"), "");
    rig.engine.store.write(|tx| Ok(tx.conn.execute_batch("alter table streaks rename to hidden")?)).expect("hidden");
    assert_eq!(rig.by_hand("t").state, State::Failed);
    assert_eq!(rig.row("t").streak, -1);
    rig.engine.store.write(|tx| Ok(tx.conn.execute_batch("alter table hidden rename to streaks")?)).expect("back");
}

//! What happens to a machine around its runs: folders vanish, an older database is put back, nothing can be started. No
//! ticket waits for ever because of it, and none is judged by what another one left.

use crate::support::live_server::Live;
use crate::support::live_server::agent::agent;
use crate::support::wait::until;
use mission_control::drivers::supervise::run_dir::RunDir;
use mission_control::drivers::supervise::stop;
use std::fs;
use std::path::Path;
use std::time::Duration;

#[test]
fn a_run_whose_folder_is_gone_is_ended_and_tried_again() {
    let mut live = Live::start(2, &[agent("hangonce")]);
    let id = live.now("hangonce", "Do it");
    let run = live.says(id, "nothing more");
    until("it to be known as running", || (live.run_of(id).state == "running").then_some(()));
    live.kill9();
    let dir = RunDir::open(Path::new(&run.dir));
    assert!(stop::stop_run(&dir, Duration::from_millis(50)).verified);
    fs::remove_dir_all(&run.dir).expect("it was there");
    live.boot();
    live.stands(id, "done");
    assert_eq!(live.all::<String>("select reason || ' ' || state from runs order by id"), ["new lost", "retry finished"]);
}

#[test]
fn after_an_older_database_was_put_back_nothing_new_is_taken_for_what_is_forgotten() {
    let mut live = Live::start(2, &[agent("instant"), agent("review")]);
    let first = live.now("instant", "Known to the backup");
    live.stands(first, "done");
    let backup = live.root().join("backup.db");
    assert!(live.run(&["backup", backup.to_str().expect("plain text")]).status.success());
    for _ in 0..2 {
        let forgotten = live.now("instant", "Not known to it");
        live.stands(forgotten, "done");
    }
    let runs_before: i64 = live.one("select max(id) from runs");
    assert!(live.terminate().0.success());
    fs::copy(&backup, live.database()).expect("put back");
    for more in ["mc.db-wal", "mc.db-shm"] {
        let _ = fs::remove_file(live.data().join(more));
    }
    live.boot();
    let new = live.now("review", "After it");
    live.stands(new, "in_review");
    let run = live.run_of(new);
    assert_eq!((new, run.id), (first + 3, runs_before + 1), "numbers of its own");
    assert_eq!(live.starts_of(new).len(), 1, "and an agent");
}

#[test]
fn an_agent_that_falls_and_forgets_its_session_in_turns_is_blocked_in_the_end() {
    let live = Live::start_with(2, &[agent("forgets").with("retry_limit = 2")], "retry_backoff = \"20ms\"");
    let id = live.now("forgets", "Do it");
    live.stands(id, "blocked");
    let ends: Vec<String> = live.all("select reason || ' ' || coalesce(failure_code, '') from runs order by id");
    let turn = ["retry unknown_session", "cold_start exit_code"];
    assert_eq!(ends, [&["new exit_code"][..], &turn, &turn].concat());
}

#[test]
fn words_that_an_agent_did_not_live_to_hear_are_said_until_one_does() {
    let live = Live::start_with(2, &[agent("deaf").with("retry_limit = 5")], "retry_backoff = \"20ms\"");
    let id = live.now("deaf", "Do it");
    live.stands(id, "needs_input");
    live.reply(id, "Paint it green");
    live.stands(id, "done");
    let starts = live.starts_of(id);
    let said: Vec<usize> = starts.iter().map(|s| s["prompt"].as_str().expect("text").matches("Paint it green").count()).collect();
    assert_eq!(said, [0, 1, 1, 1], "asked, fell, fell before it began, heard");
}

#[test]
fn words_for_a_run_that_waits_for_its_slot_are_in_its_brief_once() {
    let live = Live::start(1, &[agent("hang"), agent("question")]);
    let asks = live.now("question", "Do it");
    live.stands(asks, "needs_input");
    let busy = live.now("hang", "Keep the slot");
    live.says(busy, "nothing more");
    live.reply(asks, "The first word");
    live.reply(asks, "The second word");
    live.stop(busy);
    live.stands(asks, "done");
    let starts = live.starts_of(asks);
    let brief = starts.last().expect("a start")["prompt"].as_str().expect("text").to_owned();
    let times = |words: &str| brief.matches(words).count();
    assert_eq!((starts.len(), times("The first word"), times("The second word")), (2, 1, 1), "{brief}");
}

#[test]
fn a_launch_that_cannot_be_says_so_and_goes_when_it_can() {
    let live = Live::start(1, &[agent("instant")]);
    let (runs, away) = (live.data().join("runs"), live.root().join("away"));
    fs::rename(&runs, &away).expect("moved");
    fs::write(&runs, "no folder").expect("in its place");
    let id = live.now("instant", "Do it");
    until("words about it", || live.run_of(id).note.contains("could not be started").then_some(()));
    let page = live.try_get(&format!("/tickets/MC-{id}")).expect("an answer").body;
    assert!(page.contains("It could not be started"), "{page}");
    fs::remove_file(&runs).expect("it was there");
    fs::rename(&away, &runs).expect("moved back");
    live.stands(id, "done");
    assert!(!live.run_of(id).note.contains("could not be started"), "nothing of it is left");
}

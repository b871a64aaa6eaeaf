//! Agents that cannot be started as asked: missing, old, in a folder that is not there.

use crate::run::rig::terminal;
use crate::support::live_server::agent::agent;
use crate::support::live_server::{EXE, Live};
use crate::support::wait::until;
use std::fs;
use std::path::Path;

#[test]
fn an_agent_that_is_not_there_blocks_its_ticket_and_says_what_to_do() {
    let missing = agent("missing").command(&["/nonexistent/agent"]);
    let unknown = agent("unknown-word").command(&["no-such-agent-anywhere"]);
    let live = Live::start(2, &[missing, unknown]);
    for name in ["missing", "unknown-word"] {
        let id = live.now(name, "Do it");
        live.stands(id, "blocked");
        assert_eq!(live.run_of(id).failure, "spawn_failed");
        let said = terminal(&live, id);
        assert!(said.contains("cannot be started") && said.contains("Install the agent's program"), "{said}");
        let page = live.try_get(&format!("/tickets/MC-{id}")).expect("an answer");
        assert!(page.body.contains("mission-control doctor"), "the page says it too");
    }
}

#[test]
fn an_agent_that_vanishes_from_the_machine_is_missed_at_its_next_start() {
    let live = Live::prepare(2, &[], "");
    let script = live.root().join("agent.sh");
    fs::write(&script, "#!/bin/sh\nexit 1\n").expect("a script");
    std::process::Command::new("chmod").arg("+x").arg(&script).status().expect("chmod is there");
    let mut live = live;
    live.configure(2, &[agent("gone").command(&[script.to_str().expect("text")]).with("retry_limit = 0")], "");
    live.boot();
    let id = live.now("gone", "Do it");
    live.stands(id, "blocked");
    assert_eq!(live.run_of(id).failure, "exit_code");
    fs::remove_file(&script).expect("it was there");
    live.reply(id, "again");
    until("the second end", || (live.comments(id, "terminal_state").len() == 2).then_some(()));
    assert_eq!(live.run_of(id).failure, "spawn_failed");
}

#[test]
fn an_agent_that_hangs_when_asked_what_it_can_do_is_used_with_a_note() {
    let live = Live::start(2, &[agent("hang-probe")]);
    let id = live.now("hang-probe", "Do it");
    live.stands(id, "done");
    let note = live.run_of(id).note;
    assert!(note.contains("did not answer"), "{note}");
}

#[test]
fn a_project_whose_folder_is_gone_blocks_its_ticket_in_words() {
    let mut live = Live::prepare(2, &[], "");
    let gone = live.root().join("gone");
    live.configure(2, &[agent("instant").cwd(&gone)], "");
    live.boot();
    let id = live.now("instant", "Do it");
    live.stands(id, "blocked");
    assert_eq!(live.run_of(id).failure, "refused");
    assert!(terminal(&live, id).contains(&format!("the folder {} is not there", gone.display())));
    fs::create_dir(&gone).expect("made again");
    live.reply(id, "it is back");
    live.stands(id, "done");
}

#[test]
fn without_git_it_works_in_the_folder_itself_and_says_so() {
    let live = Live::start(2, &[agent("instant")]);
    let id = live.now("instant", "Do it");
    live.stands(id, "done");
    let run = live.run_of(id);
    assert!(run.note.contains("no git repository") && run.worktree.is_empty(), "{run:?}");
    assert_eq!(live.starts_of(id)[0]["cwd"], live.root().join("plain").to_str().expect("text"));
}

#[test]
fn a_repository_without_a_commit_is_refused_in_words() {
    let mut live = Live::prepare(2, &[], "");
    let empty = live.root().join("empty");
    fs::create_dir(&empty).expect("a folder");
    let made = std::process::Command::new("git").args(["init", "--quiet"]).current_dir(&empty).status().expect("git is there");
    assert!(made.success());
    live.configure(2, &[agent("instant").cwd(&empty)], "");
    live.boot();
    let id = live.now("instant", "Do it");
    live.stands(id, "blocked");
    assert!(terminal(&live, id).contains("no commit yet"));
}

#[test]
fn bypassed_permissions_as_root_are_refused_unless_the_profile_says_sandbox() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("SKIPPED: only as root");
        return;
    }
    let bypass = "permission_mode = \"bypassPermissions\"";
    let live =
        Live::start(2, &[agent("instant").with(bypass), agent("instant").named("sandboxed").env("IS_SANDBOX", 1).with(bypass)]);
    let id = live.now("instant", "Do it");
    live.stands(id, "blocked");
    assert_eq!(live.run_of(id).failure, "refused");
    assert!(terminal(&live, id).contains("IS_SANDBOX"));
    assert_eq!(live.starts().len(), 0);
    let allowed = live.now("sandboxed", "Do it");
    live.stands(allowed, "done");
    assert!(live.starts_of(allowed)[0]["argv"].to_string().contains("--dangerously-skip-permissions"));
}

#[test]
fn an_old_program_is_started_with_less_and_the_run_says_so() {
    let mut live = Live::prepare(2, &[], "");
    let repo = Live::repository(live.root());
    live.configure(2, &[agent("old").cwd(&repo).with("effort = \"max\"")], "");
    live.boot();
    let id = live.now("old", "Do it");
    live.stands(id, "done");
    let run = live.run_of(id);
    for flag in ["--worktree", "--effort", "--session-id"] {
        assert!(run.note.contains(&format!("does not know {flag}")), "{}", run.note);
        assert!(!live.starts_of(id)[0]["argv"].to_string().contains(flag));
    }
    assert_eq!(live.starts_of(id)[0]["cwd"], run.worktree.as_str(), "it is started inside the worktree");
    assert!(!run.session.is_empty());
}

#[test]
fn the_built_in_demo_agent_does_a_ticket_when_nothing_is_configured() {
    let mut live = Live::prepare(2, &[], "");
    fs::remove_dir_all(live.root().join("workspace")).expect("it was there");
    live.boot();
    let answer = live.post("/composer", &[("message", "Write a haiku"), ("mode", "implement_now")]);
    assert_eq!(answer.status, 303, "{}", answer.body);
    let id = until("the ticket", || live.all::<i64>("select id from tickets").first().copied());
    until("an end", || (live.status(id) != "in_progress").then_some(()));
    let run = live.run_of(id);
    assert_eq!(run.state, "finished", "{run:?}");
    assert!(Path::new(EXE).exists());
}

//! Agents that are not there, hang, flood, lie, stay or leave things behind. None of it keeps a ticket from its next move.

use crate::ops::live_server::{EXE, Live, agent, until, until_ms};
use mission_control::base::clock::{Clock, SystemClock};
use mission_control::drivers::supervise::run_dir::RunDir;
use mission_control::drivers::supervise::stop;
use std::fs;
use std::path::Path;

/// Every field of the terminal-state comment.
const FIELDS: [&str; 8] =
    ["status", "summary", "root_cause", "safe_retry", "stop_condition", "human_input_required", "next_actions", "artifacts"];

fn fields(comment: &str) -> Vec<&str> {
    comment.lines().map(|l| l.strip_prefix("- **").and_then(|l| l.split_once(":** ")).expect("a field per line").0).collect()
}

/// The one terminal-state comment of a ticket, with all its fields.
fn terminal(live: &Live, id: i64) -> String {
    let found = live.comments(id, "terminal_state");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(fields(&found[0]), FIELDS);
    found[0].clone()
}

fn events(live: &Live, id: i64, what: &str) -> i64 {
    live.one(&format!("select count(*) from ticket_events where ticket_id = {id} and {what}"))
}

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
fn an_agent_that_falls_silent_is_ended_by_its_limit() {
    let live = Live::start(2, &[agent("hang").with("silence_limit = \"600ms\"\nretry_limit = 0")]);
    let id = live.now("hang", "Do it");
    live.stands(id, "blocked");
    assert_eq!(live.run_of(id).failure, "silence");
    assert!(terminal(&live, id).contains("no output for"));
}

#[test]
fn an_agent_that_runs_for_too_long_is_ended_and_not_tried_again() {
    let talker = agent("talker").env("TALK_LINES", 100_000).env("TALK_PAUSE_MS", 20).with("wall_clock_limit = \"900ms\"");
    let live = Live::start(2, &[talker]);
    let id = live.now("talker", "Do it");
    live.stands(id, "blocked");
    assert_eq!(live.run_of(id).failure, "wall_clock");
    assert_eq!(live.starts_of(id).len(), 1);
    terminal(&live, id);
}

#[test]
fn an_agent_that_floods_its_log_past_the_cap_is_ended() {
    let live = Live::start(2, &[agent("flood").env("FLOOD_MB", 2000).with("log_cap = 3000000")]);
    let id = live.now("flood", "Do it");
    live.stands(id, "blocked");
    let run = live.run_of(id);
    assert_eq!(run.failure, "log_cap");
    assert!(fs::metadata(run.log).expect("a log").len() < 2_000_000_000, "long before it was done");
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
fn garbage_is_kept_line_by_line_and_is_no_result() {
    let live = Live::start(2, &[agent("garbage").with("retry_limit = 0")]);
    let id = live.now("garbage", "Do it");
    live.stands(id, "blocked");
    assert_eq!(live.run_of(id).failure, "no_result");
    assert_eq!(events(&live, id, "tool = 'unreadable' and is_error"), 20);
    terminal(&live, id);
}

#[test]
fn half_a_line_is_one_event_that_says_so() {
    let live = Live::start(2, &[agent("halfline").with("retry_limit = 0")]);
    let id = live.now("halfline", "Do it");
    live.stands(id, "blocked");
    assert_eq!(events(&live, id, "tool = 'unfinished' and content like '%half a li%'"), 1);
}

#[test]
fn bytes_that_are_no_text_are_shown_as_far_as_they_are() {
    let live = Live::start(2, &[agent("badutf8")]);
    let id = live.now("badutf8", "Do it");
    live.stands(id, "done");
    assert_eq!(events(&live, id, "content like 'bad %\u{fffd}% bytes'"), 1);
    let run = live.run_of(id);
    let lines = fs::read(&run.log).expect("a log").iter().filter(|b| **b == b'\n').count();
    let lines_read: i64 = live.one(&format!("select log_lines from runs where id = {}", run.id));
    assert_eq!(lines_read, lines as i64);
    assert_eq!(live.try_get(&format!("/tickets/MC-{id}")).expect("an answer").status, 200);
}

#[test]
fn a_done_without_any_work_goes_to_review() {
    let live = Live::start(2, &[agent("empty"), agent("none"), agent("subagent"), agent("review")]);
    let ids = ["empty", "none", "subagent", "review"].map(|m| live.now(m, "Do it"));
    for id in ids {
        live.stands(id, "in_review");
    }
    assert!(live.run_of(ids[0]).note.contains("called no tool"), "{}", live.run_of(ids[0]).note);
    assert!(live.run_of(ids[1]).note.contains("begins with none of"), "{}", live.run_of(ids[1]).note);
    assert_eq!(live.comments(ids[2], "result"), ["REVIEW: says the agent"]);
}

/// A figure of the server's memory, in kilobytes.
fn memory(live: &Live, name: &str) -> i64 {
    let status = fs::read_to_string(format!("/proc/{}/status", live.pid())).expect("it runs");
    let line = status.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(':')).expect("it is there");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// The most the server's memory grew while this ticket was done, in kilobytes.
fn growth(mode: &str, done: &str) -> (Live, i64) {
    let live = Live::start(2, &[agent("instant"), agent(mode)]);
    let warm = live.now("instant", "Warm up");
    live.stands(warm, "done");
    let before = memory(&live, "VmRSS");
    // The high-water mark starts anew from here.
    fs::write(format!("/proc/{}/clear_refs", live.pid()), "5").expect("our own process");
    let id = live.now(mode, "Do it");
    live.stands(id, "done");
    assert_eq!(live.comments(id, "result"), [done]);
    assert!(fs::metadata(live.run_of(id).log).expect("a log").len() > 50_000_000);
    let grown = memory(&live, "VmHWM") - before;
    eprintln!("{mode}: from {before} kB, grew by {grown} kB");
    (live, grown)
}

#[test]
fn a_line_of_fifty_megabytes_costs_no_memory() {
    let (live, grown) = growth("longline", "DONE: said a long line");
    assert!(grown < 32 * 1024, "grew by {grown} kB");
    assert_eq!(live.one::<i64>("select count(*) from ticket_events where tool = 'oversize' and truncated"), 1);
}

#[test]
fn fifty_megabytes_of_lines_cost_no_memory() {
    let (live, grown) = growth("flood", "DONE: said very much");
    assert!(grown < 32 * 1024, "grew by {grown} kB");
    assert!(live.one::<i64>("select count(*) from ticket_events where content like 'flood flood%'") > 8_000);
}

#[test]
fn a_refused_login_blocks_the_ticket_and_rests_the_profile_until_a_person_acts() {
    let live = Live::start(2, &[agent("auth"), agent("instant")]);
    let id = live.now("auth", "Do it");
    live.stands(id, "blocked");
    assert_eq!(live.run_of(id).failure, "auth_failure");
    assert!(terminal(&live, id).contains("Log the agent in again"));
    assert_eq!(live.all::<Option<i64>>("select until from profile_pauses where profile = 'auth'"), [None]);
    // Others of that profile wait without an attempt; other profiles go on.
    let next = live.todo("auth", "Do it, too");
    let other = live.now("instant", "Do it");
    live.stands(other, "done");
    live.tick();
    assert_eq!(live.status(next), "todo");
    assert_eq!(live.starts_of(next).len(), 0);
    // A person's reply is the push: it is tried again, and refused again.
    live.reply(id, "logged in again");
    until("the second try", || (live.starts_of(id).len() == 2).then_some(()));
    live.stands(id, "blocked");
}

#[test]
fn a_limit_gives_the_ticket_back_until_the_reset() {
    let live = Live::start(2, &[agent("limit")]);
    let id = live.now("limit", "Do it");
    live.stands(id, "todo");
    let run = live.run_of(id);
    assert_eq!(run.failure, "rate_limit");
    let (not_before, retries): (i64, i64) =
        (live.one(&format!("select not_before from tickets where id = {id}")), live.one("select retries from tickets"));
    let wait = not_before - SystemClock::new().now().0;
    assert!((500_000..=600_000).contains(&wait), "in ten minutes, as it said: {wait} ms");
    assert_eq!(retries, 0, "not counted");
    assert_eq!(live.all::<Option<i64>>("select until from profile_pauses where profile = 'limit'"), [Some(not_before)]);
    assert!(terminal(&live, id).contains("goes on by itself"));
    live.tick();
    live.tick();
    assert_eq!((live.status(id).as_str(), live.starts_of(id).len()), ("todo", 1), "and nothing is tried meanwhile");
}

#[test]
fn a_limit_that_resets_goes_on_by_itself() {
    let live = Live::start(
        2,
        &[agent("limit").env("LIMIT_TEXT", "API Error: Request rejected (429) · limit reached, resets in 1 seconds")],
    );
    let id = live.now("limit", "Do it");
    let run = until("the first end", || (!live.comments(id, "terminal_state").is_empty()).then(|| live.run_of(id)));
    assert_eq!(run.failure, "rate_limit");
    let at: Option<i64> = live.one("select max(retry_at) from runs");
    if at.is_some_and(|at| at - SystemClock::new().now().0 < 20_000) {
        until("the second try", || (live.starts_of(id).len() >= 2).then_some(()));
    }
    live.move_to(id, "cancelled");
    live.stands(id, "cancelled");
}

#[test]
fn a_ticket_that_is_moved_away_stays_there_however_its_run_comes_to_an_end() {
    let limit = agent("limit").env("LIMIT_TEXT", "API Error: Request rejected (429) · limit reached, resets in 1 seconds");
    let live = Live::start(2, &[agent("instant"), limit]);
    // The wish comes while the run is at work, as it ends, or when it is over.
    for (mode, n) in ["limit", "instant"].into_iter().flat_map(|mode| (0..6).map(move |n| (mode, n))) {
        let id = live.now(mode, "Do it");
        until("its agent", || (!live.starts_of(id).is_empty()).then_some(()));
        mission_control::base::clock::pause(std::time::Duration::from_millis(n * 30));
        let answer = live.post(&format!("/tickets/MC-{id}/move"), &[("status", "cancelled")]);
        // What is done cannot be cancelled; a move that was taken is kept.
        let stays = if answer.status == 303 { "cancelled" } else { "done" };
        assert!(answer.status == 303 || (answer.status == 422 && mode == "instant"), "{}", answer.body);
        live.stands(id, stays);
        live.tick();
        assert_eq!(live.status(id), stays, "{mode}: it stays there");
    }
}

#[test]
fn a_session_that_forks_closes_one_row_and_opens_one() {
    let live = Live::start(2, &[agent("fork")]);
    let id = live.now("fork", "Do it");
    live.stands(id, "done");
    let first = live.run_of(id).session;
    live.move_to(id, "todo");
    until("the fork", || (live.one::<i64>("select count(*) from runs") == 3).then_some(()));
    live.stands(id, "done");
    let rows: Vec<String> =
        live.all("select attempt || ' ' || reason || ' ' || state || ' ' || (session_id = (select session_id from runs where attempt = 1)) from runs order by attempt");
    assert_eq!(rows, ["1 new finished 1", "2 resume finished 1", "3 fork finished 0"]);
    let forked = live.run_of(id);
    assert_ne!(forked.session, first);
    assert_eq!(
        live.one::<String>(&format!("select session_id from tickets where id = {id}")),
        forked.session,
        "that one is the truth now"
    );
    assert_eq!(live.starts_of(id).len(), 2, "one process for both rows");
}

#[test]
fn an_unknown_session_starts_afresh_with_the_history() {
    let live = Live::start(2, &[agent("unknown")]);
    let id = live.now("unknown", "Paint the shed green");
    live.stands(id, "done");
    live.reply(id, "And the door, please");
    live.move_to(id, "todo");
    until("the cold start", || {
        (live.starts_of(id).len() >= 2 && live.one::<i64>("select count(*) from runs") == 3).then_some(())
    });
    live.stands(id, "done");
    let reasons: Vec<String> = live.all("select reason || ' ' || state from runs order by attempt");
    assert_eq!(reasons, ["new finished", "resume failed", "cold_start finished"]);
    let starts = live.starts_of(id);
    let brief = starts.last().expect("a start")["prompt"].as_str().expect("text").to_owned();
    assert!(brief.contains("Paint the shed green") && brief.contains("DONE: instantly"), "what was and what came of it");
    assert_eq!(brief.matches("And the door, please").count(), 1, "{brief}");
    assert_eq!(live.one::<i64>("select retries from tickets"), 0, "not counted");
}

#[test]
fn an_agent_that_works_elsewhere_is_not_believed() {
    let live = Live::start(2, &[agent("wrongplace")]);
    let id = live.now("wrongplace", "Do it");
    live.stands(id, "blocked");
    assert_eq!(live.run_of(id).failure, "wrong_place");
    assert!(terminal(&live, id).contains("/nonexistent/elsewhere"));
}

#[test]
fn an_agent_deaf_to_sigterm_is_ended_all_the_same() {
    let live = Live::start(2, &[agent("stubborn")]);
    let id = live.now("stubborn", "Do it");
    let run = live.says(id, "nothing more");
    let clock = SystemClock::new();
    live.stop(id);
    live.stands(id, "blocked");
    assert!(clock.mono_ms() < 15_000, "{} ms", clock.mono_ms());
    assert_eq!(stop::leftovers(&RunDir::open(Path::new(&run.dir))), [0; 0]);
}

#[test]
fn what_an_agent_leaves_behind_is_ended_with_it() {
    let live = Live::start(2, &[agent("stray")]);
    let id = live.now("stray", "Do it");
    live.stands(id, "done");
    let dir = RunDir::open(Path::new(&live.run_of(id).dir));
    assert_eq!(stop::leftovers(&dir), [0; 0]);
    assert_eq!(dir.exit().expect("a record").strays, 1);
}

#[test]
fn a_stop_ends_tools_in_sessions_of_their_own_as_well() {
    let script = "cat > /dev/null; setsid sh -c 'trap \"\" TERM; (sleep 600 & sleep 600)' & echo '{\"type\":\"system\",\"subtype\":\"init\"}'; echo up; sleep 600";
    let live = Live::start(2, &[agent("family").command(&["sh", "-c", &asked("exit 0", script)])]);
    let id = live.now("family", "Do it");
    let run = live.says(id, "up");
    let dir = RunDir::open(Path::new(&run.dir));
    until("the whole family", || (stop::leftovers(&dir).len() >= 4).then_some(()));
    live.stop(id);
    live.stands(id, "blocked");
    assert_eq!(stop::leftovers(&dir), [0; 0]);
}

/// A script that does something else where it is only asked what it can do.
fn asked(answer: &str, script: &str) -> String {
    // `sh -c SCRIPT --version`: the flag is $0.
    format!("case \"$0 $*\" in *--version*|*--help*) {answer};; esac; {script}")
}

#[test]
fn an_agent_that_stays_after_its_result_is_sent_home_and_has_finished() {
    let live = Live::start(2, &[agent("linger").with("exit_grace = \"500ms\"")]);
    let id = live.now("linger", "Do it");
    live.stands(id, "done");
    let run = live.run_of(id);
    assert_eq!((run.state.as_str(), run.verdict.as_str()), ("finished", "DONE"));
    assert_eq!(live.comments(id, "terminal_state"), [""; 0]);
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
fn an_agent_that_fails_again_and_again_is_tried_with_pauses_and_then_blocked() {
    let live = Live::start_with(2, &[agent("code1").with("retry_limit = 2")], "retry_backoff = \"150ms\"");
    let id = live.now("code1", "Do it");
    live.stands(id, "blocked");
    let told = live.comments(id, "terminal_state");
    assert_eq!(told.len(), 3, "one for each end");
    for comment in &told {
        assert_eq!(fields(comment), FIELDS);
        assert!(comment.contains("something went wrong"), "with the end of stderr: {comment}");
    }
    assert!(told[0].contains("**status:** todo") && told[0].contains("goes on by itself at"), "{}", told[0]);
    assert!(told[2].contains("**status:** blocked") && told[2].contains("**human_input_required:** yes"), "{}", told[2]);
    let gaps: Vec<i64> = live.all(
        "select n.created_at - p.ended_at from runs n join runs p on p.ticket_id = n.ticket_id and p.attempt = n.attempt - 1 order by n.id",
    );
    assert!(gaps.len() == 2 && gaps[0] >= 100 && gaps[1] >= 550, "four times as long each time: {gaps:?}");
    live.tick();
    assert_eq!(live.starts_of(id).len(), 3, "and then nothing more by itself");
}

#[test]
fn an_agent_that_recovers_has_its_slate_wiped() {
    let live = Live::start(2, &[agent("retries")]);
    let id = live.now("retries", "Do it");
    live.stands(id, "done");
    assert_eq!(
        live.all::<String>("select reason || ' ' || state from runs order by id"),
        ["new failed", "retry failed", "retry finished"]
    );
    assert_eq!(live.one::<i64>("select retries from tickets"), 0);
}

#[test]
fn a_report_by_command_counts_where_the_last_words_say_something_else() {
    let script = r#"cat > /dev/null
        echo '{"type":"system","subtype":"init","session_id":"0b1e7c1c-1111-4222-8333-444455556666","cwd":"'"$PWD"'"}'
        echo '{"type":"assistant","message":{"content":[{"type":"tool_use","id":"t1","name":"Bash","input":{"command":"x"}}]}}'
        mission-control evidence "12 tests passed" >&2 && mission-control comment "half way" >&2 && mission-control review "look at the colours" >&2 || exit 9
        echo '{"type":"result","subtype":"success","is_error":false,"result":"DONE: all of it"}'"#;
    let live = Live::start(2, &[agent("reporter").command(&["sh", "-c", &asked("exit 0", script)]).with("retry_limit = 0")]);
    let id = live.now("reporter", "Do it");
    until("an end", || ["in_review", "done", "blocked"].contains(&live.status(id).as_str()).then_some(()));
    let run = live.run_of(id);
    assert_eq!(live.status(id), "in_review", "{run:?}");
    assert!(run.note.contains("disagree"), "{}", run.note);
    assert!(live.comments(id, "result")[0].contains("look at the colours"));
    assert_eq!(live.comments(id, "comment"), ["half way"]);
    assert_eq!(
        live.one::<i64>(&format!(
            "select count(*) from evidence where ticket_id = {id} and label like '%12 tests%' or detail like '%12 tests%'"
        )),
        1
    );
}

#[test]
fn a_report_while_the_server_is_down_is_heard_by_the_next() {
    let script = r#"cat > /dev/null
        echo '{"type":"system","subtype":"init","session_id":"0b1e7c1c-1111-4222-8333-444455556666","cwd":"'"$PWD"'"}'
        echo '{"type":"assistant","message":{"content":[{"type":"tool_use","id":"t1","name":"Bash","input":{"command":"x"}}]}}'
        while [ ! -e go ]; do sleep 0.02; done
        mission-control question "red or blue?" >&2 || exit 9
        touch said
        echo '{"type":"result","subtype":"success","is_error":false,"result":"DONE: all of it"}'"#;
    let mut live = Live::start(2, &[agent("reporter").command(&["sh", "-c", &asked("exit 0", script)]).with("retry_limit = 0")]);
    let id = live.now("reporter", "Do it");
    live.says(id, "tool_use");
    live.kill9();
    let plain = live.root().join("plain");
    fs::write(plain.join("go"), "").expect("a file");
    until_ms(90_000, "the report", || (plain.join("said").exists() || live.workers().is_empty()).then_some(()));
    live.boot();
    live.stands(id, "needs_input");
    assert!(live.comments(id, "result")[0].contains("red or blue?"));
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

#[test]
fn nonsense_left_as_a_report_does_not_keep_a_run_from_its_end() {
    let script = r#"cat > /dev/null; cd "$MC_RUN_DIR/spool"
        mkdir a.json; echo '{' > b.json; echo '{"kind":"wish","body":"a pony"}' > c.json; echo '{"kind":"done"}' > d.json
        ln -s /dev/zero e.json; head -c 2000000 /dev/zero > f.json; echo '{"kind":7,"body":[],"client_id":{}}' > g.json
        echo '{"type":"system","subtype":"init","session_id":"0b1e7c1c-1111-4222-8333-444455556666","cwd":"'"$OLDPWD"'"}'
        echo '{"type":"assistant","message":{"content":[{"type":"tool_use","id":"t1","name":"Bash","input":{"command":"x"}}]}}'
        echo '{"type":"result","subtype":"success","is_error":false,"result":"DONE: all of it"}'"#;
    let live = Live::start(2, &[agent("messy").command(&["sh", "-c", &asked("exit 0", script)]).with("retry_limit = 0")]);
    let id = live.now("messy", "Do it");
    live.stands(id, "done");
    assert_eq!(live.one::<i64>("select count(*) from run_reports"), 1, "the one that is a report");
}

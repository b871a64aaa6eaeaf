//! The real Claude Code against our server, with a model on loopback that says what each ticket tells it to.

use crate::support::model_stub::script;
use crate::support::real_rig::{Rig, Wishes};
use mission_control::base::clock::{Clock, SystemClock};
use mission_control::drivers::supervise::process;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use std::path::Path;

/// One answer of the model that calls Bash.
fn bash(command: &str) -> Value {
    json!({"tools": [["Bash", {"command": command, "description": "as told"}]]})
}

fn says(text: &str) -> Value {
    json!({"text": text})
}

fn sentinel(signal: &str, nonce: &str) -> String {
    json!({"mc_signal": signal, "ticket": "{ticket}", "nonce": nonce, "payload": "as told"}).to_string()
}

#[test]
fn a_plain_answer_is_a_result_and_the_model_was_asked_as_configured() {
    let Some(rig) = Rig::start("a plain answer", &Wishes::default()) else { return };
    let ticket = rig.ticket(&json!([says("DONE: nothing was to be done")]));
    rig.until_status(ticket, "in_review");
    let run = rig.last_run(ticket);
    assert_eq!((run.state.as_str(), run.verdict.as_deref()), ("finished", Some("REVIEW")), "{run:?}");
    assert!(run.note.contains("called no tool"), "{}", run.note);
    assert_eq!(rig.comments(ticket, "result"), ["DONE: nothing was to be done"]);
    assert_eq!(rig.session(ticket), run.session);
    let turns = rig.model.turns();
    assert_eq!(turns.len(), 1);
    assert_eq!(turns[0].body["output_config"]["effort"], "max");
    let brief = turns[0].said_by_user();
    for wanted in [run.nonce.as_str(), "MC-1", "Do as you are told", "worktree-mc-mc-1", "mc_signal"] {
        assert!(brief.contains(wanted), "{wanted} is not in the brief:\n{brief}");
    }
}

#[test]
fn tools_work_in_the_tickets_own_worktree_from_the_local_head() {
    let Some(rig) = Rig::start("tools and worktree", &Wishes { remote: true, ..Wishes::default() }) else { return };
    let ticket = rig.ticket(&json!([
        bash("pwd && echo made > made.txt && git add made.txt && git commit -qm made && git branch --show-current"),
        bash("echo to stderr >&2; exit 3"),
        says("DONE: made.txt is there"),
    ]));
    rig.until_status(ticket, "done");
    let run = rig.last_run(ticket);
    assert_eq!(run.verdict.as_deref(), Some("DONE"), "{run:?}");
    let tree = rig.repo.join(".claude/worktrees/mc-mc-1");
    assert_eq!(Path::new(&run.worktree), tree);
    let events = rig.events(ticket);
    let of = |kind: &str| events.iter().filter(|e| e.kind == kind).collect::<Vec<_>>();
    assert_eq!(of("tool_use").iter().map(|e| e.tool.as_str()).collect::<Vec<_>>(), ["Bash", "Bash"]);
    assert!(of("tool_use")[0].context.contains("made.txt"), "{:?}", of("tool_use")[0]);
    let results = of("tool_result");
    assert_eq!(results.len(), 2);
    assert!(results[0].content.contains(&tree.display().to_string()), "{}", results[0].content);
    assert!(results[0].content.ends_with("worktree-mc-mc-1"), "{}", results[0].content);
    assert!(results[1].is_error && results[1].content.contains("to stderr"), "{:?}", results[1]);
    assert!(events.iter().any(|e| e.tool == "init" && e.context.contains(&tree.display().to_string())), "{events:?}");

    assert!(tree.join("only-here.txt").exists(), "made from the local HEAD, not from the remote's");
    assert!(!rig.repo.join("made.txt").exists());
    assert_eq!(rig.git(&rig.repo, &["status", "--porcelain"]), "", "the main checkout is as it was");
    assert_eq!(rig.git(&rig.repo, &["worktree", "list"]).lines().count(), 2, "no other worktree was made");
    assert_eq!(rig.git(&rig.repo, &["log", "--format=%s", "main..worktree-mc-mc-1"]), "made");
    let changed: Option<String> = rig.one("select label from evidence where ticket_id = ?1 and kind = 'change'", [ticket]);
    assert_eq!(changed.as_deref(), Some("1 file, +1 −0"));
}

#[test]
fn a_question_is_answered_and_the_same_session_goes_on() {
    let Some(rig) = Rig::start("question and reply", &Wishes::default()) else { return };
    let ticket = rig.ticket(&json!([bash("echo looking"), says("QUESTION: Which region?\n\n- eu\n- us")]));
    rig.until_status(ticket, "needs_input");
    let session = rig.session(ticket).expect("it has a session");
    let answer = script(&json!([bash("echo going on"), says("DONE: in eu")]));
    rig.reply(ticket, &format!("eu, please {answer}"));
    rig.until_status(ticket, "done");
    let runs = rig.runs(ticket);
    assert_eq!(runs.iter().map(|r| r.reason.as_str()).collect::<Vec<_>>(), ["new", "resume"]);
    assert!(runs[1].resumed);
    assert_eq!(runs.iter().map(|r| r.session.as_deref()).collect::<Vec<_>>(), [Some(session.as_str()); 2]);
    let last = rig.model.turns().pop().expect("it was asked");
    let heard = last.said_by_user();
    for wanted in ["Do as you are told", "eu, please", &runs[0].nonce, &runs[1].nonce] {
        assert!(heard.contains(wanted), "{wanted} is not in the conversation");
    }
    let sent: Option<String> = rig.one("select state from queued_messages where ticket_id = ?1", [ticket]);
    assert_eq!(sent.as_deref(), Some("delivered"));
}

#[test]
fn what_a_sub_agent_says_is_not_the_tickets_verdict() {
    let Some(rig) = Rig::start("sub-agent", &Wishes::default()) else { return };
    let inner = script(&json!([bash("echo inside"), says("DONE: says the sub-agent")]));
    let ask = json!({"description": "look", "prompt": inner, "subagent_type": "general-purpose", "run_in_background": false});
    let ticket = rig.ticket(&json!([{"tools": [["Agent", ask]]}, says("QUESTION: And now?")]));
    rig.until_status(ticket, "needs_input");
    let events = rig.events(ticket);
    let inside: Vec<_> = events.iter().filter(|e| e.sub_agent.is_some()).collect();
    assert!(inside.iter().any(|e| e.kind == "tool_use" && e.tool == "Bash"), "{events:?}");
    let run = rig.last_run(ticket);
    assert_eq!(run.verdict.as_deref(), Some("QUESTION"), "{run:?}");
    assert_eq!(rig.comments(ticket, "result").len(), 1);
}

#[test]
fn a_sub_agent_in_the_background_wakes_the_agent_when_it_is_ready() {
    let Some(rig) = Rig::start("sub-agent in the background", &Wishes::default()) else { return };
    let inner = script(&json!([bash("sleep 1; echo inside"), says("DONE: says the sub-agent")]));
    let ask = json!({"description": "look", "prompt": inner, "subagent_type": "general-purpose", "run_in_background": true});
    let ticket = rig.ticket(&json!([{"tools": [["Agent", ask]]}, says("REVIEW: the plan stands"), says("DONE: all of it")]));
    rig.until_status(ticket, "in_review");
    let run = rig.last_run(ticket);
    assert_eq!((run.state.as_str(), run.verdict.as_deref()), ("finished", Some("REVIEW")), "{run:?}");
    assert_eq!(rig.comments(ticket, "result"), ["DONE: all of it"]);
    let inside = rig.events(ticket).into_iter().filter(|e| e.sub_agent.is_some() && e.kind == "tool_use").count();
    assert_eq!(inside, 1);
}

#[test]
fn a_background_task_wakes_the_agent_again_and_the_more_cautious_word_counts() {
    let Some(rig) = Rig::start("two results", &Wishes::default()) else { return };
    let background = json!({"tools": [["Bash", {"command": "sleep 2; echo over", "run_in_background": true}]]});
    let ticket = rig.ticket(&json!([background, says("REVIEW: look at the plan"), says("DONE: all of it")]));
    rig.until_status(ticket, "in_review");
    let run = rig.last_run(ticket);
    assert_eq!((run.state.as_str(), run.verdict.as_deref()), ("finished", Some("REVIEW")), "{run:?}");
    assert!(run.note.contains("earlier in this run"), "{run:?}");
    let results = rig.events(ticket).into_iter().filter(|e| e.tool == "result").count();
    assert_eq!(results, 2);
    assert_eq!(rig.comments(ticket, "result"), ["DONE: all of it"]);
}

#[test]
fn only_a_sentinel_with_this_runs_nonce_counts() {
    let Some(rig) = Rig::start("sentinel", &Wishes::default()) else { return };
    let wrong = format!("DONE: as told\n{}", sentinel("REVIEW", "MC_TICKET_TURN:1:1:00000000"));
    let wrong = rig.ticket(&json!([bash("true"), says(&wrong)]));
    rig.until_status(wrong, "done");
    assert!(rig.last_run(wrong).note.contains("another nonce"), "{:?}", rig.last_run(wrong));
    let right = format!("It is as you wanted.\n\n{}", sentinel("DONE", "{nonce}"));
    let right = rig.ticket(&json!([bash("true"), says(&right)]));
    rig.until_status(right, "done");
    assert_eq!(rig.comments(right, "result"), ["It is as you wanted."]);
}

#[test]
fn a_refused_login_pauses_the_profile_and_blocks_the_ticket() {
    let Some(rig) = Rig::start("401", &Wishes::default()) else { return };
    let ticket = rig.ticket(&json!([{"error": 401}]));
    rig.until_status(ticket, "blocked");
    let run = rig.last_run(ticket);
    assert_eq!((run.state.as_str(), run.failure.as_deref()), ("failed", Some("auth_failure")), "{run:?}");
    assert_eq!(rig.pause().expect("paused").1, None, "until a person resumes it");
    let told = rig.comments(ticket, "terminal_state");
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("Invalid API key"), "{}", told[0]);
    let next = rig.ticket(&json!([says("DONE: never asked")]));
    let asked = rig.model.turns().len();
    rig.until("the next run", || rig.runs(next).pop());
    assert_eq!((rig.last_run(next).state.as_str(), rig.model.turns().len()), ("starting", asked), "it waits");
}

#[test]
fn a_login_that_is_refused_pauses_the_profile_at_the_first_retry() {
    let Some(rig) = Rig::start("401 with retries", &Wishes { max_retries: 10, ..Wishes::default() }) else { return };
    let ticket = rig.ticket(&json!([{"error": 401}]));
    let (reason, until) = rig.until("the pause", || rig.pause());
    assert!(reason.contains("login") && until.is_none(), "{reason}");
    assert!(rig.events(ticket).iter().any(|e| e.tool == "api_retry" && e.is_error));
    rig.stop(ticket);
    rig.until_status(ticket, "blocked");
    assert_eq!(rig.last_run(ticket).state, "stopped");
}

#[test]
fn a_limit_is_waited_for_by_ticket_and_profile() {
    let Some(rig) = Rig::start("429 with reset", &Wishes { subscriber: true, ..Wishes::default() }) else { return };
    let reset = SystemClock::new().now().0 / 1000 + 15;
    let headers = json!({"retry-after": "3600", "anthropic-ratelimit-unified-status": "rejected",
        "anthropic-ratelimit-unified-reset": reset.to_string(), "anthropic-ratelimit-unified-representative-claim": "five_hour"});
    let refused = json!({"error": 429, "headers": headers, "times": 1, "tools": [["Bash", {"command": "true"}]]});
    let ticket = rig.ticket(&json!([refused, says("DONE: later")]));
    let first = rig.until("the first run's end", || rig.runs(ticket).into_iter().find(|r| r.failure.is_some()));
    assert_eq!((first.state.as_str(), first.failure.as_deref()), ("failed", Some("rate_limit")), "{first:?}");
    let (reason, until) = rig.pause().expect("the profile rests");
    assert!(reason.contains("limit"), "{reason}");
    assert_eq!(until, Some(reset * 1000), "to the very moment");
    rig.until_status(ticket, "done");
    let runs = rig.runs(ticket);
    let began: i64 = rig.one("select launched_at from runs where id = ?1", [runs[1].id]).expect("it began");
    assert!(began >= reset * 1000, "{began} is before {reset}");
    assert_eq!((runs.len(), runs[0].session == runs[1].session), (2, true), "{runs:?}");
    assert_eq!(rig.one::<i64>("select retries from tickets where id = ?1", [ticket]), Some(0));
}

#[test]
fn a_limit_without_a_stated_reset_is_tried_again_after_a_quarter_of_an_hour() {
    let Some(rig) = Rig::start("429 without reset", &Wishes { max_retries: 0, ..Wishes::default() }) else { return };
    let ticket = rig.ticket(&json!([{"error": 429, "headers": {"retry-after": "1"}}]));
    rig.until("the run's end", || rig.last_run(ticket).failure);
    let (before, now) = (SystemClock::new().now().0 + 13 * 60_000, SystemClock::new().now().0 + 16 * 60_000);
    let until = rig.pause().and_then(|p| p.1).expect("the profile rests");
    assert!((before..now).contains(&until), "{until}");
    assert_eq!((rig.status(ticket), rig.runs(ticket).len()), ("todo".to_owned(), 1));
}

#[test]
fn an_answer_that_is_cut_off_is_asked_for_again_by_the_agent_itself() {
    let Some(rig) = Rig::start("cut stream", &Wishes { max_retries: 2, ..Wishes::default() }) else { return };
    let ticket = rig.ticket(&json!([bash("true"), {"text": "DONE: in the end it was all said", "cut": true, "times": 1}]));
    rig.until_status(ticket, "done");
    assert_eq!(rig.comments(ticket, "result"), ["DONE: in the end it was all said"]);
    assert_eq!(rig.runs(ticket).len(), 1);
    assert_eq!(rig.events(ticket).iter().filter(|e| e.kind == "text").count(), 1, "{:?}", rig.events(ticket));
}

#[test]
fn a_model_that_never_ends_its_answer_is_not_waited_for() {
    let Some(rig) = Rig::start("hanging model", &Wishes { silence: "4s", ..Wishes::default() }) else { return };
    let hung = json!({"hang": true, "times": 1, "tools": [["Bash", {"command": "true"}]]});
    let ticket = rig.ticket(&json!([hung, bash("true"), says("DONE: after all")]));
    rig.until_status(ticket, "done");
    let runs = rig.runs(ticket);
    assert_eq!((runs[0].state.as_str(), runs[0].failure.as_deref()), ("failed", Some("silence")), "{runs:?}");
    assert_eq!((runs[1].reason.as_str(), runs[0].session == runs[1].session), ("retry", true));
}

#[test]
fn a_stop_in_the_middle_of_a_tool_ends_the_whole_tree() {
    let Some(rig) = Rig::start("stopped in a tool", &Wishes::default()) else { return };
    let sign = rig.home.join("sign");
    let ticket =
        rig.ticket(&json!([bash(&format!("setsid sleep 300 & touch {}; sleep 300", sign.display())), says("DONE: slept")]));
    let run = rig.until("a run", || rig.runs(ticket).pop()).id;
    let agent = rig.until_in_tool(run, &sign);
    assert!(rig.leftovers(run).len() >= 3, "the agent, its shell and what that started: {:?}", rig.leftovers(run));
    rig.stop(ticket);
    rig.until_status(ticket, "blocked");
    assert_eq!(rig.leftovers(run), [0; 0]);
    assert_eq!(process::start_time(agent), None, "ended and reaped");
    let run = rig.last_run(ticket);
    assert_eq!((run.state.as_str(), run.failure.as_deref()), ("stopped", None), "{run:?}");
    let end: Option<i64> = rig.one("select coalesce(exit_code, signal) from runs where id = ?1", [run.id]);
    assert!(end.is_some(), "how it ended is known");
    assert_eq!(rig.comments(ticket, "terminal_state").len(), 1);
    rig.reply(ticket, &format!("go on {}", script(&json!([bash("true"), says("DONE: after all")]))));
    rig.until_status(ticket, "done");
    let resumed = rig.last_run(ticket);
    assert_eq!((resumed.reason.as_str(), resumed.session), ("resume", run.session));
}

#[test]
fn an_agent_that_is_killed_in_a_tool_is_started_again_in_its_session() {
    let Some(rig) = Rig::start("killed in a tool", &Wishes::default()) else { return };
    let sign = rig.home.join("sign");
    let ticket = rig.ticket(&json!([
        bash(&format!("touch {}; sleep 300", sign.display())),
        bash("true"),
        bash("true"),
        says("DONE: after all")
    ]));
    let run = rig.until("a run", || rig.runs(ticket).pop()).id;
    let agent = rig.until_in_tool(run, &sign);
    kill(Pid::from_raw(agent), Signal::SIGKILL).expect("it lives");
    rig.until_status(ticket, "done");
    let runs = rig.runs(ticket);
    let first = &runs[0];
    assert_eq!((first.state.as_str(), first.failure.as_deref()), ("failed", Some("killed")), "{first:?}");
    assert_eq!(rig.leftovers(run), [0; 0], "its tool had a session of its own and was ended with it");
    assert_eq!(runs.iter().map(|r| r.reason.as_str()).collect::<Vec<_>>(), ["new", "retry"]);
    assert_eq!(runs[0].session, runs[1].session);
    assert!(runs[1].resumed);
    let told = rig.comments(ticket, "terminal_state");
    assert!(told.len() == 1 && told[0].contains("SIGKILL"), "{told:?}");
}

#[test]
fn an_agent_that_is_interrupted_has_not_finished_though_it_ends_with_zero() {
    let Some(rig) = Rig::start("interrupted in a tool", &Wishes::default()) else { return };
    let sign = rig.home.join("sign");
    let ticket = rig.ticket(&json!([
        bash(&format!("touch {}; sleep 300", sign.display())),
        bash("true"),
        bash("true"),
        says("DONE: after all")
    ]));
    let run = rig.until("a run", || rig.runs(ticket).pop()).id;
    let agent = rig.until_in_tool(run, &sign);
    kill(Pid::from_raw(agent), Signal::SIGINT).expect("it lives");
    rig.until_status(ticket, "done");
    let first = rig.runs(ticket).remove(0);
    // In a hurry it ends without its last line: no result is no success either.
    let known = matches!(first.failure.as_deref(), Some("interrupted" | "no_result"));
    assert!(first.state == "failed" && known, "{first:?}");
    assert_eq!(rig.one::<i64>("select exit_code from runs where id = ?1", [run]), Some(0));
}

#[test]
fn a_session_that_the_agent_has_forgotten_starts_anew_with_the_history() {
    let Some(rig) = Rig::start("unknown session", &Wishes::default()) else { return };
    let ticket = rig.ticket(&json!([bash("true"), says("QUESTION: Which one?")]));
    rig.until_status(ticket, "needs_input");
    let before = rig.session(ticket);
    std::fs::remove_dir_all(rig.home.join(".claude/projects")).expect("its transcripts are there");
    rig.reply(ticket, &format!("the second {}", script(&json!([bash("true"), says("DONE: the second")]))));
    rig.until_status(ticket, "done");
    let runs = rig.runs(ticket);
    assert_eq!(runs.iter().map(|r| r.reason.as_str()).collect::<Vec<_>>(), ["new", "resume", "cold_start"]);
    assert_eq!(runs[1].failure.as_deref(), Some("unknown_session"), "{runs:?}");
    assert_ne!(rig.session(ticket), before);
    assert_eq!(rig.session(ticket), runs[2].session);
    let heard = rig.model.turns().pop().expect("it was asked").said_by_user();
    for wanted in ["Do as you are told", "QUESTION: Which one?", "the second"] {
        assert!(heard.contains(wanted), "{wanted} is not in the fresh brief:\n{heard}");
    }
}

#[test]
fn an_agent_goes_on_while_the_server_is_dead_and_is_found_again() {
    let Some(mut rig) = Rig::start("server killed", &Wishes::default()) else { return };
    let (sign, go) = (rig.home.join("sign"), rig.home.join("go"));
    let wait = format!("touch {}; until [ -e {} ]; do sleep 0.1; done; echo waited", sign.display(), go.display());
    let ticket = rig.ticket(&json!([bash(&wait), says("DONE: without you")]));
    let run = rig.until("a run", || rig.runs(ticket).pop()).id;
    let agent = rig.until_in_tool(run, &sign);
    rig.kill_server();
    std::fs::write(&go, "").expect("written");
    rig.until("the agent's end", || process::start_time(agent).is_none().then_some(()));
    assert_eq!(rig.status(ticket), "in_progress");
    rig.restart_server();
    rig.until_status(ticket, "done");
    assert_eq!(rig.runs(ticket).len(), 1);
    let events = rig.events(ticket);
    assert_eq!(events.iter().filter(|e| e.content.contains("waited")).count(), 1, "{events:?}");
}

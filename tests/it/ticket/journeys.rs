//! What people do with a ticket while its worker lives, dies and comes back.

use crate::support::live_server::Live;
use crate::support::live_server::agent::agent;
use crate::support::live_server::start_stop::signal;
use crate::support::wait::until;
use mission_control::drivers::supervise::run_dir::RunDir;
use nix::sys::signal::Signal;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The value behind a flag of a recorded start.
fn flag(start: &Value, name: &str) -> Option<String> {
    let argv = start["argv"].as_array().expect("argv");
    let at = argv.iter().position(|a| a == name)?;
    Some(argv.get(at + 1)?.as_str().expect("text").to_owned())
}

fn count(text: &str, what: &str) -> usize {
    text.matches(what).count()
}

#[test]
fn a_ticket_is_done_by_its_agent() {
    let live = Live::start(2, &[agent("instant")]);
    let id = live.now("instant", "Do it");
    live.stands(id, "done");
    let run = live.run_of(id);
    assert_eq!((run.state.as_str(), run.verdict.as_str(), run.attempt), ("finished", "DONE", 1));
    assert_eq!(live.comments(id, "result"), ["DONE: instantly"]);
    assert_eq!(live.starts_of(id).len(), 1);
    assert!(!live.starts_of(id)[0]["prompt"].as_str().expect("a brief").is_empty());
}

#[test]
fn a_ticket_in_todo_is_picked_up_with_its_sentinel() {
    let live = Live::start(2, &[agent("instant").env("AGENT_SENTINEL", 1)]);
    let id = live.todo("instant", "Do it");
    live.stands(id, "done");
    let results = live.comments(id, "result");
    assert_eq!(results, ["DONE: instantly"], "the sentinel is for us alone");
}

#[test]
fn the_answer_to_a_question_goes_on_in_the_same_session() {
    let live = Live::start(2, &[agent("question")]);
    let id = live.now("question", "Set it up somewhere");
    live.stands(id, "needs_input");
    let first = live.run_of(id);
    assert_eq!(live.comments(id, "result"), ["QUESTION: Which region?\n\n- eu-central-1\n- us-east-1"]);
    live.reply(id, "eu-central-1, please");
    live.stands(id, "done");
    let second = live.run_of(id);
    assert_eq!((second.attempt, second.reason.as_str(), second.resumed), (2, "resume", true));
    assert_eq!(second.session, first.session);
    assert_eq!(live.comments(id, "result")[1], "DONE: went on with: eu-central-1, please");
    let starts = live.starts_of(id);
    assert_eq!(flag(&starts[0], "--session-id").as_deref(), Some(first.session.as_str()));
    assert_eq!(flag(&starts[1], "--resume").as_deref(), Some(first.session.as_str()));
    let messages: Vec<String> = live.all("select state from queued_messages");
    assert_eq!(messages, ["delivered"]);
}

#[test]
fn a_reply_to_a_live_run_is_pending_and_delivered_once_when_it_ends() {
    let live = Live::start(2, &[agent("talker").env("TALK_LINES", 60).env("TALK_PAUSE_MS", 40)]);
    let id = live.now("talker", "Talk");
    live.says(id, "line 5\"");
    live.reply(id, "first thought");
    live.reply(id, "second thought");
    let states = || live.all::<String>("select state from queued_messages order by id");
    assert_eq!(states(), ["pending", "pending"]);
    let page = live.try_get(&format!("/tickets/MC-{id}")).expect("an answer");
    assert!(page.body.contains("first thought"), "the page shows what waits");
    until("the second run", || (live.starts_of(id).len() == 2).then_some(()));
    live.stands(id, "done");
    assert_eq!(states(), ["delivered", "delivered"]);
    let starts = live.starts_of(id);
    assert_eq!(starts.len(), 2, "one run takes both");
    let (one, two) = (starts[0]["prompt"].as_str().expect("text"), starts[1]["prompt"].as_str().expect("text"));
    assert_eq!((count(one, "first thought"), count(two, "first thought"), count(two, "second thought")), (0, 1, 1));
    assert!(two.find("first thought") < two.find("second thought"), "in the order they were said");
    assert_eq!(flag(&starts[1], "--resume"), flag(&starts[0], "--session-id"));
}

#[test]
fn a_reply_pending_when_the_server_is_killed_is_still_delivered_once() {
    let mut live = Live::start(2, &[agent("talker").env("TALK_LINES", 60).env("TALK_PAUSE_MS", 40)]);
    let id = live.now("talker", "Talk");
    live.says(id, "line 5\"");
    live.reply(id, "a thought");
    live.restart();
    until("the second run", || (live.starts_of(id).len() == 2).then_some(()));
    live.restart();
    live.stands(id, "done");
    let starts = live.starts_of(id);
    assert_eq!(starts.len(), 2);
    assert_eq!(count(starts[1]["prompt"].as_str().expect("text"), "a thought"), 1);
    assert_eq!(live.all::<String>("select state from queued_messages"), ["delivered"]);
}

#[test]
fn a_stopped_ticket_is_blocked_and_goes_on_with_a_reply() {
    let live = Live::start(2, &[agent("talker").env("TALK_LINES", 120).env("TALK_PAUSE_MS", 60)]);
    let id = live.now("talker", "Talk");
    let run = live.says(id, "line 5\"");
    live.stop(id);
    live.stands(id, "blocked");
    assert_eq!(mission_control::drivers::supervise::stop::leftovers(&RunDir::open(Path::new(&run.dir))), [0; 0]);
    let terminal = live.comments(id, "terminal_state");
    assert!(terminal.len() == 1 && terminal[0].contains("stopped on request"), "{terminal:?}");
    assert_eq!(live.run_of(id).state, "stopped");
    live.reply(id, "go on");
    live.stands(id, "done");
    let starts = live.starts_of(id);
    assert_eq!(flag(&starts[1], "--resume"), flag(&starts[0], "--session-id"));
    assert_eq!(count(starts[1]["prompt"].as_str().expect("text"), "go on"), 1);
}

#[test]
fn a_stop_asked_for_before_the_server_was_killed_still_stops() {
    let mut live = Live::start(2, &[agent("stubborn")]);
    let id = live.now("stubborn", "Stay");
    let run = live.says(id, "nothing more");
    live.stop(id);
    live.restart();
    live.stands(id, "blocked");
    assert_eq!(mission_control::drivers::supervise::stop::leftovers(&RunDir::open(Path::new(&run.dir))), [0; 0]);
    assert_eq!(live.starts_of(id).len(), 1);
}

#[test]
fn a_ticket_cancelled_while_it_runs_ends_there() {
    let live = Live::start(2, &[agent("hang")]);
    let id = live.now("hang", "Stay");
    let run = live.says(id, "nothing more");
    live.move_to(id, "cancelled");
    live.stands(id, "cancelled");
    assert_eq!(live.run_of(id).state, "stopped");
    assert_eq!(mission_control::drivers::supervise::stop::leftovers(&RunDir::open(Path::new(&run.dir))), [0; 0]);
}

#[test]
fn a_ticket_stopped_before_it_had_a_slot_never_starts() {
    let live = Live::start(1, &[agent("hang")]);
    let busy = live.now("hang", "Stay");
    live.says(busy, "nothing more");
    let id = live.now("hang", "Wait");
    live.stop(id);
    live.stands(id, "blocked");
    assert_eq!(live.starts_of(id).len(), 0);
    live.stop(busy);
    live.stands(busy, "blocked");
}

#[test]
fn a_server_told_to_end_leaves_its_workers_alone_and_the_next_adopts_them() {
    let mut live = Live::start(2, &[agent("talker").env("TALK_LINES", 120).env("TALK_PAUSE_MS", 60)]);
    let id = live.now("talker", "Talk");
    let run = live.says(id, "line 5\"");
    let pid = live.agent_pid(&run);
    let (status, ms) = live.terminate();
    assert!(status.success(), "{status}");
    assert!(ms <= 2_000, "it took {ms} ms");
    let before = fs::metadata(&run.log).expect("a log").len();
    until("more output", || (fs::metadata(&run.log).expect("a log").len() > before).then_some(()));
    live.boot();
    live.stands(id, "done");
    assert_eq!(live.run_of(id).id, run.id);
    assert_eq!(live.starts_of(id).len(), 1);
    assert_eq!(live.starts_of(id)[0]["pid"], pid);
    let lines: i64 = live.one("select count(*) from ticket_events where content like 'line %'");
    assert_eq!(lines, 120);
}

#[test]
fn a_worker_sees_its_own_token_and_no_secrets_of_others() {
    let mut live = Live::prepare(
        2,
        &[
            agent("instant"),
            agent("instant")
                .named("keyed")
                .env("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
                .with("env_from = [\"OPENAI_API_KEY\"]"),
        ],
        "",
    );
    for (name, value) in [
        ("ANTHROPIC_API_KEY", "secret-a"),
        ("OPENAI_API_KEY", "secret-o"),
        ("CLAUDECODE", "1"),
        ("GEMINI_API_KEY", "secret-g"),
        ("TELEGRAM_BOT_TOKEN", "secret-t"),
        ("MC_ADMIN", "secret-m"),
        ("HARMLESS", "kept"),
    ] {
        live.variable(name, value);
    }
    live.boot();
    let owner = live.token().to_owned();
    let plain = live.now("instant", "Look around");
    let keyed = live.now("keyed", "Look around");
    for id in [plain, keyed] {
        live.stands(id, "done");
    }
    let seen = |id| live.starts_of(id)[0]["env"].as_object().expect("variables").clone();
    let names = |id| {
        let mut found: Vec<String> = seen(id).keys().filter(|k| secretive(k)).cloned().collect();
        found.sort();
        found
    };
    let ours = ["MC_RUN_DIR", "MC_TICKET", "MC_TOKEN", "MC_URL"].map(str::to_owned).to_vec();
    assert_eq!(names(plain), ours);
    assert_eq!(names(keyed), [&["ANTHROPIC_BASE_URL".to_owned()][..], &ours, &["OPENAI_API_KEY".to_owned()]].concat());
    let env = seen(plain);
    assert_eq!(env["HARMLESS"], "kept");
    assert_eq!(env["MC_TICKET"], format!("MC-{plain}").as_str());
    assert_eq!(env["MC_URL"], live.url());
    let token = env["MC_TOKEN"].as_str().expect("text");
    assert!(!token.is_empty() && token != owner);
    let scope: String = live.one(&format!("select scope from api_tokens where name like 'run-{}-%'", live.run_of(plain).id));
    assert_eq!(scope, format!("ticket:MC-{plain}"));
    let revoked: i64 = live.one("select count(*) from api_tokens where name like 'run-%' and revoked_at is null");
    assert_eq!(revoked, 0, "and it is worth nothing once the run is over");
    let path = env["PATH"].as_str().expect("text");
    assert_eq!(path.split(':').next(), Path::new(crate::support::live_server::EXE).parent().and_then(Path::to_str));
    for start in live.starts() {
        let argv = start["argv"].to_string();
        assert!(!argv.contains("secret-") && !argv.contains(token) && !argv.contains("mct_"), "{argv}");
    }
}

fn secretive(name: &str) -> bool {
    ["ANTHROPIC", "CLAUDE", "OPENAI", "GEMINI", "TELEGRAM", "MC_"].iter().any(|p| name.starts_with(p))
}

#[test]
fn the_token_of_a_live_run_opens_its_own_ticket_and_no_other() {
    let live = Live::start(2, &[agent("hang")]);
    let id = live.now("hang", "Stay");
    let other = live.todo("hang", "Another");
    live.says(id, "nothing more");
    let start = live.starts_of(id).remove(0);
    let token = start["env"]["MC_TOKEN"].as_str().expect("text").to_owned();
    let http: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build().into();
    let get = |path: &str| {
        let url = format!("{}{path}", live.url());
        http.get(url).header("Authorization", format!("Bearer {token}")).call().expect("an answer").status().as_u16()
    };
    assert_eq!(get(&format!("/api/v1/tickets/MC-{id}")), 200);
    assert_eq!(get(&format!("/api/v1/tickets/MC-{other}")), 403);
    assert_eq!(get("/api/v1/tickets"), 403);
    for id in [id, other] {
        live.stop_if_live(id);
    }
    live.stands(id, "blocked");
    assert_eq!(get(&format!("/api/v1/tickets/MC-{id}")), 401, "over with the run");
}

#[test]
fn everything_that_is_written_is_private() {
    let mut live = Live::prepare(2, &[agent("instant"), agent("talker").env("TALK_LINES", 40).env("TALK_PAUSE_MS", 60)], "");
    live.boot();
    let id = live.now("instant", "Do it");
    let running = live.now("talker", "Talk");
    live.stands(id, "done");
    live.says(running, "line 3\"");
    let mut open = Vec::new();
    walk(&live.data(), &mut open);
    walk(&live.root().join("workspace/logs"), &mut open);
    assert_eq!(open, [""; 0], "readable by others");
    live.stands(running, "done");
}

/// Everything below that others could read.
fn walk(path: &Path, open: &mut Vec<String>) {
    let Ok(meta) = fs::symlink_metadata(path) else { return };
    if meta.is_symlink() {
        return;
    }
    if meta.permissions().mode() & 0o077 != 0 {
        open.push(format!("{:o} {}", meta.permissions().mode(), path.display()));
    }
    if meta.is_dir() {
        for entry in fs::read_dir(path).expect("it can be listed").flatten() {
            walk(&entry.path(), open);
        }
    }
}

#[test]
fn a_ticket_in_a_repository_works_in_a_worktree_of_its_own_again_and_again() {
    let mut live = Live::prepare(2, &[], "");
    let repo = Live::repository(live.root());
    live.configure(2, &[agent("question").cwd(&repo)], "");
    live.boot();
    let id = live.now("question", "Change something");
    live.stands(id, "needs_input");
    let tree = repo.join(format!(".claude/worktrees/mc-mc-{id}"));
    let run = live.run_of(id);
    assert_eq!(Path::new(&run.worktree), tree);
    assert!(tree.join("readme.txt").exists());
    live.reply(id, "here");
    live.stands(id, "done");
    let starts = live.starts_of(id);
    assert_eq!(starts.len(), 2);
    for start in &starts {
        assert_eq!(start["cwd"], tree.to_str().expect("text"));
        assert_eq!(flag(start, "--worktree"), Some(format!("mc-mc-{id}")));
    }
    let dirty =
        std::process::Command::new("git").args(["status", "--porcelain"]).current_dir(&repo).output().expect("git is there");
    assert_eq!(String::from_utf8_lossy(&dirty.stdout), "", "the main checkout is left alone");
}

#[test]
fn a_worker_that_the_operator_kills_by_hand_is_retried_in_its_session() {
    let live = Live::start(2, &[agent("talker").env("TALK_LINES", 60).env("TALK_PAUSE_MS", 40)]);
    let id = live.now("talker", "Talk");
    let run = live.says(id, "line 5\"");
    signal(live.agent_pid(&run), Signal::SIGTERM);
    live.stands(id, "done");
    let starts = live.starts_of(id);
    assert_eq!(starts.len(), 2);
    assert_eq!(flag(&starts[1], "--resume"), flag(&starts[0], "--session-id"));
}

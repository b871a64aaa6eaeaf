//! `kill -9` at any moment: of the server while workers talk, of agents, of shims. Nothing is lost, nothing is doubled.

use crate::support::live_server::Live;
use crate::support::live_server::agent::agent;
use crate::support::live_server::start_stop::signal;
use crate::support::wait::{Dice, until, until_ms};
use mission_control::base::clock::pause;
use mission_control::drivers::supervise::process;
use mission_control::drivers::supervise::run_dir::{PidRecord, RunDir};
use mission_control::drivers::supervise::stop;
use nix::sys::signal::Signal;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Tickets that run at any time.
const RUNNING: usize = 4;
/// The one works in a plain folder, the other in worktrees of a repository.
const AGENTS: [&str; 2] = ["plain", "forge"];

fn from_env(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn a_server_killed_at_random_moments_loses_no_line_and_doubles_no_worker() {
    let iterations = from_env("MC_CRASH_ITERATIONS").unwrap_or(30);
    let seed = from_env("MC_CRASH_SEED").unwrap_or_else(|| u64::from(mission_control::base::random::u32()));
    eprintln!("{iterations} kills; replay with MC_CRASH_SEED={seed}");
    let mut dice = Dice::new(seed);
    let talker = || agent("talker").env("TALK_LINES", 250).env("TALK_PAUSE_MS", 16);
    let mut live = Live::prepare(RUNNING, &[], "");
    let repo = Live::repository(live.root());
    live.configure(RUNNING, &[talker().named(AGENTS[0]), talker().named(AGENTS[1]).cwd(&repo)], "");
    let mut acked = BTreeSet::new();
    for _ in 0..iterations {
        let pid = live.spawn();
        if dice.roll(5) == 0 {
            // In the middle of its own start.
            pause(Duration::from_millis(3 + dice.roll(60)));
            live.kill9();
            continue;
        }
        live.wait_ready();
        let wait = Duration::from_millis(3 + dice.roll(398));
        let killer = std::thread::spawn(move || {
            pause(wait);
            signal(pid, Signal::SIGKILL);
        });
        feed(&live, &mut acked);
        killer.join().expect("it only waits and kills");
        live.kill9();
    }
    live.boot();
    all_over(&live);
    let tickets: BTreeSet<i64> = live.all("select id from tickets").into_iter().collect();
    assert!(acked.is_subset(&tickets), "every ticket that was acknowledged is there");
    assert_eq!(live.one::<i64>("select count(*) from tickets where status <> 'done'"), 0, "all are done");
    assert!(tickets.len() > RUNNING, "it was busy: {} tickets", tickets.len());
    every_line_is_an_event(&live);
    one_start_per_ticket(&live, &tickets);
    nothing_hangs_after_two_ticks(&mut live);
    eprintln!("{} tickets, {} events", tickets.len(), live.one::<i64>("select count(*) from ticket_events"));
}

/// Makes tickets until as many run as may, and again when one ends, until the server is gone.
fn feed(live: &Live, acked: &mut BTreeSet<i64>) {
    let rows = live.rows();
    loop {
        let open: i64 = rows
            .query_row("select count(*) from tickets where status not in ('done', 'cancelled')", [], |r| r.get(0))
            .expect("the rows can be read");
        if open < RUNNING as i64 + 1 {
            match live.try_now(AGENTS[acked.len() % 2], "Say all the lines") {
                Some(id) => acked.insert(id),
                None => return,
            };
        } else if live.try_get("/api/v1/health").is_none() {
            return;
        } else {
            pause(Duration::from_millis(10));
        }
    }
}

fn all_over(live: &Live) {
    let rows = live.rows();
    until_ms(120_000, "the end of all runs", || {
        let left: i64 = rows
            .query_row("select count(*) from runs where state in ('starting', 'running')", [], |r| r.get(0))
            .expect("the rows can be read");
        (left == 0).then_some(())
    });
}

/// Each line of each raw log has exactly one event, in order, and says what the line says.
fn every_line_is_an_event(live: &Live) {
    let rows = live.rows();
    let mut runs = rows.prepare("select id, ticket_id, raw_log from runs order by id").expect("a query");
    let runs = runs
        .query_map([], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, i64>(1)?, r.get::<_, String>(2)?)))
        .expect("rows")
        .collect::<rusqlite::Result<Vec<_>>>()
        .expect("rows");
    for (run, ticket, log) in runs {
        let raw = fs::read_to_string(&log).unwrap_or_else(|e| panic!("{log}: {e}"));
        let said: Vec<Option<String>> = raw.lines().map(text_of).collect();
        let mut events = rows
            .prepare("select line, kind, content from ticket_events where run_id = ?1 and line > 0 order by seq")
            .expect("a query");
        let events = events
            .query_map([run], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, String>(1)?, r.get::<_, String>(2)?)))
            .expect("rows")
            .collect::<rusqlite::Result<Vec<_>>>()
            .expect("rows");
        let lines: Vec<i64> = events.iter().map(|e| e.0).collect();
        let expected: Vec<i64> = (1..=said.len() as i64).collect();
        assert_eq!(lines, expected, "run {run} of MC-{ticket}: every line once and in order");
        for ((line, kind, content), said) in events.iter().zip(&said) {
            if let Some(said) = said {
                assert_eq!((kind.as_str(), content), ("text", said), "run {run} line {line}");
            }
        }
        let numbers: Vec<usize> = said.iter().flatten().filter_map(|t| t.strip_prefix("line ")?.parse().ok()).collect();
        assert_eq!(numbers, (1..=250).collect::<Vec<_>>(), "run {run}: the agent said everything once");
    }
}

fn text_of(line: &str) -> Option<String> {
    let value: Value = serde_json::from_str(line).expect("the agent writes JSON");
    Some(value["message"]["content"][0]["text"].as_str()?.to_owned())
}

fn one_start_per_ticket(live: &Live, tickets: &BTreeSet<i64>) {
    let mut starts: BTreeMap<String, usize> = BTreeMap::new();
    for start in live.starts() {
        *starts.entry(start["env"]["MC_TICKET"].as_str().expect("its ticket").to_owned()).or_default() += 1;
    }
    let expected: BTreeMap<String, usize> = tickets.iter().map(|id| (format!("MC-{id}"), 1)).collect();
    assert_eq!(starts, expected, "one agent for each ticket");
    assert_eq!(live.one::<i64>("select count(*) from runs"), tickets.len() as i64, "and one run");
}

fn nothing_hangs_after_two_ticks(live: &mut Live) {
    live.terminate();
    live.tick();
    live.tick();
    live.check();
    let stuck: Vec<i64> = live.all(
        "select id from tickets t where status = 'in_progress'
         and not exists (select 1 from runs r where r.ticket_id = t.id and r.state = 'running')",
    );
    assert_eq!(stuck, [0; 0], "in progress without a live run");
    assert_eq!(live.workers(), [0; 0]);
}

/// A ticket with this agent, and its run once it has said so much.
fn talking(live: &Live, lines: usize) -> (i64, u32) {
    let id = live.now("talker", "Say all the lines");
    let run = live.says(id, &format!("line {lines}\""));
    let pid = live.agent_pid(&run);
    (id, pid)
}

#[test]
fn an_agent_killed_at_any_line_is_resumed_and_every_attempt_keeps_its_lines() {
    let talker = agent("talker").env("TALK_LINES", 40).env("TALK_PAUSE_MS", 90).with("retry_limit = 1");
    let live = Live::start(4, &[talker]);
    for lines in [1, 7, 20, 39] {
        let (id, pid) = talking(&live, lines);
        signal(pid, Signal::SIGKILL);
        until("an end", || ["done", "in_review", "blocked"].contains(&live.status(id).as_str()).then_some(()));
        let ends: Vec<String> = live.all(&format!("select state || ' ' || reason from runs where ticket_id = {id} order by id"));
        if ends == ["finished new"] {
            // Its result was out already: kept, and looked at where the kill came before its own end.
            assert!(lines == 39, "killed after line {lines}");
            continue;
        }
        assert_eq!(live.status(id), "done");
        assert_eq!(ends, ["failed new", "finished retry"], "killed after line {lines}");
        assert_eq!(live.starts_of(id).len(), 2);
        let first = &live.starts_of(id)[0];
        let session = first["argv"].as_array().expect("argv").iter().skip_while(|a| *a != "--session-id").nth(1).cloned();
        let resumed: Vec<Value> = live.starts_of(id)[1]["argv"].as_array().expect("argv").clone();
        let at = resumed.iter().position(|a| a == "--resume").expect("the retry resumes");
        assert_eq!(resumed.get(at + 1), session.as_ref(), "the same session");
        let terminal = live.comments(id, "terminal_state");
        assert_eq!(terminal.len(), 1);
        assert!(terminal[0].contains("`killed`"), "{}", terminal[0]);
    }
}

#[test]
fn an_agent_that_is_frozen_and_thawed_goes_on_as_if_nothing_had_been() {
    let talker = agent("talker").env("TALK_LINES", 60).env("TALK_PAUSE_MS", 30);
    let live = Live::start(2, &[talker]);
    let (id, pid) = talking(&live, 10);
    signal(pid, Signal::SIGSTOP);
    let size = || fs::metadata(live.run_of(id).log).expect("a log").len();
    // Frozen: the log stands still for several of the engine's looks.
    let mut last = (size(), 0);
    until("the log to stand still", || {
        let now = size();
        last = if now == last.0 { (now, last.1 + 1) } else { (now, 0) };
        (last.1 > 200).then_some(())
    });
    assert_eq!(live.status(id), "in_progress");
    signal(pid, Signal::SIGCONT);
    live.stands(id, "done");
    assert_eq!(live.starts_of(id).len(), 1);
}

#[test]
fn a_shim_that_is_killed_takes_its_agent_with_it_before_another_starts() {
    let live = Live::start(2, &[agent("hangonce")]);
    let id = live.now("hangonce", "Do it");
    let run = live.says(id, "nothing more");
    let first = live.agent_pid(&run);
    let dir = RunDir::open(Path::new(&run.dir));
    let shim = dir.pids().expect("pids").shim_pid;
    signal(u32::try_from(shim).expect("a pid"), Signal::SIGKILL);
    live.stands(id, "done");
    let states: Vec<String> =
        live.all(&format!("select state || ' ' || coalesce(failure_code, '-') from runs where ticket_id = {id} order by id"));
    assert_eq!(states, ["lost vanished", "finished -"]);
    let starts = live.starts_of(id);
    assert_eq!(starts.len(), 2);
    assert_eq!(starts[0]["pid"], first);
    assert!(dir.exit().is_none(), "a killed shim leaves no record");
    assert_eq!(stop::leftovers(&dir), [0; 0]);
}

#[test]
fn a_shim_and_its_agent_killed_while_the_server_is_down_are_noticed_by_the_next() {
    let mut live = Live::start(2, &[agent("hang").with("retry_limit = 0")]);
    let id = live.now("hang", "Do it");
    let run = live.says(id, "nothing more");
    let pid = live.agent_pid(&run);
    let shim = u32::try_from(RunDir::open(Path::new(&run.dir)).pids().expect("pids").shim_pid).expect("a pid");
    live.kill9();
    signal(shim, Signal::SIGKILL);
    signal(pid, Signal::SIGKILL);
    live.boot();
    live.stands(id, "blocked");
    assert_eq!(live.run_of(id).failure, "vanished");
    assert_eq!(live.comments(id, "terminal_state").len(), 1);
}

/// As after a reboot of a container, or when the system has gone through all its numbers.
#[test]
fn a_stranger_who_has_a_dead_workers_number_is_neither_taken_for_it_nor_ended() {
    let mut live = Live::start(2, &[agent("hangonce")]);
    let id = live.now("hangonce", "Do it");
    let run = live.says(id, "nothing more");
    let agent = live.agent_pid(&run);
    let dir = RunDir::open(Path::new(&run.dir));
    let pids = dir.pids().expect("pids");
    live.kill9();
    signal(u32::try_from(pids.shim_pid).expect("a pid"), Signal::SIGKILL);
    signal(agent, Signal::SIGKILL);
    let mut stranger = Command::new("sleep").arg("600").process_group(0).spawn().expect("sleep");
    let pid = i32::try_from(stranger.id()).expect("a pid");
    let began = process::start_time(pid).expect("it runs");
    assert!(pids.agent_start.is_some_and(|start| start != began));
    dir.set_pids(&PidRecord { shim_pid: pid, agent_pid: Some(pid), pgid: Some(pid), ..pids }).expect("written");
    live.boot();
    live.stands(id, "done");
    let states: Vec<String> =
        live.all(&format!("select state || ' ' || coalesce(failure_code, '-') from runs where ticket_id = {id} order by id"));
    assert_eq!(states, ["lost vanished", "finished -"]);
    assert!(process::is_same(pid, began), "the stranger lives");
    stranger.kill().expect("ended");
    stranger.wait().expect("waited for");
}

#[test]
fn a_worker_that_ends_while_the_server_is_down_is_judged_by_the_next() {
    let talker = agent("talker").env("TALK_LINES", 30).env("TALK_PAUSE_MS", 30);
    let mut live = Live::start(2, &[talker]);
    let (id, _) = talking(&live, 3);
    let dir = RunDir::open(Path::new(&live.run_of(id).dir));
    live.kill9();
    until("the worker's end", || dir.exit());
    live.boot();
    live.stands(id, "done");
    assert_eq!(live.comments(id, "result"), ["DONE: said all lines"]);
}

#[test]
fn ends_without_a_result_are_told_apart() {
    let code143 = agent("code143").command(&["sh", "-c", "cat > /dev/null; exit 143"]);
    let agents = [agent("noresult"), agent("code1"), agent("code137"), agent("halfline"), code143];
    let live = Live::start(5, &agents.map(|a| a.with("retry_limit = 0")));
    let expected = [
        ("noresult", "no_result"),
        ("code1", "exit_code"),
        ("code137", "killed"),
        ("halfline", "exit_code"),
        ("code143", "killed"),
    ];
    let tickets = expected.map(|(mode, code)| (live.now(mode, "End badly"), mode, code));
    for (id, mode, code) in tickets {
        live.stands(id, "blocked");
        let run = live.run_of(id);
        assert_eq!((run.state.as_str(), run.failure.as_str()), ("failed", code), "{mode}: {}", run.why);
        assert_eq!(live.comments(id, "terminal_state").len(), 1, "{mode}");
    }
}

#[test]
fn a_second_result_does_not_take_back_the_wish_for_a_review() {
    let live = Live::start(2, &[agent("twice")]);
    let id = live.now("twice", "Say two things");
    live.stands(id, "in_review");
    assert_eq!(live.comments(id, "result"), ["DONE: the second result"]);
    assert_eq!(live.starts_of(id).len(), 1);
}

//! Agents that say nothing, too much, or what nobody can read.

use crate::run::rig::{events, terminal};
use crate::support::live_server::Live;
use crate::support::live_server::agent::agent;
use std::fs;

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

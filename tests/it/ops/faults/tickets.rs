//! Tickets over every fault point of their story.

use crate::ops::faults::{Fault, Stage, Story, ask_all, each, faults};
use crate::support::live_server::Live;
use crate::support::live_server::agent::agent;
use crate::support::wait::until;
use mission_control::base::faults::Point;
use mission_control::drivers::supervise::run_dir::RunDir;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

pub fn part(n: usize) -> Value {
    json!({ "title": format!("Part {n}"), "project": "instant", "status": "todo", "client_id": format!("part-{n}") })
}

pub fn tickets(fault: Fault) {
    let mut live = Live::prepare(2, &[agent("instant")], "every = \"1s\"");
    let wanted: Vec<Value> = (0..4).map(part).collect();
    let mut known = BTreeMap::new();
    if fault.point == Point::LaunchVoided {
        // There is something to void where a server died before.
        let mut before = Stage::set(live, Fault { point: Point::LaunchTaken, nth: 1, kind: "kill9" });
        ask_all(&before, "/api/v1/tickets", &wanted[..1], &mut BTreeMap::new());
        before.live.dies();
        live = before.live;
        live.run(&["token", "revoke", "tester"]);
    }
    let mut stage = Stage::set(live, fault);
    ask_all(&stage, "/api/v1/tickets", &wanted, &mut known);
    stage.strike();
    ask_all(&stage, "/api/v1/tickets", &wanted, &mut known);
    let live = &stage.live;
    assert_eq!(known.len(), wanted.len());
    let tickets: BTreeSet<i64> = live.all("select id from tickets").into_iter().collect();
    assert_eq!(tickets.len(), wanted.len(), "none is lost, none is doubled");
    for id in tickets {
        live.stands(id, "done");
        let runs: Vec<String> = live.all(&format!("select state || ' ' || reason from runs where ticket_id = {id}"));
        assert_eq!(runs, ["finished new"], "{}", fault.said());
        assert_eq!(live.starts_of(id).len(), 1, "one agent, {}", fault.said());
        assert_eq!(live.comments(id, "result").len(), 1);
    }
    let kept: Vec<PathBuf> = live.run_dirs().iter().map(|d| d.file("spec.json")).filter(|p| p.exists()).collect();
    assert!(kept.is_empty(), "an agent's environment stays behind: {kept:?}");
    live.check();
}

#[test]
fn tickets_are_done_once_wherever_the_server_is_killed() {
    each(&faults(Story::Tickets, "kill9"), tickets);
}

#[test]
fn tickets_are_done_once_whatever_fails_once() {
    // A server that cannot write while it starts does not come up, and says why.
    let at_start = |f: &Fault| f.point == Point::CommitReady && f.nth <= 4;
    let mut faults: Vec<Fault> = faults(Story::Tickets, "err").into_iter().filter(|f| !at_start(f)).collect();
    faults.extend(faults.clone().into_iter().map(|f| Fault { kind: "panic", ..f }));
    each(&faults, tickets);
}

#[test]
fn a_shim_killed_with_its_agent_just_started_leaves_no_second_agent() {
    each(&faults(Story::Shim, "kill9"), |fault| {
        // It talks for longer than its shim's death can stay unnoticed.
        let talker = agent("talker").named("instant").env("TALK_LINES", 100).env("TALK_PAUSE_MS", 50).with("retry_limit = 50");
        let live = Live::prepare(2, &[talker], "");
        let mut stage = Stage::set(live, fault);
        let id = stage.ask("/api/v1/tickets", &part(0)).expect("an answer")["id"].as_i64().expect("an id");
        until("a shim that is gone", || {
            let begun = |dir: &RunDir| dir.file("started").exists() && dir.file("lock").exists() && !dir.is_alive();
            stage.live.run_dirs().iter().find(|dir| begun(dir) && dir.exit().is_none()).map(|_| ())
        });
        stage.live.kill9();
        stage.live.without("MC_FAULT");
        stage.live.boot();
        stage.live.stands(id, "done");
        let states: Vec<String> = stage.live.all("select state || ' ' || coalesce(failure_code, '-') from runs order by id");
        let (last, lost) = states.split_last().expect("runs");
        assert_eq!(last, "finished -");
        assert!(!lost.is_empty() && lost.iter().all(|s| s == "lost vanished"), "{states:?}");
        assert_eq!(stage.live.comments(id, "result").len(), 1);
    });
}

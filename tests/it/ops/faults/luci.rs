//! Messages to Luci and reports over every fault point of their story.

use crate::ops::faults::{Fault, Stage, Story, ask_all, each, faults};
use crate::support::live_server::Live;
use crate::support::wait::until;
use mission_control::base::faults::Point;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;

fn luci(fault: Fault) {
    let live = Live::prepare(0, &[], "");
    let state = live.root().join("demo-state").display().to_string();
    let config = format!(
        "[pickup]\nmax_workers = 0\nevery = \"1s\"\n[orchestrator]\nprofile = \"fast\"\ndriver = \"headless\"\n\
         [profiles.fast]\nruntime = \"demo\"\nenv = {{ MC_DEMO_PACE_MS = \"20\", MC_DEMO_STATE = {state:?} }}\n"
    );
    fs::write(live.root().join("config.toml"), config).expect("a configuration");
    let mut stage = Stage::set(live, fault);
    let said = [json!({ "message": "How are things?", "client_id": "hello" })];
    let reports = [
        ("probe", "failed: no route", "normal"),
        ("disk", "failed: nearly full", "critical"),
        ("feeds", "ok: nothing new", "low"),
        ("feeds", "ok: nothing new again", "low"),
    ];
    let report = |(n, (about, words, priority)): (usize, (&str, &str, &str))| json!({ "source_type": "api", "source_id": about, "message": words, "priority": priority, "client_id": format!("report-{n}") });
    let reports: Vec<Value> = reports.into_iter().enumerate().map(report).collect();
    let (mut turns, mut items) = (BTreeMap::new(), BTreeMap::new());
    ask_all(&stage, "/api/v1/persistent_luci/send", &said, &mut turns);
    ask_all(&stage, "/api/v1/orchestrator_inbox", &reports, &mut items);
    stage.strike();
    ask_all(&stage, "/api/v1/persistent_luci/send", &said, &mut turns);
    ask_all(&stage, "/api/v1/orchestrator_inbox", &reports, &mut items);
    let live = &stage.live;
    until("all items decided", || {
        let _again = live.try_json("/api/v1/tick/drain", &json!({}));
        let left: i64 = live.one("select count(*) from orchestrator_inbox where status in ('pending', 'claimed')");
        (left == 0).then_some(())
    });
    until("the person's answer", || {
        let states: Vec<String> = live.all("select state from turns where origin = 'human'");
        (states == ["answered"]).then_some(())
    });
    let there: Vec<i64> = live.all("select id from orchestrator_inbox order by id");
    assert_eq!(there, items.values().copied().collect::<Vec<_>>(), "none is lost, none is doubled");
    let decided: Vec<i64> =
        live.all("select item_id from digest_items where decision in ('processed', 'ignored') order by item_id");
    assert_eq!(decided, there, "each is decided once");
    // What could not be done by itself waits for the owner; nothing is done twice.
    let failed = fault.kind == "err" && fault.point == Point::ActionPerformed;
    let states: Vec<String> = live.all("select state from proposals where kind = 'notify'");
    assert_eq!(states, [if failed { "open" } else { "applied" }]);
    let notices: i64 = live.one("select count(*) from notifications where key like 'notify:%'");
    assert_eq!(notices, i64::from(!failed), "done once");
    live.check();
}

#[test]
fn reports_and_messages_reach_luci_once_wherever_the_server_is_killed() {
    each(&faults(Story::Luci, "kill9"), luci);
}

#[test]
fn reports_and_messages_reach_luci_once_whatever_fails_once() {
    each(&[faults(Story::Luci, "err"), faults(Story::Luci, "panic")].concat(), luci);
}

//! What is reported: by whom, what becomes of it when nobody reads it, and how long it is kept.

use crate::inbox::rig::{MINUTE, Rig};
use crate::support::app::TestApp;
use mission_control::base::error::Error;
use mission_control::domain::actor::{Actor, Scope};
use mission_control::domain::inbox::{InboxPriority, Source};
use mission_control::domain::run::closing::{Closing, Next};
use mission_control::domain::run::conclude::Conclusion;
use mission_control::domain::run::{Failure, FailureCode, RunState};
use mission_control::domain::ticket::Status;
use mission_control::domain::time::Time;
use mission_control::engine::inbox::drain;
use mission_control::store::inbox::items;
use mission_control::store::orchestrator::sessions;
use mission_control::store::run::conclude;
use mission_control::store::run::runs;
use mission_control::store::ticket::lifecycle;
use mission_control::store::ticket::tickets::NewTicket;
use serde_json::json;
use std::collections::BTreeMap;

#[test]
fn a_critical_report_that_nobody_reads_is_told_once_with_luci_down() {
    let rig = Rig::new();
    rig.store.write(|tx| sessions::want(tx, false)).expect("stopped");
    let id = rig.post(InboxPriority::Critical, "the disk is full");
    rig.post(InboxPriority::Normal, "nothing much");
    rig.later(14 * MINUTE);
    rig.cycle();
    assert!(rig.notices().is_empty());
    rig.later(2 * MINUTE);
    for _ in 0..3 {
        rig.cycle();
        rig.later(MINUTE);
    }
    let notices = rig.notices();
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert!(notices[0].1 && notices[0].0.starts_with(&format!("inbox:{id}|")) && notices[0].0.contains("the disk is full"));
    for n in 0..30 {
        rig.post(InboxPriority::Critical, &format!("disk {n}"));
    }
    rig.later(16 * MINUTE);
    rig.cycle();
    rig.cycle();
    assert_eq!(rig.notices().len(), 2, "a flood is one notice");
    rig.holds();
}

#[test]
fn what_was_decided_is_forgotten_after_seven_days_and_nothing_else() {
    let rig = Rig::new();
    for n in 0..25 {
        rig.post(InboxPriority::Normal, &format!("old {n}"));
    }
    rig.drain();
    rig.answered("read");
    rig.drain();
    rig.later(8 * 24 * 60 * MINUTE);
    let young = rig.post(InboxPriority::Normal, "young");
    assert_eq!(drain::prune(&rig.engine).expect("pruned"), 20);
    let left = rig.store.read(|c| items::list(c, None, None, 100)).expect("readable");
    assert_eq!(left.len(), 6, "five wait or are claimed, one is young");
    assert!(left.iter().any(|i| i.id == young));
    rig.holds();
}

#[test]
fn a_run_that_fails_is_reported_and_one_that_is_done_is_not() {
    let rig = Rig::new();
    let cases: [(RunState, Option<FailureCode>, Next); 4] = [
        (RunState::Failed, Some(FailureCode::ExitCode), Next::Status(Status::Blocked)),
        (RunState::Failed, Some(FailureCode::ServerError), Next::Again { not_before: Time(i64::MAX / 2), counted: true }),
        (RunState::Finished, None, Next::Status(Status::Done)),
        (RunState::Stopped, None, Next::Status(Status::Blocked)),
    ];
    for (state, code, next) in cases {
        let config = rig.engine.config.clone();
        rig.store
            .write(move |tx| {
                let new = NewTicket::titled("Something".parse().map_err(|_| Error::Internal("a title".into()))?);
                let ann = Actor::Person { name: "Ann".into(), by_token: false };
                let ticket = lifecycle::create_started(tx, &new, &ann, config.as_ref())?;
                let run = runs::live_of(tx.conn, ticket.id)?.ok_or_else(|| Error::Internal("a run".into()))?;
                let failure = code.map(|code| Failure { code, text: "it broke\u{1b}[31m".into(), retry_at: None });
                let conclusion = Conclusion { state, verdict: None, payload: String::new(), failure, notes: Vec::new() };
                let closing = Closing {
                    conclusion,
                    next,
                    exit: (Some(1), None),
                    session_id: None,
                    began: true,
                    terminal: None,
                    author: "luci".into(),
                    pause: None,
                    evidence: Vec::new(),
                };
                conclude::conclude(tx, &run, &closing)
            })
            .expect("concluded");
    }
    let items = rig.store.read(|c| items::waiting(c, 100)).expect("readable");
    let told: Vec<_> = items.iter().map(|i| (i.source_id.clone().unwrap_or_default(), i.priority, i.headline(40))).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[0].0, "MC-1");
    assert!(told[0].2.starts_with("MC-1 is blocked"), "{told:?}");
    assert_eq!((told[1].0.as_str(), told[1].1), ("MC-2", InboxPriority::Low));
    assert!(items.iter().all(|i| i.source == Source::Pickup));
}

#[test]
fn anybody_with_a_token_may_report_and_bad_reports_are_refused_field_by_field() {
    let app = TestApp::start();
    let good =
        json!({ "source_type": "self_heal", "source_id": "disk", "message": "91 % \u{1b}[31mfull", "priority": "critical" });
    let answer = app.request("POST", "/api/v1/orchestrator_inbox").header("Idempotency-Key", "k1").json(&good).send();
    assert_eq!(answer.status, 201, "{}", answer.text());
    let item = answer.json();
    assert_eq!((item["status"].as_str(), item["message"].as_str()), (Some("pending"), Some("91 % full")));
    let again = app.request("POST", "/api/v1/orchestrator_inbox").header("Idempotency-Key", "k1").json(&good).send();
    assert_eq!(again.json(), item);
    let cases: BTreeMap<&str, serde_json::Value> = BTreeMap::from([
        ("source_type", json!({ "source_type": "me", "message": "x" })),
        ("message", json!({ "source_type": "api", "message": " " })),
        ("priority", json!({ "source_type": "api", "message": "x", "priority": "high" })),
        ("source_id", json!({ "source_type": "api", "message": "x", "source_id": "x".repeat(300) })),
        ("status", json!({ "source_type": "api", "message": "x", "status": "processed" })),
    ]);
    for (field, body) in &cases {
        let refused = app.post("/api/v1/orchestrator_inbox", body);
        assert!(matches!(refused.status, 400 | 422), "{field}: {}", refused.text());
        assert_eq!(refused.wrong(), [*field]);
    }
    let missing = app.post("/api/v1/orchestrator_inbox", &json!({}));
    assert_eq!(missing.wrong(), ["source_type", "message"]);
    let endless = app.post("/api/v1/orchestrator_inbox", &json!({ "source_type": "api", "message": "x".repeat(65 * 1024) }));
    assert_eq!(endless.wrong(), ["message"]);
    let viewer = app.token("viewer", Scope::Viewer);
    let denied = app.bare("POST", "/api/v1/orchestrator_inbox").bearer(&viewer).json(&good).send();
    assert_eq!(denied.status, 403);
    let list = app.get("/api/v1/orchestrator_inbox?status=pending");
    assert_eq!(list.json()["items"].as_array().map(Vec::len), Some(1), "{}", list.text());
    assert_eq!(app.get("/api/v1/orchestrator_inbox?status=new").status, 400);
}

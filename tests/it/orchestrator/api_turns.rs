//! Turns through the contract: sent, waited for, repeated, withdrawn.

use crate::orchestrator::api_rig::{SEND, STATUS, harvest, items, refused, say};
use crate::orchestrator::proposals_rig::answer_next;
use crate::support::app::TestApp;
use mission_control::base::clock::{Clock, SystemClock};
use mission_control::domain::actor::Scope;
use mission_control::store::orchestrator::{sessions, turns};
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn what_is_said_waits_in_its_place_and_is_answered() {
    let app = TestApp::start();
    let sent = app.post(SEND, &json!({ "message": "First" }));
    assert_eq!(sent.status, 202);
    let turn = &sent.json()["turn"];
    assert_eq!(
        (turn["state"].as_str(), turn["position"].as_i64(), turn["origin"].as_str()),
        (Some("pending"), Some(0), Some("human"))
    );
    assert!(turn["created_at"].as_str().is_some_and(|t| t.ends_with('Z')));
    assert_eq!((turn["sent_at"].is_null(), turn["response"].is_null(), sent.json().get("next")), (true, true, None));
    let second = say(&app, "Second");
    assert_eq!(app.get(&format!("/api/v1/turns/{second}")).json()["position"], 1);
    assert_eq!(app.get(STATUS).json()["queue"], 2);

    answer_next(&app, "The **first** answer.");
    let done = harvest(&app, &format!("turn={}&wait=30", second - 1)).json();
    assert_eq!(
        (done["turn"]["state"].as_str(), done["turn"]["response"].as_str()),
        (Some("answered"), Some("The **first** answer."))
    );
    assert_eq!(harvest(&app, "").json()["turn"]["id"], second, "the newest unless said");
    assert_eq!(harvest(&app, "wait=0").json()["turn"]["position"], 0);
    let listed = items(&app, "/api/v1/turns?limit=1");
    assert_eq!((listed.len(), listed[0]["id"].as_i64()), (1, Some(second)));
    let next = app.get("/api/v1/turns?limit=1").json()["next_cursor"].as_i64().expect("a cursor");
    assert_eq!(items(&app, &format!("/api/v1/turns?cursor={next}"))[0]["id"], second - 1);
}

#[test]
fn a_long_poll_ends_with_the_answer_its_time_or_the_server() {
    let app = TestApp::start();
    let id = say(&app, "Hello");
    let clock = SystemClock::new();
    assert_eq!(harvest(&app, &format!("turn={id}&wait=1")).json()["turn"]["state"], "pending");
    assert!((900..8_000).contains(&clock.mono_ms()), "{}", clock.mono_ms());
    std::thread::scope(|s| {
        let waiting = s.spawn(|| harvest(&app, &format!("turn={id}&wait=60")).json());
        let chatting = s.spawn(|| app.post("/api/v1/chat", &json!({ "message": "And you?", "timeout_s": 60 })));
        app.wait_for("both are queued", || app.store.read(turns::open_count).is_ok_and(|n| n == 2));
        answer_next(&app, "Hello yourself.");
        assert_eq!(waiting.join().expect("ends")["turn"]["response"], "Hello yourself.");
        answer_next(&app, "Well.");
        let chat = chatting.join().expect("ends");
        assert_eq!((chat.status, chat.json()["turn"]["response"].as_str()), (200, Some("Well.")));
    });
    let late = app.post("/api/v1/chat", &json!({ "message": "Nobody there", "timeout_s": 0 }));
    assert_eq!((late.status, late.json()["turn"]["state"].as_str()), (202, Some("pending")));
    let began = AtomicBool::new(false);
    std::thread::scope(|s| {
        let waiting = s.spawn(|| {
            began.store(true, Ordering::SeqCst);
            harvest(&app, "wait=60").json()
        });
        app.wait_for("it waits", || began.load(Ordering::SeqCst));
        app.close();
        assert_eq!(waiting.join().expect("ends")["turn"]["state"], "pending");
    });
}

#[test]
fn a_message_that_comes_twice_is_one_turn() {
    let app = TestApp::start();
    let body = json!({ "message": "Only once", "client_id": "k1" });
    let (first, again) = (app.post(SEND, &body), app.post(SEND, &body));
    assert_eq!((first.status, again.status, first.body == again.body), (202, 202, true));
    refused(&app.post(SEND, &json!({ "message": "Another", "client_id": "k1" })), 409, "");
    let header = app.request("POST", SEND).header("Idempotency-Key", "k2").json(&body).send();
    assert_eq!(header.json()["turn"]["id"], 2, "the header goes before the body");
    std::thread::scope(|s| {
        for path in [SEND; 8] {
            let app = &app;
            s.spawn(move || assert_eq!(app.post(path, &json!({ "message": "Taps", "client_id": "tap" })).status, 202));
        }
    });
    let chat = json!({ "message": "Chat", "client_id": "c", "timeout_s": 0 });
    assert_eq!(app.post("/api/v1/chat", &chat).json()["turn"]["id"], app.post("/api/v1/chat", &chat).json()["turn"]["id"]);
    let plan = json!({ "mode": "plan", "message": "Plan", "client_id": "p" });
    assert_eq!(app.post("/api/v1/session_start", &plan).body, app.post("/api/v1/session_start", &plan).body);
    assert_eq!(items(&app, "/api/v1/turns").len(), 5);
    let other = app.token("another", Scope::Operator);
    let theirs = app.bare("POST", SEND).bearer(&other).json(&body).send().json();
    assert_eq!((theirs["turn"]["id"].as_i64(), theirs["turn"]["author"].as_str()), (Some(6), Some("another")));
}

#[test]
fn planning_is_a_turn_with_all_that_was_said() {
    let app = TestApp::start();
    let plan =
        app.post("/api/v1/session_start", &json!({ "mode": "plan", "message": "Think", "role": "tessa", "priority": "high" }));
    assert_eq!(plan.status, 202);
    let message = plan.json()["turn"]["message"].as_str().expect("words").to_owned();
    assert!(message.starts_with("Think\n") && message.contains("role: tessa") && message.contains("priority: high"), "{message}");
    refused(&app.post("/api/v1/session_start", &json!({ "mode": "plan", "message": " " })), 400, "message");
    refused(&app.post("/api/v1/session_start", &json!({ "mode": "plan", "message": "x", "role": "nobody" })), 400, "role");
    assert!(items(&app, "/api/v1/tickets").is_empty());
}

#[test]
fn a_turn_is_withdrawn_while_it_waits_and_asked_for_again() {
    let app = TestApp::start();
    let id = say(&app, "Never mind");
    let post = |what: &str| app.post(&format!("/api/v1/turns/{id}/{what}"), &json!({}));
    for _ in 0..2 {
        assert_eq!(post("cancel").json()["turn"]["state"], "cancelled");
    }
    assert_eq!(post("retry").json()["turn"]["state"], "pending");
    answer_next(&app, "So be it.");
    refused(&post("cancel"), 409, "");
    refused(&post("retry"), 409, "");
}

#[test]
fn stopped_messages_wait_and_say_what_to_do() {
    let app = TestApp::start();
    let fresh = app.get(STATUS).json();
    assert_eq!(
        (fresh["state"].as_str(), fresh["wanted"].as_str(), fresh["profile"].as_str()),
        (Some("stopped"), Some("by_need"), Some("demo"))
    );
    let stopped = app.post("/api/v1/persistent_luci/stop", &json!({}));
    assert_eq!((stopped.status, stopped.json()["wanted"].as_str()), (202, Some("off")));
    let sent = app.post(SEND, &json!({ "message": "Hello?" }));
    assert_eq!(sent.status, 202);
    assert!(sent.json()["next"].as_str().is_some_and(|n| n.contains("start")), "{}", sent.text());
    assert!(harvest(&app, "").json()["next"].is_string());
    assert_eq!(app.post("/api/v1/persistent_luci/start", &json!({})).json()["wanted"], "on");
    assert_eq!(harvest(&app, "").json().get("next"), None);
    assert_eq!(app.post("/api/v1/persistent_luci/switch", &json!({ "profile": "demo" })).json()["wanted_profile"], "demo");
    let wanted = app.store.read(sessions::wanted).expect("readable");
    assert_eq!((wanted.on, wanted.profile.as_deref()), (Some(true), Some("demo")));
    answer_next(&app, "Here.");
    let status = app.get(STATUS).json();
    for field in ["state", "driver", "profile", "session_id"] {
        assert!(status[field].is_string(), "{field}: {status}");
    }
    for field in ["context_tokens", "soft_tokens", "hard_tokens", "queue", "launches"] {
        assert!(status[field].is_i64(), "{field}: {status}");
    }
    assert_eq!((status["working_on"].is_null(), status["keyboard"].as_bool()), (true, Some(false)));
}

//! Tickets through the contract: made, shown, changed, moved, answered; a repeated POST is done once.

use crate::support::app::TestApp;
use crate::web::rig::{assert_problem, running};
use mission_control::domain::actor::Scope;
use mission_control::domain::ids::TicketId;
use mission_control::domain::ticket::Status;
use mission_control::store::ticket::{lifecycle, tickets};
use serde_json::{Value, json};

#[test]
fn a_ticket_is_made_shown_changed_and_listed() {
    let app = TestApp::start();
    let made = app.post(
        "/api/v1/tickets",
        &json!({ "title": "Fix the upload", "description": "It **breaks**.", "priority": "high", "role": "lucienne", "status": "todo",
                 "work_class": "ui", "profile": "demo", "project": "general" }),
    );
    assert_eq!(made.status, 201);
    let ticket = made.json();
    assert_eq!(ticket["id"], 1);
    assert_eq!(ticket["identifier"], "MC-1");
    assert_eq!(ticket["role"], "luci");
    assert_eq!(ticket["next_action"]["kind"], "queued");
    assert_eq!(ticket["blocked_by"], json!([]));
    assert_eq!(ticket["run"], Value::Null);
    assert!(ticket["created_at"].as_str().is_some_and(|t| t.ends_with('Z')));
    for id in ["MC-1", "mc-1", "1"] {
        assert_eq!(app.get(&format!("/api/v1/tickets/{id}")).json(), ticket, "{id}");
    }
    let second = app
        .post("/api/v1/tickets", &json!({ "title": "Then this", "parent": "MC-1", "blocked_by": ["MC-1"], "status": "todo" }))
        .json();
    assert_eq!((second["parent"].as_str(), second["blocked_by"][0].as_str()), (Some("MC-1"), Some("MC-1")));
    assert_eq!(second["next_action"]["kind"], "waits_for");

    let patched = app.patch(
        "/api/v1/tickets/1",
        &json!({ "title": "Mend the upload", "status": "inbox", "version": ticket["version"], "profile": null }),
    );
    assert_eq!(patched.status, 200, "{}", patched.text());
    assert_eq!(patched.json()["title"], "Mend the upload");
    assert_eq!(patched.json()["status"], "inbox");
    assert_eq!(patched.json()["profile"], Value::Null);
    let stale = app.patch("/api/v1/tickets/1", &json!({ "title": "Older view", "version": ticket["version"] }));
    assert_problem(&stale, 409, "");
    assert_eq!(app.get("/api/v1/tickets/1").json()["title"], "Mend the upload");

    assert_eq!(app.get("/api/v1/tickets?status=todo").json()["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(app.get("/api/v1/tickets?q=uplo").json()["items"][0]["identifier"], "MC-1");
    assert_eq!(app.get("/api/v1/tickets?priority=high&role=luci&project=General").json()["items"][0]["identifier"], "MC-1");
    assert_eq!(app.get("/api/v1/tickets?q=%22unclosed%20AND%20(near").status, 200, "no text is a syntax error");
}

#[test]
fn illegal_moves_are_refused_with_the_legal_ones() {
    let app = TestApp::start();
    let id = app.ticket("Move me");
    let path = format!("/api/v1/tickets/{id}");
    for to in ["needs_input", "in_review", "blocked", "nowhere"] {
        assert_problem(&app.patch(&path, &json!({ "status": to })), 400, "status");
    }
    assert_problem(&app.patch(&path, &json!({ "status": null })), 400, "status");
    let before = app.fingerprint();
    let mixed = app.patch(&path, &json!({ "title": "Renamed", "status": "blocked" }));
    assert_problem(&mixed, 400, "status");
    assert_eq!(before, app.fingerprint(), "of a refused change no part is kept");
    assert!(app.patch(&path, &json!({ "status": "blocked" })).text().contains("todo"));
    assert_eq!(app.patch(&path, &json!({ "status": "done" })).status, 200);
    assert_eq!(app.patch(&path, &json!({ "status": "todo" })).json()["status"], "todo", "reopening is allowed");
    assert_problem(&app.patch(&path, &json!({ "blocked_by": [id] })), 400, "blocked_by");
    assert_problem(&app.patch(&path, &json!({ "parent": id })), 400, "parent");
}

#[test]
fn a_post_that_comes_twice_is_done_once() {
    let app = TestApp::start();
    let body = json!({ "title": "Only once" });
    let send = |key: &str, body: &Value| app.request("POST", "/api/v1/tickets").header("Idempotency-Key", key).json(body).send();
    let (first, again) = (send("k1", &body), send("k1", &body));
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(first.body, again.body);
    assert_problem(&send("k1", &json!({ "title": "Another" })), 409, "");
    let in_body = json!({ "title": "By body", "client_id": "k2" });
    assert_eq!(app.post("/api/v1/tickets", &in_body).json()["id"], app.post("/api/v1/tickets", &in_body).json()["id"]);
    assert_eq!(send("k3", &in_body).json()["identifier"], "MC-3", "the header goes before the body");
    let other = app.token("another", Scope::Operator);
    let theirs = app.bare("POST", "/api/v1/tickets").bearer(&other).header("Idempotency-Key", "k1").json(&body).send();
    assert_eq!(theirs.json()["identifier"], "MC-4", "keys of two tokens never meet");
    assert_problem(&send("k9", &json!({ "title": "" })), 400, "title");
    assert_eq!(send("k9", &json!({ "title": "Now good" })).status, 201, "what was malformed did not use up its key");
    let comment = json!({ "body": "Hello", "client_id": "c1" });
    for _ in 0..3 {
        assert_eq!(app.post("/api/v1/tickets/1/comments", &comment).status, 201);
    }
    assert_eq!(app.get("/api/v1/tickets/1/comments").json()["items"].as_array().map(Vec::len), Some(1));
    assert_problem(&send(&"k".repeat(201), &body), 400, "Idempotency-Key");
}

#[test]
fn many_at_once_with_one_key_make_one_ticket() {
    let app = TestApp::start();
    let body = json!({ "mode": "quick_ticket", "message": "A double tap", "client_id": "tap" });
    std::thread::scope(|s| {
        for _ in 0..8 {
            s.spawn(|| assert_eq!(app.post("/api/v1/session_start", &body).status, 201));
        }
    });
    assert_eq!(app.get("/api/v1/tickets").json()["items"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_message_becomes_a_ticket() {
    let app = TestApp::start();
    let start = |body: Value| app.post("/api/v1/session_start", &body);
    let quick =
        start(json!({ "mode": "quick_ticket", "message": "Fix login @tessa #general !high\nIt fails since Monday." })).json();
    let t = &quick["ticket"];
    assert_eq!((t["title"].as_str(), t["description"].as_str()), (Some("Fix login"), Some("Fix login\nIt fails since Monday.")));
    assert_eq!(
        (t["role"].as_str(), t["project"].as_str(), t["priority"].as_str()),
        (Some("tessa"), Some("general"), Some("high"))
    );
    assert_eq!((t["status"].as_str(), t["run"].is_null()), (Some("inbox"), true));
    let short = start(json!({ "mode": "quick_ticket", "message": "Short", "status": "todo", "role": "atlas" })).json();
    assert_eq!((short["ticket"]["description"].as_str(), short["ticket"]["status"].as_str()), (Some(""), Some("todo")));
    let words = start(json!({ "mode": "quick_ticket", "message": "Tidy the #todos list by @nobody, #general !soon" }));
    assert_eq!(words.status, 201, "a word that is no project is a word: {}", words.text());
    let t = &words.json()["ticket"];
    assert_eq!(
        words.json()["notes"],
        json!(["#todos is no project here: it stays text", "!soon is no priority here: it stays text"])
    );
    assert_eq!((t["title"].as_str(), t["project"].as_str()), (Some("Tidy the #todos list by @nobody, !soon"), Some("general")));
    let long = start(json!({ "mode": "quick_ticket", "message": "é".repeat(200) })).json();
    assert_eq!(long["ticket"]["title"].as_str().map(|t| t.chars().count()), Some(80));
    let now = start(json!({ "mode": "implement_now", "message": "At once" })).json();
    assert_eq!(now["ticket"]["status"], "in_progress");
    assert_eq!(now["ticket"]["run"]["state"], "starting");
    assert_eq!(now["ticket"]["run"].get("nonce"), None, "the nonce stays inside");
    let plan = start(json!({ "mode": "plan", "message": "Think" }));
    assert_eq!((plan.status, plan.json()["turn"]["state"].as_str()), (202, Some("pending")));
    let before = app.fingerprint();
    for (body, field) in [
        (json!({ "message": "x" }), "mode"),
        (json!({ "mode": "magic", "message": "x" }), "mode"),
        (json!({ "mode": "quick_ticket" }), "message"),
        (json!({ "mode": "quick_ticket", "message": " \n" }), "message"),
        (json!({ "mode": "quick_ticket", "message": "@tessa !high" }), "message"),
        (json!({ "mode": "quick_ticket", "message": "x", "project": "nowhere" }), "project"),
        (json!({ "mode": "quick_ticket", "message": "x", "role": "nobody" }), "role"),
        (json!({ "mode": "quick_ticket", "message": "x", "title": "" }), "title"),
    ] {
        assert_problem(&start(body), 400, field);
    }
    assert_eq!(before, app.fingerprint());
}

#[test]
fn a_persons_comment_is_the_reply_that_moves_a_waiting_ticket_on() {
    let app = TestApp::start();
    let (id, _, agent) = running(&app);
    let say =
        |token: &str, body: Value| app.bare("POST", &format!("/api/v1/tickets/{id}/comments")).bearer(token).json(&body).send();
    let queued = say(&app.owner, json!({ "body": "Also the tests" }));
    assert_eq!((queued.status, queued.json()["source"].as_str()), (201, Some("api")));
    assert_eq!(say(&agent, json!({ "body": "Working on it" })).json()["source"], "agent");
    assert_eq!(say(&app.owner, json!({ "body": "Just noting", "reply": false })).status, 201);
    let ticket: TicketId = id.parse().expect("an id");
    let waiting = app.store.read(|c| mission_control::store::ticket::messages::of_ticket(c, ticket, 10)).expect("readable");
    assert_eq!(waiting.iter().map(|m| m.body.as_str()).collect::<Vec<_>>(), ["Also the tests"]);
    for (body, field) in
        [(json!({}), "body"), (json!({ "body": "  " }), "body"), (json!({ "body": "x", "reply": "no" }), "reply")]
    {
        assert_problem(&say(&app.owner, body), 400, field);
    }
    let page = app.get(&format!("/api/v1/tickets/{id}/comments?limit=2")).json();
    assert_eq!(page["items"].as_array().map(Vec::len), Some(2));
    let rest = app.get(&format!("/api/v1/tickets/{id}/comments?after={}", page["next_cursor"])).json();
    assert_eq!((rest["items"][0]["body"].as_str(), rest["next_cursor"].is_null()), (Some("Just noting"), true));
}

#[test]
fn a_reply_to_a_blocked_ticket_starts_its_next_run() {
    let app = TestApp::start();
    let (id, _, _) = running(&app);
    app.request("POST", &format!("/api/v1/tickets/{id}/stop")).send();
    app.post("/api/v1/tick/reaper", &json!({}));
    assert_eq!(app.get(&format!("/api/v1/tickets/{id}")).json()["status"], "blocked");
    assert_eq!(app.post(&format!("/api/v1/tickets/{id}/comments"), &json!({ "body": "Go on", "client_id": "g" })).status, 201);
    assert_eq!(app.post(&format!("/api/v1/tickets/{id}/comments"), &json!({ "body": "Go on", "client_id": "g" })).status, 201);
    let shown = app.get(&format!("/api/v1/tickets/{id}")).json();
    assert_eq!((shown["status"].as_str(), shown["run"]["attempt"].as_i64()), (Some("in_progress"), Some(2)));
    let ticket: TicketId = id.parse().expect("an id");
    let stored = app.store.read(|c| tickets::get(c, ticket)).expect("readable");
    assert_eq!(stored.status, Status::InProgress);
    app.store
        .write(move |tx| {
            lifecycle::stop(tx, ticket, Some(Status::Done), &mission_control::domain::actor::Actor::System).map(|_| ())
        })
        .expect("stopped");
}

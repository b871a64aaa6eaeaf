//! The JSON contract: what goes in, what comes out, and what malformed requests get.

use crate::support::app::{Answer, TestApp};
use mission_control::domain::actor::Scope;
use mission_control::domain::ids::{RunId, TicketId};
use mission_control::domain::task::Broken;
use mission_control::domain::ticket::Status;
use mission_control::store::access::credentials;
use mission_control::store::run::runs;
use mission_control::store::task::tasks;
use mission_control::store::ticket::{evidence, lifecycle, tickets};
use serde_json::{Value, json};

fn assert_problem(answer: &Answer, status: u16, field: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let body = answer.json();
    for name in ["type", "title", "detail"] {
        assert!(body[name].is_string(), "{name} in {body}");
    }
    assert_eq!(body["status"], status);
    if !field.is_empty() {
        assert!(answer.wrong().iter().any(|f| f == field), "{field} in {body}");
    }
}

/// A ticket with a live run that nobody started, and the run's own token.
fn running(app: &TestApp) -> (String, RunId, String) {
    let made = app.post("/api/v1/session_start", &json!({ "mode": "implement_now", "message": "Do it" }));
    assert_eq!(made.status, 201, "{}", made.text());
    let ticket = &made.json()["ticket"];
    let (id, run) = (TicketId(ticket["id"].as_i64().expect("id")), RunId(ticket["run"]["id"].as_i64().expect("a run")));
    let secret = mission_control::base::random::secret("mct_");
    let kept = secret.clone();
    app.store
        .write(move |tx| credentials::add_token(tx, &format!("run-{run}"), &kept, Scope::Ticket(id), Some(run)))
        .expect("a token");
    (id.to_string(), run, secret)
}

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
fn a_list_is_walked_by_its_cursor_without_gaps_or_doubles() {
    let app = TestApp::start();
    for n in 0..7 {
        app.ticket(&format!("Number {n}"));
    }
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = app.get(&format!("/api/v1/tickets?limit=3&cursor={cursor}")).json();
        seen.extend(page["items"].as_array().expect("items").iter().map(|t| t["id"].as_i64().expect("id")));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = next.to_owned();
    }
    assert_eq!(seen, [7, 6, 5, 4, 3, 2, 1]);

    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = app.get(&format!("/api/v1/liveness?limit=3&cursor={cursor}")).json();
        for item in page["items"].as_array().expect("items") {
            assert_eq!(item["next_action"]["kind"], "triage");
            seen.push(item["identifier"].as_str().expect("one").to_owned());
        }
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = next.to_owned();
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 7);
    assert_eq!(app.get("/api/v1/tickets?limit=100000").status, 200, "a limit is clamped");
}

/// All of a list, two at a time.
fn walked(app: &TestApp, path: &str) -> Vec<Value> {
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = app.get(&format!("{path}?limit=2&cursor={cursor}")).json();
        let items = page["items"].as_array().expect("items");
        assert!(!items.is_empty() && items.len() <= 2, "{path}: {page}");
        seen.extend(items.iter().cloned());
        cursor = match &page["next_cursor"] {
            Value::Null => return seen,
            Value::String(text) => text.clone(),
            number => number.to_string(),
        };
    }
}

#[test]
fn runs_evidence_and_tasks_are_walked_by_their_cursors_too() {
    let app = TestApp::start();
    let (id, _, _) = running(&app);
    for attempt in 2..=5 {
        assert_eq!(app.request("POST", &format!("/api/v1/tickets/{id}/stop")).send().status, 202);
        app.post("/api/v1/tick/reaper", &json!({}));
        let reply = json!({ "body": format!("Attempt {attempt}, please") });
        assert_eq!(app.post(&format!("/api/v1/tickets/{id}/comments"), &reply).status, 201);
    }
    let file = |(file, name, broken): (&str, &str, Option<&str>)| tasks::Found {
        file: file.to_owned(),
        name: name.to_owned(),
        hash: String::new(),
        source: "---\ncommand: [\"true\"]\n---\n".to_owned(),
        schedule_key: String::new(),
        next_due_at: None,
        broken: broken.map(|reason| Broken { line: None, reason: reason.to_owned() }),
    };
    let files =
        [("c.md", "c", None), ("a.md", "a", None), ("z.md", "a", Some("twice")), ("d.md", "d", None), ("b.md", "b", None)];
    let found = files.map(file);
    let there = files.map(|f| f.0.to_owned());
    app.store
        .write(move |tx| {
            tasks::take_in(tx, &found, &there)?;
            (0..5).try_for_each(|n| evidence::add(tx, TicketId(1), None, "note", &format!("piece {n}"), "").map(|_| ()))
        })
        .expect("written");
    for path in [format!("/api/v1/tickets/{id}/runs"), format!("/api/v1/tickets/{id}/evidence"), "/api/v1/tasks".to_owned()] {
        let all = app.get(&path).json();
        assert_eq!(all["next_cursor"], Value::Null, "{path}: few enough for one page");
        assert_eq!(all["items"].as_array().map(Vec::len), Some(5), "{path}: {all}");
        assert_eq!(Some(&walked(&app, &path)), all["items"].as_array(), "{path}");
        assert_problem(&app.get(&format!("{path}?cursor=x")), 400, "cursor");
    }
    let attempts: Vec<Value> = walked(&app, &format!("/api/v1/tickets/{id}/runs")).iter().map(|r| r["attempt"].clone()).collect();
    assert_eq!(attempts, [5, 4, 3, 2, 1]);
    let tasks: Vec<Value> = walked(&app, "/api/v1/tasks").iter().map(|t| t["file"].clone()).collect();
    assert_eq!(tasks, ["a.md", "z.md", "b.md", "c.md", "d.md"]);
}

#[test]
fn a_ticket_that_is_looked_for_by_its_number_is_found_where_it_stands_and_nowhere_else() {
    let app = TestApp::start();
    app.ticket("One");
    app.ticket("Two");
    for (query, found) in [("q=MC-2", 1), ("q=2&status=inbox", 1), ("q=MC-2&status=done", 0), ("q=MC-2&priority=high", 0)] {
        let list = app.get(&format!("/api/v1/tickets?{query}")).json();
        assert_eq!(list["items"].as_array().map(Vec::len), Some(found), "{query}");
    }
    let board = app.bare("GET", "/board?q=MC-2").header("Cookie", &app.cookie()).send().text();
    assert_eq!(board.matches("id=\"card-2\"").count(), 1, "in one column of the board, not in all");
}

#[test]
fn malformed_tickets_are_refused_with_field_and_reason_and_nothing_changes() {
    let app = TestApp::start();
    app.ticket("Already here");
    let before = app.fingerprint();
    let cases: Vec<(Value, &str)> = vec![
        (json!({}), "title"),
        (json!({ "title": null }), "title"),
        (json!({ "title": "" }), "title"),
        (json!({ "title": " \u{a0}\t" }), "title"),
        (json!({ "title": "x".repeat(501) }), "title"),
        (json!({ "title": "x".repeat(10_000) }), "title"),
        (json!({ "title": "x".repeat(1_000_000) }), "title"),
        (json!({ "title": "a\u{0}b" }), "title"),
        (json!({ "title": "a\nb" }), "title"),
        (json!({ "title": 5 }), "title"),
        (json!({ "title": ["a"] }), "title"),
        (json!({ "title": "ok", "description": "a\u{0}b" }), "description"),
        (json!({ "title": "ok", "description": 7 }), "description"),
        (json!({ "title": "ok", "status": "nowhere" }), "status"),
        (json!({ "title": "ok", "status": "done" }), "status"),
        (json!({ "title": "ok", "status": "in_progress" }), "status"),
        (json!({ "title": "ok", "role": "nobody" }), "role"),
        (json!({ "title": "ok", "project": "no such project" }), "project"),
        (json!({ "title": "ok", "project": "../../etc" }), "project"),
        (json!({ "title": "ok", "priority": "urgent" }), "priority"),
        (json!({ "title": "ok", "profile": "nobody" }), "profile"),
        (json!({ "title": "ok", "work_class": "magic" }), "work_class"),
        (json!({ "title": "ok", "parent": "MC-999" }), "parent"),
        (json!({ "title": "ok", "parent": "MC-0" }), "parent"),
        (json!({ "title": "ok", "parent": -1 }), "parent"),
        (json!({ "title": "ok", "parent": 9_223_372_036_854_775_808_u64 }), "parent"),
        (json!({ "title": "ok", "blocked_by": ["MC-999"] }), "blocked_by"),
        (json!({ "title": "ok", "blocked_by": "MC-1" }), "blocked_by"),
        (json!({ "title": "ok", "blocked_by": [null] }), "blocked_by"),
        (json!({ "title": "ok", "colour": "red" }), "colour"),
        (json!({ "title": "ok", "client_id": "" }), "Idempotency-Key"),
        (json!({ "title": "ok", "client_id": 5 }), "client_id"),
    ];
    for (body, field) in cases {
        assert_problem(&app.post("/api/v1/tickets", &body), 400, field);
    }
    let all = app.post("/api/v1/tickets", &json!({ "status": "x", "role": "y", "priority": "z", "w": 1 })).wrong();
    assert_eq!(all, ["title", "status", "priority", "role", "w"], "everything that is wrong is told at once");
    assert_eq!(before, app.fingerprint());
    for good in [
        "👩‍🚀 مرحبا \u{202e}abc",
        "<script>alert(1)</script>",
        "'; rm -rf / $(id) `id`",
        "-oProxyCommand=x",
        "--dangerously",
        "../..",
        "#{pane_id};",
        "%00",
    ] {
        let made = app.post("/api/v1/tickets", &json!({ "title": good }));
        assert_eq!((made.status, made.json()["title"].as_str()), (201, Some(good)));
    }
}

#[test]
fn bodies_that_are_not_the_contracts_json_are_refused() {
    let app = TestApp::start();
    let before = app.fingerprint();
    let post = |kind: &str, body: &[u8]| app.request("POST", "/api/v1/tickets").header("Content-Type", kind).body(body).send();
    let good = br#"{"title":"x"}"#;
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonx",
        "",
        "text/json",
    ] {
        assert_problem(&post(kind, good), 415, "");
    }
    assert_problem(&app.request("POST", "/api/v1/tickets").body(good).send(), 415, "");
    let bad: Vec<Vec<u8>> = vec![
        b"{".to_vec(),
        b"[]".to_vec(),
        b"null".to_vec(),
        b"\"x\"".to_vec(),
        b"\xff\xfe".to_vec(),
        b"\xef\xbb\xbf{\"title\":\"x\"}".to_vec(),
        br#"{"title":"\ud800"}"#.to_vec(),
        br#"{"title":"a","title":"b"}"#.to_vec(),
        br#"{"title":"x","version":1e999}"#.to_vec(),
        br#"{"title":"x"} trailing"#.to_vec(),
        [b"{\"title\":".to_vec(), vec![b'['; 10_000]].concat(),
    ];
    for body in bad {
        assert_problem(&post("application/json", &body), 400, "body");
    }
    assert_problem(&post("application/json", &vec![b' '; 10_000_000]), 413, "body");
    assert_eq!(before, app.fingerprint());
    assert_eq!(post("application/json; charset=utf-8", good).status, 201);
}

#[test]
fn bad_addresses_are_refused() {
    let app = TestApp::start();
    app.ticket("One");
    for id in [
        "-1",
        "0",
        "MC-0",
        "9223372036854775808",
        "MC-9223372036854775808",
        "abc",
        "%00",
        "1e3",
        "MC--1",
        "..%2f..%2fetc",
        "%252e",
    ] {
        for (method, part) in
            [("GET", ""), ("GET", "/events"), ("GET", "/stream"), ("GET", "/comments"), ("PATCH", ""), ("POST", "/stop")]
        {
            let request = app.request(method, &format!("/api/v1/tickets/{id}{part}"));
            let answer = if method == "GET" { request.send() } else { request.json(&json!({})).send() };
            assert!(matches!(answer.status, 400 | 404), "{method} {id}{part}: {}", answer.status);
        }
    }
    assert_problem(&app.get("/api/v1/tickets/MC-999"), 404, "");
    assert_problem(&app.get("/api/v1/tickets/MC-999/stream"), 404, "");
    for id in ["-1", "x", "0", "9223372036854775808"] {
        assert_problem(&app.get(&format!("/api/v1/runs/{id}")), 400, "id");
        assert_problem(&app.get(&format!("/api/v1/runs/{id}/log")), 400, "id");
    }
    assert_problem(&app.get("/api/v1/runs/99/log"), 404, "");
    for (query, field) in [
        ("cursor=x", "cursor"),
        ("cursor=1.2.3", "cursor"),
        ("status=gone", "status"),
        ("role=nobody", "role"),
        ("priority=9", "priority"),
        ("limit=many", "limit"),
        ("color=red", "color"),
        ("status=todo&status=done", "status"),
    ] {
        assert_problem(&app.get(&format!("/api/v1/tickets?{query}")), 400, field);
    }
    for (query, field) in
        [("after=-1", "after"), ("after=x", "after"), ("kind=noise", "kind"), ("after=9223372036854775808", "after")]
    {
        assert_problem(&app.get(&format!("/api/v1/tickets/1/events?{query}")), 400, field);
    }
    assert_problem(&app.get("/api/v1/nothing/here"), 404, "");
    let wrong = app.request("DELETE", "/api/v1/tickets").send();
    assert_problem(&wrong, 405, "");
    assert_eq!(wrong.header("allow"), Some("GET, POST"));
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
fn a_run_reports_with_its_own_token_once_and_only_on_its_own_ticket() {
    let app = TestApp::start();
    let other = app.ticket("Not mine");
    let (id, run, agent) = running(&app);
    let report = |ticket: &str, body: Value| {
        app.bare("POST", &format!("/api/v1/tickets/{ticket}/report")).bearer(&agent).json(&body).send()
    };
    for _ in 0..2 {
        let done = report(&id, json!({ "kind": "done", "body": "Mended", "client_id": "r1" }));
        assert_eq!((done.status, done.json()["run"].as_i64()), (201, Some(run.0)), "{}", done.text());
    }
    assert_eq!(report(&id, json!({ "kind": "evidence", "body": "42 tests pass\nok\nok" })).status, 201);
    assert_problem(&report(&other, json!({ "kind": "done", "body": "x" })), 403, "");
    assert_problem(&report(&id, json!({ "kind": "magic", "body": "x" })), 400, "kind");
    assert_problem(&report(&id, json!({ "kind": "done" })), 400, "body");
    let kept = app.store.read(|c| mission_control::store::run::reports::of_run(c, run)).expect("readable");
    assert_eq!(kept.len(), 2);
    let shown = app.get(&format!("/api/v1/tickets/{id}/evidence")).json();
    assert_eq!(
        (shown["items"][0]["label"].as_str(), shown["items"][0]["detail"].as_str()),
        (Some("42 tests pass"), Some("ok\nok"))
    );
    app.store.write(move |tx| credentials::revoke_run_tokens(tx, run)).expect("revoked");
    assert_eq!(report(&id, json!({ "kind": "done", "body": "Too late" })).status, 401);
}

#[test]
fn a_run_is_stopped_and_a_tick_sorts_the_ticket_out() {
    let app = TestApp::start();
    let (id, run, _) = running(&app);
    assert_problem(&app.post(&format!("/api/v1/tickets/{id}/stop"), &json!({ "status": "needs_input" })), 400, "status");
    let stop = app.request("POST", &format!("/api/v1/tickets/{id}/stop")).send();
    assert_eq!((stop.status, stop.json()["stopping"].as_bool()), (202, Some(true)), "{}", stop.text());
    assert_eq!(app.post("/api/v1/tick/pickup", &json!({})).json(), json!({ "tick": "pickup", "ok": true }));
    let shown = app.get(&format!("/api/v1/tickets/{id}")).json();
    assert_eq!((shown["status"].as_str(), shown["run"]["state"].as_str()), (Some("blocked"), Some("stopped")));
    assert_eq!(app.get(&format!("/api/v1/runs/{run}")).json()["state"], "stopped");
    assert_eq!(app.get(&format!("/api/v1/tickets/{id}/runs")).json()["items"].as_array().map(Vec::len), Some(1));
    assert_problem(&app.post(&format!("/api/v1/tickets/{id}/stop"), &json!({})), 409, "");
    assert_problem(&app.post("/api/v1/tick/dance", &json!({})), 404, "");
    assert_eq!(app.get("/api/v1/check").json(), json!({ "ok": true, "breaches": [] }));
    assert_eq!(app.post("/api/v1/profiles/demo/resume", &json!({})).json()["resumed"], false);
    assert_problem(&app.post("/api/v1/profiles/nobody/resume", &json!({})), 404, "");
}

#[test]
fn the_raw_log_comes_whole_or_in_ranges_and_only_from_the_rows_path() {
    let app = TestApp::start();
    let (id, run, agent) = running(&app);
    let path = format!("/api/v1/runs/{run}/log");
    assert_problem(&app.get(&path), 404, "");
    let log = app.config.logs().join("raw.log");
    let text: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
    std::fs::write(&log, &text).expect("written");
    let (dir, mine) = (app.config.data.join("runs/x").display().to_string(), log.display().to_string());
    app.store
        .write(move |tx| {
            runs::take_launch(tx, run, |_| runs::LaunchMark { run_dir: dir.clone(), raw_log: mine.clone() })?;
            runs::void_launch(tx, &runs::get(tx.conn, run)?, None)
        })
        .expect("a log");
    let whole = app.request("GET", &path).header("Accept-Encoding", "gzip").send();
    assert_eq!((whole.status, whole.body == text), (200, true));
    assert_eq!(whole.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(whole.header("x-content-type-options"), Some("nosniff"));
    assert!(whole.header("content-disposition").is_some_and(|d| d.starts_with("attachment")));
    let part = app.request("GET", &path).header("Range", "bytes=100-199").send();
    assert_eq!((part.status, part.header("content-range")), (206, Some("bytes 100-199/200000")));
    assert_eq!(part.body, &text[100..200]);
    assert_eq!(app.request("GET", &path).header("Range", "bytes=-10").send().body, &text[199_990..]);
    assert_eq!(app.request("GET", &path).header("Range", "bytes=200000-").send().status, 416);
    let head = app.request("HEAD", &path).send();
    assert_eq!((head.status, head.header("content-length")), (200, Some("200000")));
    assert_eq!(app.bare("GET", &path).bearer(&agent).send().status, 200, "a run's agent may read its own log");
    let stranger = app.token("stranger", Scope::Ticket(TicketId(99)));
    assert_eq!(app.bare("GET", &path).bearer(&stranger).send().status, 403);
    std::fs::remove_file(&log).expect("removed");
    std::os::unix::fs::symlink("/etc/passwd", &log).expect("linked");
    assert_eq!(app.get(&path).status, 404, "a link in the log's place is not followed");
    std::fs::remove_file(&log).expect("removed");
    std::fs::write(&log, &text).expect("written");
    assert_eq!(id, "MC-1");
}

#[test]
fn health_tells_strangers_that_it_lives_and_no_more() {
    let app = TestApp::start();
    let health = app.bare("GET", "/api/v1/health").send();
    assert_eq!(health.status, 200);
    let body = health.json();
    assert_eq!(body["status"], "ok");
    assert!(body["schema"].as_i64().is_some_and(|n| n > 0));
    assert_eq!(body.as_object().map(serde_json::Map::len), Some(3));
    assert_eq!(app.get("/api/v1/openapi.json").json()["openapi"], "3.1.0");
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

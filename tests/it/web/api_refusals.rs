//! What the contract refuses: with the field, the reason, and nothing changed.

use crate::support::app::TestApp;
use crate::web::rig::assert_problem;
use serde_json::{Value, json};

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

//! Lists of the contract: walked by their cursor, filtered, searched.

use crate::support::app::TestApp;
use crate::web::rig::{assert_problem, running};
use mission_control::domain::ids::TicketId;
use mission_control::domain::task::Broken;
use mission_control::store::task::tasks;
use mission_control::store::ticket::evidence;
use serde_json::{Value, json};

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

//! Proposals through the contract.

use crate::orchestrator::api_rig::{items, refused};
use crate::orchestrator::proposals_rig::suggest;
use crate::support::app::TestApp;
use serde_json::{Value, json};

#[test]
fn proposals_are_decided_through_the_api() {
    let app = TestApp::start();
    let (turn, _) = suggest(
        &app,
        json!([
            { "kind": "create_ticket", "ref": "a", "title": "One" },
            { "kind": "create_ticket", "title": "Two", "blocked_by": ["a"] },
            { "kind": "notify", "text": "Look" },
            { "kind": "ask_owner", "question": "Which?" },
        ]),
    );
    let shown = app.get(&format!("/api/v1/turns/{}", turn.id)).json();
    assert_eq!(shown["text"], "This:", "the words without the block");
    assert_eq!(shown["proposals"].as_array().map(Vec::len), Some(4));
    assert_eq!(shown["proposals"][1]["action"]["blocked_by"][0], "a");
    let listed = items(&app, "/api/v1/proposals");
    assert_eq!(listed[0]["kind"], "ask_owner", "newest first");
    let post = |id: i64, what: &str, body: Value| app.post(&format!("/api/v1/proposals/{id}/{what}"), &body);
    let done = post(2, "apply", json!({}));
    assert_eq!(
        (done.status, done.json()["state"].as_str(), done.json()["can_undo"].as_bool()),
        (200, Some("applied"), Some(true))
    );
    assert_eq!(done.json()["result"]["ticket"], "MC-2");
    assert_eq!(post(2, "apply", json!({})).body, done.body);
    assert_eq!(items(&app, "/api/v1/tickets").len(), 2);
    refused(&post(2, "dismiss", json!({})), 409, "");
    assert_eq!(post(1, "undo", json!({})).json()["state"], "undone");
    refused(&post(1, "apply", json!({})), 409, "");
    refused(&post(4, "apply", json!({})), 400, "answer");
    refused(&post(4, "apply", json!({ "answer": "" })), 400, "answer");
    assert_eq!(post(4, "apply", json!({ "answer": "That" })).json()["result"]["turn"], 2);
    refused(&post(3, "undo", json!({})), 409, "");

    suggest(&app, json!([{ "kind": "create_ticket", "title": "Three" }]));
    let id = items(&app, "/api/v1/proposals")[0]["id"].as_i64().expect("a number");
    refused(&post(id, "apply", json!({ "action": "x" })), 400, "action");
    refused(&post(id, "apply", json!({ "action": { "kind": "create_ticket", "title": "" } })), 400, "body");
    let edited = post(id, "apply", json!({ "action": { "kind": "create_ticket", "title": "Three, and well" } }));
    assert_eq!((edited.status, edited.json()["action"]["title"].as_str()), (200, Some("Three, and well")));
}

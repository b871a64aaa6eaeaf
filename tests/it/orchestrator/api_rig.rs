//! Luci through the contract: the addresses, and a short way to say something.

use crate::support::app::TestApp;
use crate::support::http_client::Answer;
use serde_json::{Value, json};

pub const SEND: &str = "/api/v1/persistent_luci/send";
pub const STATUS: &str = "/api/v1/persistent_luci/status";

pub fn say(app: &TestApp, message: &str) -> i64 {
    let sent = app.post(SEND, &json!({ "message": message }));
    assert_eq!(sent.status, 202, "{}", sent.text());
    sent.json()["turn"]["id"].as_i64().expect("a number")
}

pub fn harvest(app: &TestApp, query: &str) -> Answer {
    app.get(&format!("/api/v1/persistent_luci/harvest?{query}"))
}

pub fn items(app: &TestApp, path: &str) -> Vec<Value> {
    app.get(path).json()["items"].as_array().expect("items").clone()
}

pub fn refused(answer: &Answer, status: u16, field: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert!(answer.json()["detail"].as_str().is_some_and(|d| d.len() > 5));
    if !field.is_empty() {
        assert!(answer.wrong().iter().any(|f| f == field), "{field}: {}", answer.text());
    }
}

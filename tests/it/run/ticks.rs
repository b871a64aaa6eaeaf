//! Ticks by hand: each engine alone, and a failure is not remembered as done.

use crate::support::app::TestApp;
use serde_json::json;

#[test]
fn a_tick_of_the_reaper_starts_nothing() {
    let app = TestApp::with_config("[pickup]\nmax_workers = 1\n");
    let made = app.post("/api/v1/tickets", &json!({ "title": "Not yet", "status": "todo" })).json();
    let id = made["identifier"].as_str().expect("an identifier");
    assert_eq!(app.post("/api/v1/tick/reaper", &json!({})).json(), json!({ "tick": "reaper", "ok": true }));
    let shown = app.get(&format!("/api/v1/tickets/{id}")).json();
    assert_eq!((shown["status"].as_str(), shown["run"].is_null()), (Some("todo"), true));
}

#[test]
fn a_tick_that_failed_runs_again_under_its_key() {
    let app = TestApp::start();
    let tick = || app.request("POST", "/api/v1/tick/housekeeping").header("Idempotency-Key", "k1").json(&json!({})).send();
    let sessions = app.engine.data.sessions();
    let _none = std::fs::remove_dir_all(&sessions);
    std::fs::write(&sessions, "no folder").expect("written");
    assert_eq!(tick().status, 500);
    std::fs::remove_file(&sessions).expect("it was there");
    let secret = sessions.join("old").join("token");
    std::fs::create_dir_all(sessions.join("old")).expect("made");
    std::fs::write(&secret, "mct_old").expect("written");
    assert_eq!(tick().json(), json!({ "tick": "housekeeping", "ok": true }));
    assert!(!secret.exists(), "it ran");
    std::fs::write(&secret, "mct_old").expect("written");
    assert_eq!(tick().json(), json!({ "tick": "housekeeping", "ok": true }));
    assert!(secret.exists(), "what succeeded is not done again");
}

//! Runs through the contract: reports, stops, the raw log; and what health tells.

use crate::support::app::TestApp;
use crate::web::rig::{assert_problem, running};
use mission_control::domain::actor::Scope;
use mission_control::domain::ids::TicketId;
use mission_control::store::access::credentials;
use mission_control::store::run::runs;
use serde_json::{Value, json};

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

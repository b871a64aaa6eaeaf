//! What several tests of the contract need: a problem as it must look, a ticket with a run.

use crate::support::app::TestApp;
use crate::support::http_client::Answer;
use mission_control::domain::actor::Scope;
use mission_control::domain::ids::{RunId, TicketId};
use mission_control::store::access::credentials;
use serde_json::json;

pub fn assert_problem(answer: &Answer, status: u16, field: &str) {
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
pub fn running(app: &TestApp) -> (String, RunId, String) {
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

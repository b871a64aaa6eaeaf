//! Streams: replay, live, reconnect; and their end.

use crate::support::app::TestApp;
use crate::support::event_stream::Message;
use mission_control::domain::ids::{RunId, TicketId};
use mission_control::domain::run::event::{EventKind, NewEvent};
use mission_control::store::run::{events, runs};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

fn running(app: &TestApp) -> (TicketId, RunId) {
    let ticket =
        app.post("/api/v1/session_start", &json!({ "mode": "implement_now", "message": "Talk" })).json()["ticket"].clone();
    (TicketId(ticket["id"].as_i64().expect("id")), RunId(ticket["run"]["id"].as_i64().expect("run")))
}

fn says(app: &TestApp, run: RunId, texts: &[String]) {
    let list: Vec<NewEvent> = texts.iter().map(|t| NewEvent::plain(0, EventKind::Text, "text", t.clone())).collect();
    app.store.write(move |tx| events::note(tx, &runs::get(tx.conn, run)?, &list)).expect("noted");
}

fn events_in(messages: &[Message]) -> Vec<&Message> {
    messages.iter().filter(|m| m.event == "ticket_event").collect()
}

#[test]
fn a_stream_replays_goes_on_live_and_resumes_after_the_last_seen() {
    let app = TestApp::start();
    let (ticket, run) = running(&app);
    says(&app, run, &["one".into(), "two\r\nthree\rfour\n\nevent: x\n\u{2028}five".into()]);
    let path = format!("/api/v1/tickets/{ticket}/stream");
    let mut stream = app.request("GET", &path).header("Accept-Encoding", "gzip").open();
    assert_eq!(stream.status, 200);
    assert_eq!(stream.header("content-type"), Some("text/event-stream"));
    assert_eq!(stream.header("x-accel-buffering"), Some("no"));
    assert_ne!(stream.header("content-encoding"), Some("gzip"));
    let replay = stream.messages(|m| m.iter().any(|m| m.event == "ticket"));
    let seen = events_in(&replay);
    assert_eq!(seen.len(), 2);
    let second: Value = serde_json::from_str(&seen[1].data).expect("JSON");
    assert_eq!(second["content"], "two\r\nthree\rfour\n\nevent: x\n\u{2028}five", "no line break of an agent's splits a message");
    assert_eq!((second["seq"].as_i64(), second["kind"].as_str()), (Some(2), Some("text")));
    assert_eq!(seen[1].id, second["id"].to_string());

    says(&app, run, &["six".into()]);
    let live = stream.messages(|m| !events_in(m).is_empty());
    assert!(events_in(&live)[0].data.contains("six"));

    let mut again = app.request("GET", &format!("{path}?after=0")).header("Last-Event-ID", &seen[0].id).open();
    let rest = again.messages(|m| m.iter().any(|m| m.event == "ticket"));
    assert_eq!(events_in(&rest).len(), 2, "Last-Event-ID goes before ?after=");
    let mut after = app.request("GET", &format!("{path}?after={}", seen[1].id)).open();
    assert_eq!(events_in(&after.messages(|m| m.iter().any(|m| m.event == "ticket"))).len(), 1);
    assert_eq!(app.request("GET", &path).header("Last-Event-ID", "x").send().status, 400);
}

#[test]
fn readers_that_reconnect_again_and_again_see_every_event_once_and_in_order() {
    let app = TestApp::start();
    let (ticket, run) = running(&app);
    let path = format!("/api/v1/tickets/{ticket}/stream");
    std::thread::scope(|s| {
        s.spawn(|| {
            for n in 0..60 {
                let texts: Vec<String> = (0..10).map(|k| format!("line {}", n * 10 + k)).collect();
                says(&app, run, &texts);
            }
        });
        for reader in 0..3 {
            let (app, path) = (&app, &path);
            s.spawn(move || {
                let (mut last, mut seen) = (String::new(), Vec::new());
                while seen.len() < 600 {
                    let mut stream = app.request("GET", path).header("Last-Event-ID", &last).open();
                    let found = stream.messages(|m| events_in(m).len() >= 37 + reader || seen.len() + events_in(m).len() >= 600);
                    for message in events_in(&found) {
                        last.clone_from(&message.id);
                        let event: Value = serde_json::from_str(&message.data).expect("JSON");
                        seen.push(event["seq"].as_i64().expect("seq"));
                    }
                }
                assert_eq!(seen, (1..=600).collect::<Vec<_>>());
            });
        }
    });
    let mut listed = Vec::new();
    let mut after = 0;
    loop {
        let page = app.get(&format!("/api/v1/tickets/{ticket}/events?limit=200&after={after}")).json();
        listed.extend(page["items"].as_array().expect("items").iter().map(|e| e["seq"].as_i64().expect("seq")));
        let Some(next) = page["next_cursor"].as_i64() else { break };
        after = next;
    }
    assert_eq!(listed, (1..=600).collect::<Vec<_>>());
    assert_eq!(app.get(&format!("/api/v1/tickets/{ticket}/events?kind=tool_use")).json()["items"], json!([]));
}

#[test]
fn a_ticket_is_sent_again_when_its_face_changes() {
    let app = TestApp::start();
    let id = app.ticket("Watch me");
    let mut stream = app.request("GET", &format!("/api/v1/tickets/{id}/stream")).open();
    stream.messages(|m| m.iter().any(|m| m.event == "ticket"));
    app.patch(&format!("/api/v1/tickets/{id}"), &json!({ "status": "todo" }));
    let next = stream.messages(|m| m.iter().any(|m| m.event == "ticket"));
    let ticket: Value = serde_json::from_str(&next[0].data).expect("JSON");
    assert_eq!((ticket["status"].as_str(), next[0].id.as_str()), (Some("todo"), ""));
}

#[test]
fn the_board_is_live_and_resumes() {
    let app = TestApp::start();
    app.ticket("Before");
    let mut stream = app.request("GET", "/api/v1/stream").open();
    app.ticket("After");
    let first = stream.messages(|m| !m.is_empty());
    assert_eq!(first[0].event, "ticket");
    assert!(first[0].data.contains("\"After\""), "without a cursor it begins now");
    app.ticket("Later");
    let mut again = app.request("GET", "/api/v1/stream").header("Last-Event-ID", &first[0].id).open();
    assert!(again.messages(|m| !m.is_empty())[0].data.contains("\"Later\""));
    let mut all = app.request("GET", "/api/v1/stream?after=0").open();
    assert_eq!(all.messages(|m| m.len() >= 3).len(), 3);
}

#[test]
fn streams_are_counted_and_end_with_the_server() {
    let app = TestApp::start();
    let id = app.ticket("Watched");
    let paths = [format!("/api/v1/tickets/{id}/stream"), "/api/v1/stream?after=0".to_owned()];
    let mut open: Vec<_> = (0..20).map(|n| app.request("GET", &paths[n % 2]).open()).collect();
    for stream in &mut open {
        assert!(!stream.messages(|m| !m.is_empty()).is_empty());
    }
    assert_eq!(app.streams().load(Ordering::SeqCst), 20);
    open.truncate(10);
    app.wait_for("the places of those who left are free", || app.streams().load(Ordering::SeqCst) == 10);
    app.streams().store(5_000, Ordering::SeqCst);
    let refused = app.request("GET", &paths[1]).send();
    assert_eq!((refused.status, refused.header("retry-after").is_some()), (429, true));
    app.streams().store(10, Ordering::SeqCst);
    app.close();
    for stream in &mut open {
        // Ends: the read returns instead of timing out.
        let rest = stream.messages(|_| false);
        assert!(rest.iter().all(|m| m.event != "ping"));
    }
    app.wait_for("all places are free", || app.streams().load(Ordering::SeqCst) == 0);
}

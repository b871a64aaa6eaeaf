//! The streams of pages: what somebody changes elsewhere, a page that stands open shows.

use crate::support::app::TestApp;
use crate::support::event_stream::{Message, Stream};
use mission_control::base::clock::pause;
use mission_control::base::doorbell::Topic;
use serde_json::json;
use std::time::Duration;

fn open(app: &TestApp, cookie: &str, path: &str) -> Stream {
    let stream = app.bare("GET", path).header("Cookie", cookie).open();
    assert_eq!(stream.status, 200, "{path}");
    stream
}

/// All that comes up to the first message that holds this.
fn up_to(stream: &mut Stream, text: &str) -> String {
    let said = |all: &[Message]| all.iter().map(|m| m.data.as_str()).collect::<String>();
    let all = said(&stream.messages(|all| said(all).contains(text)));
    assert!(all.contains(text), "{text} in {all}");
    all
}

const GONE: &str = "hx-target=\"#card-1\" hx-swap=\"delete\"";
const IN_PLACE: &str = "hx-target=\"#card-1\" hx-swap=\"outerMorph\"";
const ENTERS: &str = "hx-target=\"#cards-inbox\" hx-swap=\"afterbegin\"";

#[test]
fn a_ticket_that_is_edited_leaves_the_boards_it_no_longer_fits_and_enters_the_others() {
    let app = TestApp::start();
    let cookie = app.cookie();
    let made = json!({ "title": "Ship the shop", "project": "life", "role": "tessa" });
    assert_eq!(app.post("/api/v1/tickets", &made).status, 201);
    let board = |filter: &str| open(&app, &cookie, &format!("/board/stream?{filter}&after=1"));
    let mut left = ["project=life", "role=tessa", "priority=normal", "q=ship", "q=ship&project=life"].map(board);
    let mut entered = ["project=finance", "role=scott", "priority=high", "q=worship", "q=MC-1"].map(board);
    let mut plain = ["q=", "status=inbox"].map(board);

    let edited = json!({ "project": "finance", "role": "scott", "priority": "high", "title": "Worship the shop" });
    assert_eq!(app.patch("/api/v1/tickets/1", &edited).status, 200);
    for stream in &mut left {
        let said = up_to(stream, "id=\"count-inbox\"");
        assert!(said.contains(GONE) && !said.contains(ENTERS), "{said}");
        assert!(said.contains("id=\"count-inbox\">0<") && said.contains("id=\"pick-inbox\">0<"), "{said}");
    }
    for stream in &mut entered {
        let said = up_to(stream, "id=\"count-inbox\"");
        assert!(said.contains(ENTERS) && said.contains("Worship the shop"), "{said}");
        assert!(said.contains("id=\"count-inbox\">1<"), "{said}");
    }
    for stream in &mut plain {
        let said = up_to(stream, IN_PLACE);
        assert!(!said.contains(GONE) && !said.contains(ENTERS), "where all are shown it stays where it is: {said}");
    }
}

#[test]
fn every_page_that_is_open_says_what_waits_for_a_person_and_how_luci_stands() {
    let app = TestApp::start();
    let cookie = app.cookie();
    let begun = app.post("/api/v1/session_start", &json!({ "mode": "implement_now", "message": "Try it" }));
    assert_eq!(begun.status, 201, "{}", begun.text());
    assert_eq!(app.request("POST", "/api/v1/tickets/MC-1/stop").send().status, 202);
    // The ticket's page was rendered before there was anything to say.
    let page = app.bare("GET", "/tickets/MC-1").header("Cookie", &cookie).send().text();
    let ticket = page.split("hx-sse:connect=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("its stream").to_owned();
    app.post("/api/v1/tick/reaper", &json!({}));
    let paths = ["/stream", "/board/stream", "/luci/stream", "/tasks/stream", "/inbox/stream", ticket.as_str()];
    let mut pages = paths.map(|path| (path, open(&app, &cookie, path)));
    for (path, stream) in &mut pages {
        let said = up_to(stream, "id=\"luci-is\"");
        assert!(said.contains("id=\"need\"") && said.contains(" needs you"), "{path}: {said}");
    }
    assert_eq!(app.post("/api/v1/tickets/MC-1/comments", &json!({ "body": "Go on" })).status, 201);
    // Nothing of theirs has changed: they would look by themselves, in a while.
    app.store.doorbell.ring(Topic::Tasks);
    app.store.doorbell.ring(Topic::Inbox);
    for (path, stream) in &mut pages {
        let said = up_to(stream, "Nothing needs you");
        assert!(said.contains("id=\"need-rail\" hidden") && said.contains("id=\"need-tab\" hidden"), "{path}: {said}");
    }
}

#[test]
fn an_open_home_reads_once_in_ten_seconds_while_nothing_changes() {
    let app = TestApp::start();
    app.ticket("Lies there");
    let mut stream = app.request("GET", "/stream?after=0").open();
    assert_eq!(stream.messages(|got| !got.is_empty()).len(), 1, "all of it at first");
    let before = app.store.reads();
    pause(Duration::from_millis(7_000));
    let after = app.store.reads();
    assert!(after - before <= 1, "{} reads in seven seconds", after - before);
    app.ticket("Is new");
    let told = stream.messages(|got| !got.is_empty());
    assert!(!told.is_empty() && app.store.reads() > after, "and what is committed is read at once");
}

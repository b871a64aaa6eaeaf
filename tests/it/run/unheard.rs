//! What a person says reaches the agent, whatever the ticket was doing when they said it.

use crate::task::rig::{Hands, at};
use mission_control::config::{Config, Flags};
use mission_control::domain::actor::Actor;
use mission_control::domain::run::closing::{Closing, Next};
use mission_control::domain::run::conclude::Conclusion;
use mission_control::domain::run::{RunState, Verdict};
use mission_control::domain::ticket::message::MessageState;
use mission_control::domain::ticket::{Status, Title};
use mission_control::store::Store;
use mission_control::store::run::conclude;
use mission_control::store::run::runs;
use mission_control::store::ticket::lifecycle;
use mission_control::store::ticket::messages;
use mission_control::store::ticket::tickets;
use mission_control::store::ticket::tickets::NewTicket;
use std::sync::Arc;
use std::sync::atomic::Ordering;

#[test]
fn words_on_a_finished_ticket_are_in_the_brief_when_it_is_reopened() {
    said_on_a_finished_ticket(0);
}

#[test]
fn so_are_words_that_were_said_after_the_clock_was_put_back() {
    said_on_a_finished_ticket(-3_600_000);
}

/// The clock is turned by so many milliseconds before anything is said.
fn said_on_a_finished_ticket(turned_by: i64) {
    let dir = tempfile::tempdir().expect("a folder");
    let clock = Arc::new(Hands { now: at("2026-03-02T10:00:00Z").0.into(), mono: 0.into() });
    let store = Store::open(&dir.path().join("mc.db"), clock.clone()).expect("opens");
    let flags = Flags { data: Some(dir.path().to_owned()), ..Flags::default() };
    let config = Arc::new(Config::load(&flags, &|_| None, &|_| None).expect("defaults are good"));
    let mara = Actor::Person { name: "Mara".into(), by_token: false };

    let (rules, who) = (config.clone(), mara.clone());
    let title: Title = "Export the ledger".parse().expect("a title");
    let id = store
        .write(move |tx| lifecycle::create_started(tx, &NewTicket::titled(title), &who, rules.as_ref()).map(|t| t.id))
        .expect("created");
    let run = store.read(|c| runs::live_of(c, id)).expect("read").expect("a run");
    store.write(move |tx| conclude::conclude(tx, &run, &finished())).expect("concluded");
    assert_eq!(store.read(|c| tickets::get(c, id)).expect("read").status, Status::Done);

    clock.now.fetch_add(turned_by, Ordering::SeqCst);
    let (rules, who) = (config.clone(), mara.clone());
    store.write(move |tx| lifecycle::reply(tx, id, "The totals are missing.", &who, rules.as_ref()).map(|_| ())).expect("said");
    assert!(store.read(|c| messages::of_ticket(c, id, 10)).expect("read").is_empty(), "nobody is woken by it");

    let (rules, who) = (config.clone(), mara.clone());
    store.write(move |tx| lifecycle::move_to(tx, id, Status::Todo, &who, None, rules.as_ref()).map(|_| ())).expect("reopened");
    store
        .write(move |tx| lifecycle::move_to(tx, id, Status::InProgress, &mara, None, config.as_ref()).map(|_| ()))
        .expect("started");
    let run = store.read(|c| runs::live_of(c, id)).expect("read").expect("a second run");
    let carried = store.read(|c| messages::of_run(c, run.id)).expect("read");
    assert_eq!(
        carried.iter().map(|m| (m.body.as_str(), m.state)).collect::<Vec<_>>(),
        [("The totals are missing.", MessageState::Claimed)]
    );
}

fn finished() -> Closing {
    Closing {
        conclusion: Conclusion {
            state: RunState::Finished,
            verdict: Some(Verdict::Done),
            payload: "DONE: exported".into(),
            failure: None,
            notes: Vec::new(),
        },
        next: Next::Status(Status::Done),
        exit: (Some(0), None),
        session_id: Some("11111111-1111-4111-8111-111111111111".into()),
        began: true,
        terminal: None,
        author: "Luci".into(),
        pause: None,
        evidence: Vec::new(),
    }
}

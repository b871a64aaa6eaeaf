//! What an applied proposal does, kind by kind, and what it refuses to do.

use crate::orchestrator::proposals_rig::{apply, count, of, owner, suggest, ticket, undo};
use crate::support::app::TestApp;
use mission_control::base::error::Error;
use mission_control::domain::ids::TicketId;
use mission_control::domain::orchestrator::outcome::{Outcome, can_undo};
use mission_control::domain::orchestrator::proposal::ProposalState;
use mission_control::domain::ticket::Status;
use mission_control::store::orchestrator::actions;
use mission_control::store::orchestrator::turns;
use mission_control::store::ticket::comments;
use serde_json::json;

#[test]
fn moves_and_assignments_go_there_and_back() {
    let app = TestApp::start();
    app.ticket("One");
    let (turn, found) = suggest(
        &app,
        json!([
            { "kind": "move", "ticket": "MC-1", "status": "done" },
            { "kind": "assign", "ticket": "MC-1", "role": "Tessa" },
            { "kind": "comment", "ticket": 1, "body": "So it is." },
        ]),
    );
    for p in &found {
        assert_eq!(apply(&app, p).expect("applied").state, ProposalState::Applied);
    }
    assert_eq!((ticket(&app, 1).status, ticket(&app, 1).role.as_str().to_owned()), (Status::Done, "tessa".to_owned()));
    let said = app
        .store
        .read(|c| comments::newest(c, TicketId(1), mission_control::domain::ids::CommentId(i64::MAX), 9))
        .expect("readable");
    assert!(said.iter().any(|c| c.author == "Luci" && c.source.as_str() == "agent" && c.body == "So it is."));
    assert_eq!(of(&app, &turn).iter().map(can_undo).collect::<Vec<_>>(), [true, true, false]);
    assert!(matches!(undo(&app, &found[2]), Err(Error::Conflict(_))));
    undo(&app, &found[0]).expect("undone");
    undo(&app, &found[1]).expect("undone");
    assert_eq!((ticket(&app, 1).status, ticket(&app, 1).role.as_str().to_owned()), (Status::Inbox, "luci".to_owned()));

    let (_, found) = suggest(&app, json!([{ "kind": "move", "ticket": "MC-1", "status": "todo" }]));
    apply(&app, &found[0]).expect("applied");
    app.patch("/api/v1/tickets/1", &json!({ "status": "cancelled" }));
    assert!(matches!(undo(&app, &found[0]), Err(Error::Conflict(_))), "somebody moved it on");
}

#[test]
fn what_cannot_be_done_is_refused_in_words_and_changes_nothing_else() {
    let app = TestApp::start();
    app.ticket("One");
    let (_, found) = suggest(
        &app,
        json!([
            { "kind": "move", "ticket": "MC-1", "status": "needs_input" },
            { "kind": "comment", "ticket": "MC-99", "body": "Hello" },
            { "kind": "answer_question", "ticket": "MC-1", "answer": "Yes" },
            { "kind": "create_ticket", "title": "Part", "parent": "MC-99" },
            { "kind": "start", "ticket": "MC-99" },
        ]),
    );
    let said = ["cannot go from inbox", "MC-99 does not exist", "waits for no answer", "MC-99 does not exist", "MC-99"];
    for (p, said) in found.iter().zip(said) {
        let refused = apply(&app, p).expect("decided");
        assert_eq!(refused.state, ProposalState::Refused);
        assert!(refused.error.as_deref().is_some_and(|e| e.contains(said)), "{:?}", refused.error);
        assert_eq!(apply(&app, p).expect("the same"), refused);
        assert!(!can_undo(&refused));
    }
    assert_eq!((count(&app), ticket(&app, 1).version), (1, 1));
}

#[test]
fn what_waits_for_another_is_asked_for_and_not_started() {
    let app = TestApp::start();
    let (_, found) = suggest(
        &app,
        json!([
            { "kind": "create_ticket", "ref": "a", "title": "First", "start": true },
            { "kind": "create_ticket", "ref": "b", "title": "Then", "blocked_by": ["a"] },
            { "kind": "start", "ticket": "b" },
        ]),
    );
    let done = apply(&app, &found[2]).expect("applied");
    assert!(!Outcome::of(&done).started);
    assert_eq!((ticket(&app, 1).status, ticket(&app, 2).status), (Status::InProgress, Status::Todo));
    let again = suggest(&app, json!([{ "kind": "start", "ticket": "MC-1" }])).1;
    assert_eq!(apply(&app, &again[0]).expect("decided").state, ProposalState::Refused, "it runs already");
}

#[test]
fn a_question_to_the_owner_is_answered_by_a_turn() {
    let app = TestApp::start();
    let (_, found) = suggest(&app, json!([{ "kind": "ask_owner", "question": "Which?" }]));
    assert!(matches!(apply(&app, &found[0]), Err(Error::Invalid(_))));
    let id = found[0].id;
    for _ in 0..2 {
        let done = app.store.write(move |tx| actions::answer_owner(tx, id, "The second.", &owner())).expect("answered");
        assert_eq!(done.state, ProposalState::Applied);
    }
    let queue = app.store.read(|c| turns::queue(c, 9)).expect("readable");
    assert_eq!(queue.len(), 1);
    assert!(queue[0].message.contains("Which?") && queue[0].message.contains("The second."));
}

//! Proposals: applied once, dismissed, undone, edited, and nothing before the owner says so.

use crate::orchestrator::proposals_rig::{act, apply, audited, count, of, owner, states, suggest, three, ticket, undo};
use crate::support::app::TestApp;
use mission_control::base::error::Error;
use mission_control::domain::orchestrator::outcome::{Outcome, can_undo};
use mission_control::domain::orchestrator::proposal::ProposalState;
use mission_control::domain::ticket::Status;
use mission_control::store::orchestrator::actions;
use serde_json::json;

#[test]
fn nothing_is_done_until_the_owner_says_so() {
    let app = TestApp::start();
    let (turn, found) = suggest(&app, three());
    assert_eq!(states(&app, &turn), [ProposalState::Open; 3]);
    assert_eq!((count(&app), found.len()), (0, 3));
    assert!(audited(&app).is_empty());
}

#[test]
fn one_tap_makes_what_hangs_together_and_a_second_tap_nothing() {
    let app = TestApp::start();
    let (turn, found) = suggest(&app, three());
    let done = apply(&app, &found[0]).expect("applied");
    assert_eq!(done.state, ProposalState::Applied);
    assert_eq!(states(&app, &turn), [ProposalState::Applied; 3], "what it needs was made first");
    assert_eq!(count(&app), 3);
    let id = Outcome::of(&done).ticket().expect("a ticket");
    let tested = ticket(&app, id.0);
    assert_eq!((tested.title.as_str(), tested.role.as_str(), tested.created_by.as_str()), ("Test it", "tessa", "Luci"));
    assert_eq!((tested.status, tested.needs_approval), (Status::Inbox, false));
    let shown = app.get(&format!("/api/v1/tickets/{id}")).json();
    let build = shown["blocked_by"][0].as_str().expect("a blocker").to_owned();
    let built = app.get(&format!("/api/v1/tickets/{build}")).json();
    assert_eq!((built["title"].as_str(), built["priority"].as_str()), (Some("Build it"), Some("high")));
    let epic = built["parent"].as_str().expect("a parent");
    assert_eq!(app.get(&format!("/api/v1/tickets/{epic}")).json()["title"], "The whole");

    let before = app.fingerprint();
    for p in &found {
        let again = apply(&app, p).expect("the same");
        assert_eq!(again.state, ProposalState::Applied);
    }
    assert_eq!(apply(&app, &found[0]).expect("the same"), done);
    let turn_id = turn.id;
    act(&app, move |tx, cx| actions::apply_all(tx, turn_id, &owner(), cx)).expect("the same");
    assert_eq!((before, count(&app)), (app.fingerprint(), 3));
    assert_eq!(audited(&app), vec![("Owner".to_owned(), "proposal.apply".to_owned()); 3]);
}

#[test]
fn many_taps_at_once_do_it_once() {
    let app = TestApp::start();
    let (turn, found) = suggest(&app, three());
    std::thread::scope(|s| {
        for n in 0..8 {
            let (app, p, turn_id) = (&app, &found[n % 3], turn.id);
            s.spawn(move || match n % 2 {
                0 => drop(apply(app, p).expect("applied")),
                _ => drop(act(app, move |tx, cx| actions::apply_all(tx, turn_id, &owner(), cx)).expect("applied")),
            });
        }
    });
    assert_eq!(count(&app), 3);
}

#[test]
fn undo_takes_the_tickets_back_once_and_not_over_somebodys_work() {
    let app = TestApp::start();
    let (turn, found) = suggest(&app, three());
    let turn_id = turn.id;
    act(&app, move |tx, cx| actions::apply_all(tx, turn_id, &owner(), cx)).expect("applied");
    assert!(of(&app, &turn).iter().all(can_undo));
    // The epic goes with all that hangs on it.
    assert_eq!(undo(&app, &found[2]).expect("undone").state, ProposalState::Undone);
    assert_eq!(states(&app, &turn), [ProposalState::Undone; 3]);
    for id in 1..=3 {
        assert_eq!(ticket(&app, id).status, Status::Cancelled);
    }
    let before = app.fingerprint();
    undo(&app, &found[2]).expect("again");
    assert_eq!(before, app.fingerprint());
    assert!(matches!(apply(&app, &found[2]), Err(Error::Conflict(_))), "what was taken back is not done again");

    let (turn, found) = suggest(&app, three());
    apply(&app, &found[0]).expect("applied");
    let touched = Outcome::of(&of(&app, &turn)[0]).ticket().expect("a ticket");
    app.patch(&format!("/api/v1/tickets/{touched}"), &json!({ "title": "Mine now" }));
    let before = app.fingerprint();
    let refused = undo(&app, &found[2]).expect_err("refused");
    assert!(refused.to_string().contains(&touched.to_string()), "{refused}");
    assert_eq!(before, app.fingerprint(), "not even a part of it is taken back");
}

#[test]
fn what_was_dismissed_is_not_done_and_others_go_without_it() {
    let app = TestApp::start();
    let (turn, found) = suggest(
        &app,
        json!([
            { "kind": "create_ticket", "ref": "a", "title": "Not this" },
            { "kind": "create_ticket", "title": "But this", "blocked_by": ["a"] },
            { "kind": "start", "ticket": "a" },
        ]),
    );
    let id = found[0].id;
    for _ in 0..2 {
        app.store.write(move |tx| actions::dismiss(tx, id, &owner())).expect("dismissed");
    }
    assert!(matches!(apply(&app, &found[0]), Err(Error::Conflict(_))));
    let made = apply(&app, &found[1]).expect("applied");
    assert_eq!(Outcome::of(&made).left_out, ["a"]);
    assert_eq!(count(&app), 1);
    assert_eq!(apply(&app, &found[2]).expect("decided").state, ProposalState::Refused);
    let turn_id = turn.id;
    app.store.write(move |tx| actions::dismiss_all(tx, turn_id, &owner())).expect("nothing left");
    assert_eq!(states(&app, &turn), [ProposalState::Dismissed, ProposalState::Applied, ProposalState::Refused]);
}

#[test]
fn an_edited_proposal_does_what_it_says_now() {
    let app = TestApp::start();
    let (turn, found) = suggest(&app, three());
    let id = found[1].id;
    let edit = |body: serde_json::Value| {
        let text = body.to_string();
        act(&app, move |tx, cx| actions::edit(tx, id, &text, &owner(), cx))
    };
    let before = app.fingerprint();
    for bad in [
        json!({ "kind": "create_ticket", "title": "" }),
        json!({ "kind": "create_ticket", "title": "x", "colour": 1 }),
        json!({ "kind": "create_ticket", "title": "x", "role": "nobody" }),
        json!({ "kind": "create_ticket", "title": "x", "blocked_by": ["gone"] }),
        json!({ "kind": "create_ticket", "title": "x", "blocked_by": ["build"] }),
        json!({ "kind": "create_ticket", "title": "x", "children": [{ "title": "y" }] }),
        json!({ "kind": "notify", "text": "x" }),
        json!("x"),
    ] {
        assert!(matches!(edit(bad.clone()), Err(Error::Invalid(_))), "{bad}");
    }
    assert_eq!(before, app.fingerprint());
    let done = edit(json!({ "kind": "create_ticket", "ref": "other", "title": "Build it well" })).expect("applied");
    assert_eq!(done.state, ProposalState::Applied);
    let made = Outcome::of(&done).ticket().expect("a ticket");
    assert_eq!(ticket(&app, made.0).title.as_str(), "Build it well");
    assert!(matches!(edit(json!({ "kind": "create_ticket", "title": "Again" })), Err(Error::Conflict(_))));
    apply(&app, &found[0]).expect("applied");
    let tested = Outcome::of(&of(&app, &turn)[0]).ticket().expect("a ticket");
    assert_eq!(app.get(&format!("/api/v1/tickets/{tested}")).json()["blocked_by"][0], made.to_string(), "its ref stayed");
}

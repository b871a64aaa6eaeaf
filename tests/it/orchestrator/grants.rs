//! Kinds of action that Luci may do without asking.

use crate::orchestrator::proposals_rig::{audited, count, grant, owner, states, suggest, ticket, undo};
use crate::support::app::TestApp;
use mission_control::base::error::Error;
use mission_control::domain::orchestrator::outcome::can_undo;
use mission_control::domain::orchestrator::proposal::{ActionKind, ProposalState};
use mission_control::domain::ticket::Status;
use mission_control::store::orchestrator::autonomy;
use mission_control::store::orchestrator::proposals;
use serde_json::json;

#[test]
fn a_granted_kind_happens_at_once_and_no_other() {
    let app = TestApp::start();
    app.ticket("One");
    grant(&app, &[ActionKind::Comment, ActionKind::Move, ActionKind::Start]);
    let (turn, found) = suggest(
        &app,
        json!([
            { "kind": "comment", "ticket": "MC-1", "body": "By leave" },
            { "kind": "create_ticket", "ref": "a", "title": "Not by leave" },
            { "kind": "start", "ticket": "a" },
            { "kind": "assign", "ticket": "MC-1", "role": "scott" },
            { "kind": "move", "ticket": "MC-1", "status": "cancelled" },
            { "kind": "notify", "text": "Look" },
            { "kind": "ask_owner", "question": "Which?", "options": ["this", "that"] },
        ]),
    );
    use ProposalState::{Applied, Open};
    assert_eq!(states(&app, &turn), [Applied, Open, Open, Open, Applied, Applied, Open]);
    assert_eq!(found[0].decided_by.as_deref(), Some("Luci"));
    assert_eq!((count(&app), ticket(&app, 1).status), (1, Status::Cancelled));
    assert!(audited(&app).contains(&("Luci".to_owned(), "proposal.apply".to_owned())));
    undo(&app, &found[4]).expect("the owner takes it back");
    assert_eq!(ticket(&app, 1).status, Status::Inbox);
    app.store.write(|tx| autonomy::set_autonomy(tx, ActionKind::Comment, false, &owner())).expect("withdrawn");
    let (turn, _) = suggest(&app, json!([{ "kind": "comment", "ticket": "MC-1", "body": "Without leave" }]));
    assert_eq!(states(&app, &turn), [Open]);
    assert!(matches!(
        app.store.write(|tx| autonomy::set_autonomy(tx, ActionKind::Notify, true, &owner())),
        Err(Error::Invalid(_))
    ));
}

#[test]
fn a_ticket_made_by_leave_waits_for_a_person_unless_starting_is_granted_too() {
    let app = TestApp::start();
    app.ticket("Here");
    grant(&app, &[ActionKind::CreateTicket, ActionKind::Move]);
    let (turn, _) = suggest(
        &app,
        json!([
            { "kind": "create_ticket", "title": "Run me", "start": true },
            { "kind": "move", "ticket": "MC-1", "status": "todo" },
        ]),
    );
    assert_eq!(
        states(&app, &turn),
        [ProposalState::Applied, ProposalState::Open],
        "a move that starts something needs that leave"
    );
    let made = ticket(&app, 2);
    assert_eq!((made.status, made.needs_approval, made.run), (Status::Todo, true, None));
    grant(&app, &[ActionKind::Start]);
    suggest(&app, json!([{ "kind": "create_ticket", "title": "Run me", "start": true }]));
    let made = ticket(&app, 3);
    assert_eq!((made.status, made.needs_approval, made.run.is_some()), (Status::InProgress, false, true));
    assert!(!can_undo(&app.store.read(|c| proposals::list(c, None, 1)).expect("readable")[0]));
}

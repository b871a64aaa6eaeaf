//! What Luci suggests: recorded from her answer, done once by the owner's word or leave, taken back; and bad blocks.

use crate::support::app::TestApp;
use mission_control::base::error::{Error, Result};
use mission_control::domain::actor::Actor;
use mission_control::domain::ids::TicketId;
use mission_control::domain::orchestrator::action::{Outcome, can_undo};
use mission_control::domain::orchestrator::proposal::{ActionKind, Proposal, ProposalState};
use mission_control::domain::orchestrator::session::DriverKind;
use mission_control::domain::orchestrator::turn::{Turn, TurnOrigin, TurnState};
use mission_control::domain::ticket::{Status, Ticket};
use mission_control::store::Tx;
use mission_control::store::db::audit;
use mission_control::store::orchestrator::actions;
use mission_control::store::orchestrator::autonomy;
use mission_control::store::orchestrator::effects::ActionsCx;
use mission_control::store::orchestrator::record;
use mission_control::store::orchestrator::sessions;
use mission_control::store::orchestrator::sessions::NewSession;
use mission_control::store::orchestrator::turns::NewTurn;
use mission_control::store::orchestrator::{proposals, turns};
use mission_control::store::ticket::{comments, tickets};
use serde_json::json;

fn owner() -> Actor {
    Actor::Person { name: "Owner".to_owned(), by_token: false }
}

/// Plays the orchestrator: the next turn of the queue gets this answer.
pub fn answer_next(app: &TestApp, answer: &str) -> Turn {
    let (config, answer) = (app.config.clone(), answer.to_owned());
    app.store
        .write(move |tx| {
            let session = match sessions::current(tx.conn)? {
                Some(session) => session,
                None => sessions::open(
                    tx,
                    &NewSession {
                        driver: DriverKind::Headless,
                        profile: "demo".to_owned(),
                        agent_session: "a-session".to_owned(),
                        begun: String::new(),
                        root: "/nowhere".into(),
                        brief: String::new(),
                        hand_over: None,
                    },
                )?,
            };
            let nonce = format!("nonce-{}", mission_control::base::random::u32());
            let turn = turns::claim(tx, session.id, &nonce)?.expect("a turn waits");
            turns::sending(tx, &turn)?;
            record::take_answer(tx, &turn, &answer, &ActionsCx::of(config.as_ref()))?;
            turns::get(tx.conn, turn.id)
        })
        .expect("answered")
}

fn ask(app: &TestApp, message: &str) {
    let message = message.to_owned();
    app.store
        .write(move |tx| {
            let new = NewTurn { origin: TurnOrigin::Human, author: "Owner".to_owned(), message, client_id: None };
            turns::send(tx, &new)
        })
        .expect("sent");
}

/// A turn whose answer suggests this.
pub fn suggest(app: &TestApp, actions: serde_json::Value) -> (Turn, Vec<Proposal>) {
    ask(app, "What now?");
    let answer = format!("This:\n\n```json\n{}\n```\n", json!({ "mc_actions": actions }));
    let turn = answer_next(app, &answer);
    assert_eq!(turn.state, TurnState::Answered);
    assert_eq!(turn.response.as_deref(), Some(answer.as_str()), "byte for byte");
    let found = of(app, &turn);
    (turn, found)
}

fn of(app: &TestApp, turn: &Turn) -> Vec<Proposal> {
    let id = turn.id;
    app.store.read(move |c| proposals::of_turn(c, id)).expect("readable")
}

fn states(app: &TestApp, turn: &Turn) -> Vec<ProposalState> {
    of(app, turn).iter().map(|p| p.state).collect()
}

fn act<T: Send + 'static>(app: &TestApp, work: impl FnOnce(&Tx<'_>, &ActionsCx<'_>) -> Result<T> + Send + 'static) -> Result<T> {
    let config = app.config.clone();
    app.store.write(move |tx| work(tx, &ActionsCx::of(config.as_ref())))
}

fn apply(app: &TestApp, p: &Proposal) -> Result<Proposal> {
    let id = p.id;
    act(app, move |tx, cx| actions::apply(tx, id, &owner(), cx))
}

fn undo(app: &TestApp, p: &Proposal) -> Result<Proposal> {
    let id = p.id;
    act(app, move |tx, cx| actions::undo(tx, id, &owner(), cx))
}

fn grant(app: &TestApp, kinds: &[ActionKind]) {
    for kind in kinds {
        let kind = *kind;
        app.store.write(move |tx| autonomy::set_autonomy(tx, kind, true, &owner())).expect("granted");
    }
}

fn ticket(app: &TestApp, id: i64) -> Ticket {
    app.store.read(move |c| tickets::get(c, TicketId(id))).expect("a ticket")
}

fn count(app: &TestApp) -> usize {
    app.get("/api/v1/tickets").json()["items"].as_array().expect("items").len()
}

fn audited(app: &TestApp) -> Vec<(String, String)> {
    let list = app.store.read(|c| audit::list(c, None, 100)).expect("readable");
    list.into_iter().rev().map(|e| (e.actor, e.action)).collect()
}

fn three() -> serde_json::Value {
    json!([
        { "kind": "create_ticket", "title": "Test it", "role": "tessa", "blocked_by": ["build"] },
        { "kind": "create_ticket", "ref": "build", "title": "Build it", "parent": "epic", "priority": "high", "description": "All of it." },
        { "kind": "create_ticket", "ref": "epic", "title": "The whole" },
    ])
}

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
fn a_bad_block_is_told_once_and_never_in_a_circle() {
    let app = TestApp::start();
    app.ticket("One");
    ask(&app, "Do something");
    let bad = "Yes.\n```json\n{\"mc_actions\":[{\"kind\":\"explode\u{0}\",\"x\":1},{\"kind\":\"assign\",\"ticket\":\"MC-1\",\"role\":\"nobody\"}]}\n```";
    let turn = answer_next(&app, bad);
    assert!(of(&app, &turn).is_empty());
    let next = app.store.read(|c| turns::queue(c, 9)).expect("readable");
    assert_eq!(next.len(), 1);
    assert_eq!((next[0].origin, next[0].author.as_str()), (TurnOrigin::Correction, "Mission Control"));
    assert!(next[0].message.contains("Do something") && next[0].message.contains("block"), "{}", next[0].message);

    let still_bad = answer_next(&app, bad);
    assert!(app.store.read(|c| turns::queue(c, 9)).expect("readable").is_empty(), "no third time");
    let kept = of(&app, &still_bad);
    assert_eq!((kept.len(), kept[0].state), (1, ProposalState::Refused));
    assert!(kept[0].error.as_deref().is_some_and(|e| !e.is_empty()));

    ask(&app, "Again");
    answer_next(&app, "```json\n{\"mc_actions\":[{\"kind\":\"assign\",\"ticket\":\"MC-1\",\"role\":\"nobody\"}]}\n```");
    let told = app.store.read(|c| turns::queue(c, 9)).expect("readable");
    assert!(told[0].message.contains("nobody"), "{}", told[0].message);
    let good = answer_next(&app, "{\"mc_actions\":[{\"kind\":\"assign\",\"ticket\":\"MC-1\",\"role\":\"scott\"}]}");
    assert_eq!(states(&app, &good), [ProposalState::Open]);
}

#[test]
fn words_without_a_block_suggest_nothing() {
    let app = TestApp::start();
    for answer in [
        "Plain.",
        mission_control::domain::orchestrator::proposal_block::contract(),
        "DONE: all",
        "{\"mc_actions\": [] } and so on",
    ] {
        ask(&app, "Hm?");
        let turn = answer_next(&app, answer);
        assert_eq!(turn.response.as_deref(), Some(answer));
        assert!(of(&app, &turn).is_empty());
    }
    assert!(app.store.read(|c| turns::queue(c, 9)).expect("readable").is_empty());
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

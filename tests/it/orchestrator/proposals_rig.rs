//! Proposals as tests make them: what Luci suggests, and what the owner does with it.

use crate::support::app::TestApp;
use mission_control::base::error::Result;
use mission_control::domain::actor::Actor;
use mission_control::domain::ids::TicketId;
use mission_control::domain::orchestrator::proposal::{ActionKind, Proposal, ProposalState};
use mission_control::domain::orchestrator::session::DriverKind;
use mission_control::domain::orchestrator::turn::{Turn, TurnOrigin, TurnState};
use mission_control::domain::ticket::Ticket;
use mission_control::store::Tx;
use mission_control::store::db::audit;
use mission_control::store::orchestrator::actions;
use mission_control::store::orchestrator::effects::ActionsCx;
use mission_control::store::orchestrator::sessions;
use mission_control::store::orchestrator::sessions::NewSession;
use mission_control::store::orchestrator::turns::NewTurn;
use mission_control::store::orchestrator::{autonomy, record};
use mission_control::store::orchestrator::{proposals, turns};
use mission_control::store::ticket::tickets;
use serde_json::json;

pub fn owner() -> Actor {
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

pub fn ask(app: &TestApp, message: &str) {
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

pub fn of(app: &TestApp, turn: &Turn) -> Vec<Proposal> {
    let id = turn.id;
    app.store.read(move |c| proposals::of_turn(c, id)).expect("readable")
}

pub fn states(app: &TestApp, turn: &Turn) -> Vec<ProposalState> {
    of(app, turn).iter().map(|p| p.state).collect()
}

pub fn act<T: Send + 'static>(
    app: &TestApp,
    work: impl FnOnce(&Tx<'_>, &ActionsCx<'_>) -> Result<T> + Send + 'static,
) -> Result<T> {
    let config = app.config.clone();
    app.store.write(move |tx| work(tx, &ActionsCx::of(config.as_ref())))
}

pub fn apply(app: &TestApp, p: &Proposal) -> Result<Proposal> {
    let id = p.id;
    act(app, move |tx, cx| actions::apply(tx, id, &owner(), cx))
}

pub fn undo(app: &TestApp, p: &Proposal) -> Result<Proposal> {
    let id = p.id;
    act(app, move |tx, cx| actions::undo(tx, id, &owner(), cx))
}

pub fn grant(app: &TestApp, kinds: &[ActionKind]) {
    for kind in kinds {
        let kind = *kind;
        app.store.write(move |tx| autonomy::set_autonomy(tx, kind, true, &owner())).expect("granted");
    }
}

pub fn ticket(app: &TestApp, id: i64) -> Ticket {
    app.store.read(move |c| tickets::get(c, TicketId(id))).expect("a ticket")
}

pub fn count(app: &TestApp) -> usize {
    app.get("/api/v1/tickets").json()["items"].as_array().expect("items").len()
}

pub fn audited(app: &TestApp) -> Vec<(String, String)> {
    let list = app.store.read(|c| audit::list(c, None, 100)).expect("readable");
    list.into_iter().rev().map(|e| (e.actor, e.action)).collect()
}

pub fn three() -> serde_json::Value {
    json!([
        { "kind": "create_ticket", "title": "Test it", "role": "tessa", "blocked_by": ["build"] },
        { "kind": "create_ticket", "ref": "build", "title": "Build it", "parent": "epic", "priority": "high", "description": "All of it." },
        { "kind": "create_ticket", "ref": "epic", "title": "The whole" },
    ])
}

//! What a person is answered while the typist is at work.

use super::*;
use crate::base::clock::{Clock, SystemClock};
use crate::domain::orchestrator::session::{DriverKind, SessionState};
use crate::domain::orchestrator::turn::TurnOrigin;
use crate::engine::console::keyboard::{hand_back, take_keyboard};
use crate::engine::samples;
use crate::store::orchestrator::{sessions, turns};
use std::sync::Arc;
use std::sync::mpsc;

const CONFIG: &str = "[defaults]\nprofile = \"demo\"\n";

/// Longer than any answer takes, much shorter than a paste that hangs.
const SOON: Duration = Duration::from_secs(5);

fn engine(dir: &std::path::Path) -> Engine {
    let engine = samples::engine(dir, CONFIG, Arc::new(SystemClock::new()));
    let root = engine.data.sessions();
    let opened = engine.store.write(move |tx| {
        let new = sessions::NewSession {
            driver: DriverKind::Tmux,
            profile: "demo".into(),
            agent_session: "5a6f".into(),
            begun: String::new(),
            root,
            brief: String::new(),
            hand_over: None,
        };
        let session = sessions::open(tx, &new)?;
        sessions::launching(tx, session.id)?;
        sessions::stands(tx, session.id, SessionState::Idle, None)
    });
    opened.expect("a session");
    engine
}

/// Does this in a thread while somebody types; what it comes to, if it comes to anything soon.
fn while_somebody_types<T: Send + 'static>(
    engine: &Arc<Engine>,
    act: impl FnOnce(&Engine) -> T + Send + 'static,
) -> std::result::Result<T, mpsc::RecvTimeoutError> {
    let _typing = engine.typist.lock().expect("nobody panicked");
    let (send, receive) = mpsc::channel();
    let engine = engine.clone();
    std::thread::spawn(move || send.send(act(&engine)));
    receive.recv_timeout(SOON)
}

fn owner() -> Actor {
    Actor::Person { name: "Owner".to_owned(), by_token: false }
}

#[test]
fn a_paste_that_hangs_holds_up_no_key_and_no_line() {
    let dir = tempfile::tempdir().expect("a folder");
    let engine = Arc::new(engine(dir.path()));
    while_somebody_types(&engine, |e| take_keyboard(e, &owner())).expect("soon").expect("taken");
    for _ in 0..4 {
        let began = SystemClock::new();
        let answer = while_somebody_types(&engine, |e| press(e, &owner(), ConsoleKey::Enter)).expect("an answer, soon");
        assert!(matches!(&answer, Err(Error::Conflict(why)) if why.contains("being typed")), "{answer:?}");
        assert!(began.mono_ms() < 3_000, "busy is an answer, not a wait");
    }
    let key = Key {
        principal: "Owner".to_owned(),
        key: Some("k".to_owned()),
        route: "POST /console/line".to_owned(),
        body_hash: "h".to_owned(),
    };
    let answer = while_somebody_types(&engine, move |e| type_line(e, &owner(), &key, "hello")).expect("an answer, soon");
    assert!(matches!(&answer, Err(Error::Conflict(why)) if why.contains("being typed")), "{answer:?}");
    while_somebody_types(&engine, |e| hand_back(e, &owner())).expect("soon").expect("handed back");
}

#[test]
fn a_turn_is_interrupted_while_it_is_being_typed() {
    let dir = tempfile::tempdir().expect("a folder");
    let engine = Arc::new(engine(dir.path()));
    let made = engine.store.write(|tx| {
        let new = turns::NewTurn { origin: TurnOrigin::Human, author: "Owner".into(), message: "Work".into(), client_id: None };
        turns::send(tx, &new)?;
        let session = sessions::current(tx.conn)?.expect("open");
        let turn = turns::claim(tx, session.id, "n1")?.expect("claimed");
        turns::sending(tx, &turn)?;
        Ok(turn.id)
    });
    let turn = made.expect("a turn in flight");
    while_somebody_types(&engine, |e| press(e, &owner(), ConsoleKey::Escape)).expect("soon").expect("asked for");
    assert!(engine.store.read(|c| turns::get(c, turn)).expect("readable").interrupt_wanted);
}

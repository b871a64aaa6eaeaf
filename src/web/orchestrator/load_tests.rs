//! How Luci stands, and where a new session is told.

use super::*;
use crate::base::clock::SystemClock;
use crate::domain::orchestrator::session::DriverKind;
use crate::domain::orchestrator::session::Wanted;
use crate::domain::orchestrator::session::{Session, SessionState};
use crate::domain::orchestrator::turn::TurnOrigin;
use crate::store::orchestrator::sessions::NewSession;
use crate::store::orchestrator::turns::NewTurn;
use crate::store::{Store, Tx};
use crate::web::shared::orchestrator_status::orchestrator_status;
use crate::web::ui::status_indicator::OrchestratorStatus;

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().expect("a folder");
    let store = Store::open(&dir.path().join("mc.db"), std::sync::Arc::new(SystemClock::new())).expect("a store");
    (dir, store)
}

fn session(tx: &Tx<'_>, begun: &str) -> Result<Session> {
    let new = NewSession {
        driver: DriverKind::Headless,
        profile: "demo".to_owned(),
        agent_session: "a".to_owned(),
        begun: begun.to_owned(),
        root: std::path::PathBuf::from("/nowhere"),
        brief: String::new(),
        hand_over: None,
    };
    sessions::open(tx, &new)
}

fn said(tx: &Tx<'_>, words: &str) -> Result<Turn> {
    let new = NewTurn { origin: TurnOrigin::Human, author: "Mara".into(), message: words.into(), client_id: None };
    turns::send(tx, &new)
}

#[test]
fn how_she_stands_follows_from_what_is_wanted_and_from_her_session() {
    let (_dir, store) = store();
    let now = || store.read(orchestrator_status).expect("readable");
    assert_eq!(now(), OrchestratorStatus::NotStarted);
    let id = store.write(|tx| session(tx, "").map(|s| s.id)).expect("open");
    assert_eq!(now(), OrchestratorStatus::Starting);
    store.write(move |tx| sessions::stands(tx, id, SessionState::Idle, None)).expect("idle");
    assert_eq!(now(), OrchestratorStatus::Idle);
    store.write(|tx| sessions::want_keyboard(tx, true)).expect("taken");
    assert_eq!(now(), OrchestratorStatus::Keyboard);
    store.write(|tx| sessions::want_keyboard(tx, false)).expect("given back");
    store.write(move |tx| said(tx, "hi").and_then(|_| turns::claim(tx, id, "n1"))).expect("claimed");
    assert!(matches!(now(), OrchestratorStatus::Working(_)));
    store.write(move |tx| sessions::stands(tx, id, SessionState::Waiting, Some("trust?"))).expect("dialog");
    assert_eq!(now(), OrchestratorStatus::Dialog);
    store.write(move |tx| sessions::down(tx, id, "gone", None, true)).expect("broken");
    assert_eq!(now(), OrchestratorStatus::Broken);
    store.write(|tx| sessions::want(tx, false)).expect("stopped");
    assert_eq!(now(), OrchestratorStatus::Stopped);
}

#[test]
fn a_new_session_is_told_where_its_first_turn_stands_and_before_that_at_the_end() {
    let (_dir, store) = store();
    store
        .write(|tx| {
            let first = session(tx, "")?;
            said(tx, "one")?;
            let one = turns::claim(tx, first.id, "n1")?.expect("it waits");
            turns::answer(tx, &one, "yes")?;
            sessions::end(tx, first.id, "full")?;
            session(tx, "She started afresh").map(|_| ())
        })
        .expect("written");
    let divider = |store: &Store| {
        store
            .read(|c| {
                let s = Side { session: sessions::current(c)?, ..blank() };
                Ok(tail(&s, turns::latest(c)?.as_ref()))
            })
            .expect("readable")
    };
    assert_eq!(divider(&store).expect("nobody spoke yet").0, "She started afresh");
    let second = store
        .write(|tx| {
            let id = sessions::current(tx.conn)?.expect("open").id;
            said(tx, "two")?;
            Ok(turns::claim(tx, id, "n2")?.expect("it waits").id)
        })
        .expect("claimed");
    assert_eq!(divider(&store), None);
    let begun = store.read(|c| Ok(one(c, second)?.begun)).expect("readable");
    assert_eq!(begun.expect("its first turn").0, "She started afresh");
}

fn blank() -> Side {
    Side {
        orchestrator_status: OrchestratorStatus::Idle,
        rests_until: None,
        session: None,
        wanted: Wanted { on: None, profile: None, keyboard: false },
        profiles: Vec::new(),
        chosen: String::new(),
        label: String::new(),
        soft: 1,
        hard: 2,
        waiting: 0,
        queue: Vec::new(),
        free: Vec::new(),
        proposals: 0,
    }
}

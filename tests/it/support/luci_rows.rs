//! Rows for tests that drive a session without an orchestrator: an open session, a turn as it was claimed.

use mission_control::domain::ids::TurnId;
use mission_control::domain::orchestrator::session::{DriverKind, Session};
use mission_control::domain::orchestrator::turn::{Turn, TurnOrigin, TurnState};
use mission_control::domain::time::Time;
use mission_control::store::Store;
use mission_control::store::orchestrator::sessions;
use mission_control::store::orchestrator::sessions::NewSession;
use std::path::Path;

/// Opens a session under `root`.
pub fn open(store: &Store, driver: DriverKind, profile: &str, agent_session: &str, brief: &str, root: &Path) -> Session {
    let new = NewSession {
        driver,
        profile: profile.to_owned(),
        agent_session: agent_session.to_owned(),
        begun: String::new(),
        root: root.to_owned(),
        brief: brief.to_owned(),
        hand_over: None,
    };
    store.write(move |tx| sessions::open(tx, &new)).expect("a session")
}

/// A turn as the orchestrator has claimed it for a session.
pub fn claimed(session: &Session, id: i64, nonce: &str, message: &str) -> Turn {
    Turn {
        id: TurnId(id),
        origin: TurnOrigin::Human,
        author: "Mara".to_owned(),
        message: message.to_owned(),
        state: TurnState::Claimed,
        nonce: Some(nonce.to_owned()),
        session: Some(session.id),
        attempts: 1,
        given_back: 0,
        interrupt_wanted: false,
        activity: None,
        activity_at: None,
        response: None,
        error: None,
        created_at: Time(0),
        claimed_at: Some(Time(0)),
        sent_at: None,
        accepted_at: None,
        answered_at: None,
        position: None,
        change: 1,
    }
}

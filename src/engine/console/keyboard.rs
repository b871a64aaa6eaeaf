//! Who has the keyboard of the orchestrator's session, and what a person may type now.

use crate::base::error::Result;
use crate::domain::actor::Actor;
use crate::domain::ids::TurnId;
use crate::domain::orchestrator::session::{DriverKind, Session, SessionState};
use crate::domain::orchestrator::turn::Turn;
use crate::engine::Engine;
use crate::store::db::audit;
use crate::store::orchestrator::{sessions, turns};
use rusqlite::Connection;

/// Who has the keyboard of the orchestrator's session.
#[derive(Debug, Clone)]
pub struct KeyboardOwner {
    /// The orchestrator's session that is not over.
    pub session: Option<Session>,
    /// The turn in flight.
    pub turn: Option<Turn>,
    /// A person took the keyboard.
    pub taken: bool,
}

/// What a person may type now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputPermission {
    /// Lines and keys.
    Type,
    /// Only what interrupts this turn.
    Interrupt(TurnId),
    /// Nothing: why.
    Nothing(&'static str),
}

impl KeyboardOwner {
    /// As stored.
    ///
    /// # Errors
    /// The store failed.
    pub fn read(conn: &Connection) -> Result<KeyboardOwner> {
        Ok(KeyboardOwner {
            session: sessions::current(conn)?,
            turn: turns::in_flight(conn)?,
            taken: sessions::wanted(conn)?.keyboard,
        })
    }

    /// What a person may type. A dialog is answered without taking the keyboard: nobody else can answer it.
    #[must_use]
    pub fn permission(&self) -> InputPermission {
        let Some(session) = &self.session else {
            return InputPermission::Nothing("there is no session to type into: start Luci first");
        };
        if session.driver == DriverKind::Headless {
            return InputPermission::Nothing("this session runs without a terminal: there is nothing to type into");
        }
        match (session.state, &self.turn) {
            (SessionState::Waiting, _) => InputPermission::Type,
            (SessionState::Down | SessionState::Broken | SessionState::Ended, _) => {
                InputPermission::Nothing("Luci's agent does not run at the moment")
            }
            (SessionState::Starting | SessionState::Idle | SessionState::Working, Some(turn)) => {
                InputPermission::Interrupt(turn.id)
            }
            (SessionState::Starting | SessionState::Idle | SessionState::Working, None) if self.taken => InputPermission::Type,
            (SessionState::Starting | SessionState::Idle | SessionState::Working, None) => {
                InputPermission::Nothing("Luci has the keyboard: take it over first")
            }
        }
    }
}

/// A person takes the keyboard: turns wait until it is handed back.
///
/// # Errors
/// The store failed.
pub fn take_keyboard(engine: &Engine, who: &Actor) -> Result<()> {
    keyboard(engine, who, true)
}

/// The keyboard is Luci's again.
///
/// # Errors
/// The store failed.
pub fn hand_back(engine: &Engine, who: &Actor) -> Result<()> {
    keyboard(engine, who, false)
}

/// What somebody wants. The typist goes on with what it is typing: until that turn is over nobody types beside it.
fn keyboard(engine: &Engine, who: &Actor, taken: bool) -> Result<()> {
    let who = who.clone();
    engine.store.write(move |tx| {
        if sessions::wanted(tx.conn)?.keyboard != taken {
            sessions::want_keyboard(tx, taken)?;
            audit::record(tx, who.name(), if taken { "console_take" } else { "console_hand_back" }, None, "")?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::samples;

    fn session(state: SessionState, driver: DriverKind) -> Session {
        Session { state, driver, ..samples::session() }
    }

    fn may(state: SessionState, turn: Option<Turn>, taken: bool) -> InputPermission {
        KeyboardOwner { session: Some(session(state, DriverKind::Tmux)), turn, taken }.permission()
    }

    #[test]
    fn a_person_types_only_with_the_keyboard_and_between_turns_or_into_a_dialog() {
        assert_eq!(may(SessionState::Idle, None, true), InputPermission::Type);
        assert!(matches!(may(SessionState::Idle, None, false), InputPermission::Nothing(_)));
        assert_eq!(may(SessionState::Working, Some(samples::turn()), true), InputPermission::Interrupt(TurnId(7)));
        assert_eq!(may(SessionState::Idle, Some(samples::turn()), true), InputPermission::Interrupt(TurnId(7)));
        assert_eq!(may(SessionState::Waiting, Some(samples::turn()), false), InputPermission::Type);
        for state in [SessionState::Down, SessionState::Broken, SessionState::Ended] {
            assert!(matches!(may(state, None, true), InputPermission::Nothing(_)), "{state}");
        }
        let headless =
            KeyboardOwner { session: Some(session(SessionState::Waiting, DriverKind::Headless)), turn: None, taken: true };
        assert!(matches!(headless.permission(), InputPermission::Nothing(_)));
        assert!(matches!(KeyboardOwner { session: None, turn: None, taken: true }.permission(), InputPermission::Nothing(_)));
    }
}

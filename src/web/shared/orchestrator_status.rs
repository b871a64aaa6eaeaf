//! How Luci stands, from what is wanted of her, her session and the turn she works on.

use crate::base::error::Result;
use crate::domain::orchestrator::session::{Session, SessionState, Wanted};
use crate::domain::orchestrator::turn::Turn;
use crate::store::orchestrator::{sessions, turns};
use crate::web::ui::status_indicator::OrchestratorStatus;
use rusqlite::Connection;

/// How Luci stands.
///
/// # Errors
/// The store failed.
pub fn orchestrator_status(c: &Connection) -> Result<OrchestratorStatus> {
    let flight = turns::in_flight(c)?;
    Ok(status_of(sessions::current(c)?.as_ref(), &sessions::wanted(c)?, flight.as_ref()))
}

/// The same from rows that were read already.
#[must_use]
pub fn status_of(session: Option<&Session>, wanted: &Wanted, flight: Option<&Turn>) -> OrchestratorStatus {
    if wanted.on == Some(false) {
        return OrchestratorStatus::Stopped;
    }
    let Some(session) = session else {
        return if wanted.on == Some(true) { OrchestratorStatus::Starting } else { OrchestratorStatus::NotStarted };
    };
    let works = flight.map(|t| OrchestratorStatus::Working(t.accepted_at.or(t.sent_at).or(t.claimed_at).unwrap_or(t.created_at)));
    let alive = |otherwise: OrchestratorStatus| {
        let free = if wanted.keyboard { OrchestratorStatus::Keyboard } else { otherwise };
        works.unwrap_or(free)
    };
    match session.state {
        SessionState::Starting => OrchestratorStatus::Starting,
        // Ready, and still it takes nothing: the note says why.
        SessionState::Idle if session.note.is_some() => alive(OrchestratorStatus::Paused),
        SessionState::Idle => alive(OrchestratorStatus::Idle),
        SessionState::Working => alive(OrchestratorStatus::Working(session.last_activity_at.unwrap_or(session.created_at))),
        SessionState::Waiting => OrchestratorStatus::Dialog,
        // Put to sleep by a Stop, or spoken with in another way from now on: nothing went wrong.
        SessionState::Down if session.failures == 0 => OrchestratorStatus::Starting,
        SessionState::Down => OrchestratorStatus::Down,
        SessionState::Broken => OrchestratorStatus::Broken,
        SessionState::Ended => OrchestratorStatus::NotStarted,
    }
}

//! How Luci stands, from what is wanted of her, her session and the turn she works on.

use crate::base::error::Result;
use crate::domain::orchestrator::session::{Session, SessionState, Wanted};
use crate::domain::orchestrator::turn::Turn;
use crate::store::orchestrator::{sessions, turns};
use crate::web::ui::status_indicator::Standing;
use rusqlite::Connection;

/// How Luci stands.
///
/// # Errors
/// The store failed.
pub fn standing(c: &Connection) -> Result<Standing> {
    let flight = turns::in_flight(c)?;
    Ok(standing_of(sessions::current(c)?.as_ref(), &sessions::wanted(c)?, flight.as_ref()))
}

/// The same from rows that were read already.
#[must_use]
pub fn standing_of(session: Option<&Session>, wanted: &Wanted, flight: Option<&Turn>) -> Standing {
    if wanted.on == Some(false) {
        return Standing::Stopped;
    }
    let Some(session) = session else {
        return if wanted.on == Some(true) { Standing::Starting } else { Standing::Asleep };
    };
    let works = flight.map(|t| Standing::Works(t.accepted_at.or(t.sent_at).or(t.claimed_at).unwrap_or(t.created_at)));
    let alive = |otherwise: Standing| {
        let free = if wanted.keyboard { Standing::Keyboard } else { otherwise };
        works.unwrap_or(free)
    };
    match session.state {
        SessionState::Starting => Standing::Starting,
        // Ready, and still it takes nothing: the note says why.
        SessionState::Idle if session.note.is_some() => alive(Standing::Resting),
        SessionState::Idle => alive(Standing::Idle),
        SessionState::Working => alive(Standing::Works(session.last_activity_at.unwrap_or(session.created_at))),
        SessionState::Waiting => Standing::Dialog,
        // Put to sleep by a Stop, or spoken with in another way from now on: nothing went wrong.
        SessionState::Down if session.failures == 0 => Standing::Starting,
        SessionState::Down => Standing::Down,
        SessionState::Broken => Standing::Broken,
        SessionState::Ended => Standing::Asleep,
    }
}

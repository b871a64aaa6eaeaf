//! From rows to what the pages of the conversation show: one loader per view model.

use crate::base::error::Result;
use crate::config::Config;
use crate::domain::ids::TurnId;
use crate::domain::orchestrator::turn::{Turn, TurnState};
use crate::domain::profile::Profile;
use crate::domain::time::Time;
use crate::store::orchestrator::autonomy;
use crate::store::orchestrator::{proposals, sessions, turns};
use crate::store::run::pauses;
use crate::web::orchestrator::view::Luci;
use crate::web::orchestrator::view_side::Side;
use crate::web::orchestrator::view_turn::Shown;
use crate::web::shared::orchestrator_status::{orchestrator_status, status_of};
use crate::web::ui::status_indicator::OrchestratorStatus;
use rusqlite::Connection;

/// Turns in the conversation's window.
pub const WINDOW: i64 = 30;

/// Waiting turns listed above the input.
const QUEUE: i64 = 20;

/// Turns looked back over for the session before.
const BACK: i64 = 8;

/// The side panel and all that stands around the conversation.
///
/// # Errors
/// The store failed.
pub fn side(c: &Connection, config: &Config) -> Result<Side> {
    let wanted = sessions::wanted(c)?;
    let session = sessions::current(c)?;
    let flight = turns::in_flight(c)?;
    let chosen = config.orchestrator_profile(wanted.profile.as_deref());
    let queue: Vec<Turn> = turns::queue(c, QUEUE)?.into_iter().filter(|t| t.state == TurnState::Pending).collect();
    let open = turns::open_count(c)?;
    let granted = autonomy::autonomy(c)?;
    let free = autonomy::GRANTABLE.iter().copied().filter(|kind| granted(*kind)).collect();
    let orchestrator_status = status_of(session.as_ref(), &wanted, flight.as_ref());
    let rests_until = match &session {
        // In force when she was last seen to rest.
        Some(s) if orchestrator_status == OrchestratorStatus::Paused => {
            pauses::in_force(c, s.last_activity_at.unwrap_or(s.created_at))?.remove(&s.profile).and_then(|p| p.until)
        }
        Some(_) | None => None,
    };
    Ok(Side {
        orchestrator_status,
        rests_until,
        label: config.profile(session.as_ref().map_or(&chosen, |s| &s.profile)).map_or_else(|| chosen.clone(), Profile::label),
        session,
        wanted,
        profiles: config.profiles().map(|p| (p.name.clone(), p.label())).collect(),
        chosen,
        soft: config.orchestrator.soft_tokens,
        hard: config.orchestrator.hard_tokens,
        waiting: open - i64::from(flight.is_some()),
        queue,
        free,
        proposals: proposals::open_count(c)?,
    })
}

/// Turns with what belongs to them. The first of the page's window always says its day.
///
/// # Errors
/// The store failed.
pub fn shown(c: &Connection, list: Vec<Turn>, first_says_day: bool) -> Result<Vec<Shown>> {
    let (orchestrator_status, seen) = (orchestrator_status(c)?, turns::newest_change(c)?);
    let before = match list.first() {
        Some(first) => turns::shown(c, Some(first.id), BACK)?,
        None => Vec::new(),
    };
    let mut day = if first_says_day { None } else { before.last().map(|t| day_of(t.created_at)) };
    let mut session = before.iter().filter_map(|t| t.session).max();
    let mut all = Vec::with_capacity(list.len());
    for turn in list {
        let today = day_of(turn.created_at);
        let new_day = (day != Some(today)).then_some(turn.created_at);
        day = Some(today);
        let mut begun = None;
        if let Some(id) = turn.session.filter(|id| session.is_none_or(|s| s < *id)) {
            let opened = sessions::get(c, id)?;
            begun = (!opened.begun.is_empty()).then_some((opened.begun, opened.created_at));
            session = Some(id);
        }
        all.push(Shown { proposals: proposals::of_turn(c, turn.id)?, turn, day: new_day, begun, orchestrator_status, seen });
    }
    Ok(all)
}

fn day_of(at: Time) -> i64 {
    at.0.div_euclid(86_400_000)
}

/// One turn with what belongs to it.
///
/// # Errors
/// There is no such turn.
pub fn one(c: &Connection, id: TurnId) -> Result<Shown> {
    let turn = turns::get(c, id)?;
    shown(c, vec![turn], false)?.pop().ok_or_else(|| crate::base::error::Error::not_found(format!("turn {id}")))
}

/// The page: the newest turns, or those before one.
///
/// # Errors
/// The store failed.
pub fn luci(c: &Connection, config: &Config, before: Option<TurnId>) -> Result<Luci> {
    let list = turns::shown(c, before, WINDOW)?;
    let older = match list.first() {
        Some(first) if turns::shown_before(c, first.id)?.is_some() => Some(first.id),
        Some(_) | None => None,
    };
    let side = side(c, config)?;
    let tail = tail(&side, list.last());
    Ok(Luci {
        last: list.last().map_or(TurnId(0), |t| t.id),
        turns: shown(c, list, true)?,
        older,
        past: before.is_some(),
        side,
        tail,
        message: String::new(),
        errors: Vec::new(),
    })
}

/// The divider at the end: a session began, and nobody has said anything in it yet.
#[must_use]
pub fn tail(side: &Side, last: Option<&Turn>) -> Option<(String, Time)> {
    let session = side.session.as_ref().filter(|s| !s.begun.is_empty())?;
    let spoken = session.answered > 0 || last.is_none() || last.is_some_and(|t| t.session.is_some_and(|s| s >= session.id));
    (!spoken).then(|| (session.begun.clone(), session.created_at))
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;

//! From rows to what the pages of the conversation show: one loader per view model.

use crate::base::error::Result;
use crate::config::Config;
use crate::domain::ids::TurnId;
use crate::domain::orchestrator::session::{Session, SessionState, Wanted};
use crate::domain::orchestrator::turn::{Turn, TurnState};
use crate::domain::profile::Profile;
use crate::domain::time::Time;
use crate::store::orchestrator::autonomy;
use crate::store::orchestrator::{proposals, sessions, turns};
use crate::store::run::pauses;
use crate::web::orchestrator::view::Luci;
use crate::web::orchestrator::view_side::Side;
use crate::web::orchestrator::view_turn::Shown;
use crate::web::ui::status_indicator::Standing;
use rusqlite::Connection;

/// Turns in the conversation's window.
pub const WINDOW: i64 = 30;
/// Waiting turns listed above the input.
const QUEUE: i64 = 20;
/// Turns looked back over for the session before.
const BACK: i64 = 8;

/// How Luci stands.
///
/// # Errors
/// The store failed.
pub fn standing(c: &Connection) -> Result<Standing> {
    let flight = turns::in_flight(c)?;
    Ok(standing_of(sessions::current(c)?.as_ref(), &sessions::wanted(c)?, flight.as_ref()))
}

fn standing_of(session: Option<&Session>, wanted: &Wanted, flight: Option<&Turn>) -> Standing {
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
    let standing = standing_of(session.as_ref(), &wanted, flight.as_ref());
    let rests_until = match &session {
        // In force when she was last seen to rest.
        Some(s) if standing == Standing::Resting => {
            pauses::in_force(c, s.last_activity_at.unwrap_or(s.created_at))?.remove(&s.profile).and_then(|p| p.until)
        }
        Some(_) | None => None,
    };
    Ok(Side {
        standing,
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
    let (standing, seen) = (standing(c)?, turns::newest_change(c)?);
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
        all.push(Shown { proposals: proposals::of_turn(c, turn.id)?, turn, day: new_day, begun, standing, seen });
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
mod tests {
    use super::*;
    use crate::base::clock::SystemClock;
    use crate::domain::orchestrator::session::DriverKind;
    use crate::domain::orchestrator::turn::TurnOrigin;
    use crate::store::orchestrator::sessions::NewSession;
    use crate::store::orchestrator::turns::NewTurn;
    use crate::store::{Store, Tx};

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
        let now = || store.read(standing).expect("readable");
        assert_eq!(now(), Standing::Asleep);
        let id = store.write(|tx| session(tx, "").map(|s| s.id)).expect("open");
        assert_eq!(now(), Standing::Starting);
        store.write(move |tx| sessions::stands(tx, id, SessionState::Idle, None)).expect("idle");
        assert_eq!(now(), Standing::Idle);
        store.write(|tx| sessions::want_keyboard(tx, true)).expect("taken");
        assert_eq!(now(), Standing::Keyboard);
        store.write(|tx| sessions::want_keyboard(tx, false)).expect("given back");
        store.write(move |tx| said(tx, "hi").and_then(|_| turns::claim(tx, id, "n1"))).expect("claimed");
        assert!(matches!(now(), Standing::Works(_)));
        store.write(move |tx| sessions::stands(tx, id, SessionState::Waiting, Some("trust?"))).expect("dialog");
        assert_eq!(now(), Standing::Dialog);
        store.write(move |tx| sessions::down(tx, id, "gone", None, true)).expect("broken");
        assert_eq!(now(), Standing::Broken);
        store.write(|tx| sessions::want(tx, false)).expect("stopped");
        assert_eq!(now(), Standing::Stopped);
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
            standing: Standing::Idle,
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
}

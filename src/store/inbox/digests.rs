//! Digests: items of the inbox claimed for one turn, decided by its answer, or given back.

use crate::base::doorbell::Topic;
use crate::base::error::{Error, Result};
use crate::base::faults;
use crate::base::faults::Point;
use crate::domain::ids::{ItemId, TurnId};
use crate::domain::inbox::digest::{Decision, DigestState};
use crate::domain::inbox::{Item, digest, moment, stamp};
use crate::domain::orchestrator::session::{RETRY_MOST_MS, SessionState};
use crate::domain::orchestrator::turn::{TurnOrigin, TurnState};
use crate::domain::time::Time;
use crate::store::Tx;
use crate::store::inbox::items;
use crate::store::orchestrator::turns::NewTurn;
use crate::store::orchestrator::{sessions, turns};
use crate::store::ticket::columns::parsed;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeSet;

const SELECT: &str = "select number, turn_id, state, items, note, created_at, ended_at from digests";

/// A digest as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// Its number.
    pub number: i64,
    /// Its turn.
    pub turn: TurnId,
    /// Where it stands.
    pub state: DigestState,
    /// How many items it carries.
    pub items: i64,
    /// What a person should know of how it went.
    pub note: Option<String>,
    /// When it was begun.
    pub created_at: Time,
    /// When it was decided or given back.
    pub ended_at: Option<Time>,
}

/// The open digest, if any.
///
/// # Errors
/// The database refused.
pub fn open(conn: &Connection) -> Result<Option<Digest>> {
    Ok(conn.prepare_cached(&format!("{SELECT} where state = 'open'"))?.query_row([], row_to_digest).optional()?)
}

/// The newest digest, if any.
///
/// # Errors
/// The database refused.
pub fn newest(conn: &Connection) -> Result<Option<Digest>> {
    Ok(list(conn, None, 1)?.pop())
}

/// Digests, newest first, before a number.
///
/// # Errors
/// The database refused.
pub fn list(conn: &Connection, before: Option<i64>, limit: i64) -> Result<Vec<Digest>> {
    let mut stmt = conn.prepare_cached(&format!("{SELECT} where number < ?1 order by number desc limit ?2"))?;
    let rows = stmt.query_map(params![before.unwrap_or(i64::MAX), limit], row_to_digest)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The digest of a turn.
///
/// # Errors
/// The database refused.
pub fn of_turn(conn: &Connection, turn: TurnId) -> Result<Option<Digest>> {
    Ok(conn.prepare_cached(&format!("{SELECT} where turn_id = ?1"))?.query_row([turn.0], row_to_digest).optional()?)
}

/// The items of a digest that are not pruned, by number, each with what became of it.
///
/// # Errors
/// The database refused.
pub fn items(conn: &Connection, turn: TurnId) -> Result<Vec<(Item, Option<Decision>)>> {
    let mut stmt = conn.prepare_cached(&format!(
        "select {}, d.decision from digest_items d join orchestrator_inbox i on i.id = d.item_id where d.turn_id = ?1 order by d.item_id",
        items::columns()
    ))?;
    let rows = stmt.query_map([turn.0], |r| {
        let decision = if r.get_ref(9)? == rusqlite::types::ValueRef::Null { None } else { Some(parsed(r, 9)?) };
        Ok((items::row_to_item(r)?, decision))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Until when the open digest has its items.
///
/// # Errors
/// The database refused.
pub fn expires_at(conn: &Connection, turn: TurnId) -> Result<Option<Time>> {
    let text: Option<String> = conn
        .prepare_cached(
            "select min(i.claim_expires_at) from digest_items d join orchestrator_inbox i on i.id = d.item_id
             where d.turn_id = ?1 and d.decision is null",
        )?
        .query_row([turn.0], |r| r.get(0))?;
    Ok(text.and_then(|t| moment(&t)))
}

/// How many digests in a row, up to the newest, came back unanswered; and when the newest of them did.
///
/// # Errors
/// The database refused.
pub fn unanswered(conn: &Connection) -> Result<(u32, Option<Time>)> {
    let row: Vec<Digest> = list(conn, None, 10)?.into_iter().take_while(|d| d.state == DigestState::GivenBack).collect();
    Ok((u32::try_from(row.len()).unwrap_or(10), row.first().and_then(|d| d.ended_at)))
}

/// When the next digest may go, as far as that is known: for the page. None where nothing waits for a time.
///
/// # Errors
/// The database refused.
pub fn next_at(conn: &Connection, now: Time, every_ms: i64) -> Result<Option<Time>> {
    let (failures, ended) = unanswered(conn)?;
    let ahead = |from: Time, ms: i64| Some(from.plus_ms(ms)).filter(|at| at.is_ahead(now, ms));
    let rested = ended.and_then(|at| ahead(at, digest::back_off_ms(failures)));
    let last = newest(conn)?.and_then(|d| ahead(d.created_at, every_ms));
    Ok([rested, last].into_iter().flatten().max())
}

/// Whether Luci can take a digest: neither stopped nor given up, and nobody sits at her keyboard.
///
/// # Errors
/// The database refused.
pub fn luci_can(conn: &Connection, now: Time) -> Result<bool> {
    let wanted = sessions::wanted(conn)?;
    if wanted.on == Some(false) || wanted.keyboard {
        return Ok(false);
    }
    Ok(match sessions::current(conn)? {
        None => true,
        Some(session) => match session.state {
            // Given up, or a dialog is open that only a person can answer.
            SessionState::Broken | SessionState::Waiting => false,
            SessionState::Down => !session.retry_at.is_some_and(|at| at.is_ahead(now, RETRY_MOST_MS)),
            SessionState::Starting | SessionState::Idle | SessionState::Working | SessionState::Ended => true,
        },
    })
}

/// Claims the items whose turn it is, fewer after digests without an answer, and puts them into the queue as one turn. None where nothing waits, or a digest is
/// open already.
///
/// # Errors
/// The database refused.
pub fn begin(tx: &Tx<'_>, lease_ms: i64) -> Result<Option<Digest>> {
    if open(tx.conn)?.is_some() {
        return Ok(None);
    }
    let size = digest::size(unanswered(tx.conn)?.0);
    let items = items::next_in_line(tx.conn, i64::try_from(size).unwrap_or(1))?;
    if items.is_empty() {
        return Ok(None);
    }
    items::claim(tx, &items, tx.now.plus_ms(lease_ms))?;
    faults::hit(Point::DigestClaimed)?;
    let number = newest(tx.conn)?.map_or(1, |d| d.number + 1);
    let turn = turns::send(
        tx,
        &NewTurn {
            origin: TurnOrigin::Digest,
            author: "Mission Control".to_owned(),
            message: digest::compose(number, &items),
            client_id: None,
        },
    )?;
    tx.conn
        .prepare_cached("insert into digests (number, turn_id, state, items, created_at) values (?1, ?2, 'open', ?3, ?4)")?
        .execute(params![number, turn.id.0, i64::try_from(items.len()).unwrap_or(0), tx.now.0])?;
    let mut stmt = tx.conn.prepare_cached("insert into digest_items (turn_id, item_id) values (?1, ?2)")?;
    for item in &items {
        stmt.execute(params![turn.id.0, item.id.0])?;
    }
    tx.ring(Topic::Inbox);
    of_turn(tx.conn, turn.id)
}

/// Extends the claim of an open digest.
///
/// # Errors
/// The database refused.
pub fn renew(tx: &Tx<'_>, digest: &Digest, lease_ms: i64) -> Result<()> {
    tx.conn
        .prepare_cached(
            "update orchestrator_inbox set claim_expires_at = ?2 where status = 'claimed'
               and id in (select item_id from digest_items where turn_id = ?1 and decision is null)",
        )?
        .execute(params![digest.turn.0, stamp(tx.now.plus_ms(lease_ms))])?;
    Ok(())
}

/// The digest's turn was answered: each item is decided as the answer says. A second time changes nothing.
///
/// # Errors
/// The turn is not answered.
pub fn decide(tx: &Tx<'_>, digest: &Digest) -> Result<()> {
    let turn = turns::get(tx.conn, digest.turn)?;
    if turn.state != TurnState::Answered {
        return Err(Error::Conflict(format!("digest {} is not answered: its turn is {}", digest.number, turn.state)));
    }
    if !is_open(tx, digest)? {
        return Ok(());
    }
    let open = open_items(tx, digest)?;
    let verdicts = digest::verdicts(turn.response.as_deref().unwrap_or_default(), &open);
    for id in open {
        let decision = if verdicts.ignored.contains(&id) { Decision::Ignored } else { Decision::Processed };
        leave(tx, digest, id, decision)?;
        faults::hit(Point::DigestDeciding)?;
    }
    end(tx, digest, DigestState::Decided, verdicts.note.as_deref())
}

/// There is no answer: the items wait again. A second time changes nothing.
///
/// # Errors
/// The turn may be answered yet.
pub fn give_back(tx: &Tx<'_>, digest: &Digest) -> Result<()> {
    let turn = turns::get(tx.conn, digest.turn)?;
    if !matches!(turn.state, TurnState::Failed | TurnState::Cancelled) {
        return Err(Error::Conflict(format!("digest {} may be answered yet: its turn is {}", digest.number, turn.state)));
    }
    if !is_open(tx, digest)? {
        return Ok(());
    }
    for id in open_items(tx, digest)? {
        leave(tx, digest, id, Decision::GivenBack)?;
    }
    end(tx, digest, DigestState::GivenBack, turn.error.as_deref())
}

fn is_open(tx: &Tx<'_>, digest: &Digest) -> Result<bool> {
    Ok(of_turn(tx.conn, digest.turn)?.is_some_and(|d| d.state == DigestState::Open))
}

fn open_items(tx: &Tx<'_>, digest: &Digest) -> Result<BTreeSet<ItemId>> {
    let mut stmt = tx.conn.prepare_cached("select item_id from digest_items where turn_id = ?1 and decision is null")?;
    let rows = stmt.query_map([digest.turn.0], |r| r.get(0).map(ItemId))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn leave(tx: &Tx<'_>, digest: &Digest, id: ItemId, decision: Decision) -> Result<()> {
    // Another program may have moved the item on itself: then this digest has not decided it.
    let decision = if items::leave_claim(tx, id, decision.status())? { decision } else { Decision::GivenBack };
    tx.conn
        .prepare_cached("update digest_items set decision = ?3 where turn_id = ?1 and item_id = ?2 and decision is null")?
        .execute(params![digest.turn.0, id.0, decision.as_str()])?;
    Ok(())
}

fn end(tx: &Tx<'_>, digest: &Digest, state: DigestState, note: Option<&str>) -> Result<()> {
    tx.conn
        .prepare_cached("update digests set state = ?2, note = ?3, ended_at = ?4 where turn_id = ?1 and state = 'open'")?
        .execute(params![digest.turn.0, state.as_str(), note, tx.now.0])?;
    turns::touch(tx, digest.turn)?;
    tx.ring(Topic::Inbox);
    Ok(())
}

fn row_to_digest(r: &rusqlite::Row<'_>) -> rusqlite::Result<Digest> {
    Ok(Digest {
        number: r.get(0)?,
        turn: TurnId(r.get(1)?),
        state: parsed::<DigestState>(r, 2)?,
        items: r.get(3)?,
        note: r.get(4)?,
        created_at: Time(r.get(5)?),
        ended_at: r.get::<_, Option<i64>>(6)?.map(Time),
    })
}

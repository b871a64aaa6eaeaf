//! Proposals: the rows. What an action does when it is applied stands in [`crate::store::orchestrator::actions`].

use crate::base::error::{Error, Result};
use crate::domain::ids::{ProposalId, TurnId};
use crate::domain::orchestrator::proposal::{ActionKind, Proposal, ProposalState};
use crate::domain::time::Time;
use crate::store::Tx;
use crate::store::orchestrator::turns;
use crate::store::ticket::columns::parsed;
use rusqlite::{Connection, OptionalExtension, params};

const SELECT: &str =
    "select id, turn_id, position, kind, body, state, result, error, decided_by, decided_at, created_at from proposals";

/// Adds a proposal of an answer. The same place in the same turn is added once.
///
/// # Errors
/// The database refused.
pub fn add(tx: &Tx<'_>, turn: TurnId, position: i64, kind: ActionKind, body: &str) -> Result<()> {
    tx.conn
        .prepare_cached(
            "insert into proposals (turn_id, position, kind, body, state, created_at) values (?1, ?2, ?3, ?4, 'open', ?5)
             on conflict (turn_id, position) do nothing",
        )?
        .execute(params![turn.0, position, kind.as_str(), body, tx.now.0])?;
    turns::touch(tx, turn)
}

/// One proposal.
///
/// # Errors
/// It does not exist.
pub fn get(conn: &Connection, id: ProposalId) -> Result<Proposal> {
    conn.prepare_cached(&format!("{SELECT} where id = ?1"))?
        .query_row([id.0], row_to_proposal)
        .optional()?
        .ok_or_else(|| Error::not_found(format!("proposal {id}")))
}

/// The proposals of a turn, in their order.
///
/// # Errors
/// The database refused.
pub fn of_turn(conn: &Connection, turn: TurnId) -> Result<Vec<Proposal>> {
    let mut stmt = conn.prepare_cached(&format!("{SELECT} where turn_id = ?1 order by position"))?;
    let rows = stmt.query_map([turn.0], row_to_proposal)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Proposals, newest first, before a number.
///
/// # Errors
/// The database refused.
pub fn list(conn: &Connection, before: Option<ProposalId>, limit: i64) -> Result<Vec<Proposal>> {
    let mut stmt = conn.prepare_cached(&format!("{SELECT} where id < ?1 order by id desc limit ?2"))?;
    let rows = stmt.query_map(params![before.map_or(i64::MAX, |id| id.0), limit], row_to_proposal)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Proposals that wait for the owner.
///
/// # Errors
/// The database refused.
pub fn open_count(conn: &Connection) -> Result<i64> {
    Ok(conn.prepare_cached("select count(*) from proposals where state = 'open'")?.query_row([], |r| r.get(0))?)
}

/// Moves a proposal on. True if it stood in `from`; false if somebody was faster.
///
/// # Errors
/// The database refused.
pub fn decide(
    tx: &Tx<'_>,
    p: &Proposal,
    from: ProposalState,
    to: ProposalState,
    by: &str,
    result: Option<&str>,
    error: Option<&str>,
) -> Result<bool> {
    let n = tx
        .conn
        .prepare_cached(
            "update proposals set state = ?3, decided_by = ?4, decided_at = ?5, result = coalesce(?6, result), error = ?7
             where id = ?1 and state = ?2",
        )?
        .execute(params![p.id.0, from.as_str(), to.as_str(), by, tx.now.0, result, error])?;
    turns::touch(tx, p.turn)?;
    Ok(n == 1)
}

fn row_to_proposal(r: &rusqlite::Row<'_>) -> rusqlite::Result<Proposal> {
    Ok(Proposal {
        id: ProposalId(r.get(0)?),
        turn: TurnId(r.get(1)?),
        position: r.get(2)?,
        kind: parsed::<ActionKind>(r, 3)?,
        body: r.get(4)?,
        state: parsed::<ProposalState>(r, 5)?,
        result: r.get(6)?,
        error: r.get(7)?,
        decided_by: r.get(8)?,
        decided_at: r.get::<_, Option<i64>>(9)?.map(Time),
        created_at: Time(r.get(10)?),
    })
}

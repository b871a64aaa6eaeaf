//! Turns: the queue of prompts to the persistent session. One is in flight at a time; a writer that holds an older
//! nonce is refused.

use crate::base::doorbell::Topic;
use crate::base::error::{Error, Result};
use crate::domain::ids::{SessionId, TurnId};
use crate::domain::orchestrator::turn::{Turn, TurnOrigin, TurnState, check_message};
use crate::domain::time::Time;
use crate::store::Tx;
use crate::store::ticket::columns::parsed;
use rusqlite::{Connection, OptionalExtension, params};

const SELECT: &str = "select t.id, t.origin, t.author, t.message, t.state, t.nonce, t.session_id, t.attempts, t.given_back,
       t.interrupt_wanted, t.activity, t.activity_at, t.response, t.error, t.created_at, t.claimed_at, t.sent_at,
       t.accepted_at, t.answered_at, t.change,
       case when t.state = 'pending' then
         (select count(*) from turns q where q.state = 'pending' and (q.rank, q.id) < (t.rank, t.id))
         + (select count(*) from turns f where f.state in ('claimed', 'sent')) end
     from turns t";

/// A turn to be made.
#[derive(Debug, Clone)]
pub struct NewTurn {
    /// Who asks.
    pub origin: TurnOrigin,
    /// The name of who asks.
    pub author: String,
    /// The words.
    pub message: String,
    /// The client's own id of it: the same one makes one turn.
    pub client_id: Option<String>,
}

/// Puts a turn into the queue. One with a known client id is given back as it stands.
///
/// # Errors
/// The message cannot be a turn, or the client id was used for another message.
pub fn send(tx: &Tx<'_>, new: &NewTurn) -> Result<Turn> {
    check_message(&new.message).map_err(|why| Error::field("message", why))?;
    if let Some(client_id) = &new.client_id {
        let known = one(tx.conn, "where t.client_id = ?1", client_id)?;
        if let Some(turn) = known {
            if turn.message != new.message {
                return Err(Error::Conflict("this client id was used for another message".to_owned()));
            }
            return Ok(turn);
        }
    }
    let change = next_change(tx)?;
    tx.conn
        .prepare_cached(
            "insert into turns (client_id, origin, rank, author, message, state, created_at, change)
             values (?1, ?2, ?3, ?4, ?5, 'pending', ?6, ?7)",
        )?
        .execute(params![new.client_id, new.origin.as_str(), new.origin.rank(), new.author, new.message, tx.now.0, change])?;
    let id = TurnId(tx.conn.last_insert_rowid());
    touch_queue(tx)?;
    get(tx.conn, id)
}

/// One turn.
///
/// # Errors
/// It does not exist.
pub fn get(conn: &Connection, id: TurnId) -> Result<Turn> {
    one(conn, "where t.id = ?1", id.0)?.ok_or_else(|| Error::not_found(format!("turn {id}")))
}

/// The newest turn that people see.
///
/// # Errors
/// The database refused.
pub fn latest(conn: &Connection) -> Result<Option<Turn>> {
    one(conn, "where t.id < ?1 and t.origin <> 'hand_over' order by t.id desc limit 1", i64::MAX)
}

/// The turn that is claimed or sent, if any.
///
/// # Errors
/// The database refused.
pub fn in_flight(conn: &Connection) -> Result<Option<Turn>> {
    // The plus keeps SQLite from walking along the numbers: the index of those in flight has one row at most.
    one(conn, "where t.state in ('claimed', 'sent') and +t.id < ?1", i64::MAX)
}

/// Turns that people see, newest before `before`, oldest first.
///
/// # Errors
/// The database refused.
pub fn shown(conn: &Connection, before: Option<TurnId>, limit: i64) -> Result<Vec<Turn>> {
    let mut stmt =
        conn.prepare_cached(&format!("{SELECT} where t.id < ?1 and t.origin <> 'hand_over' order by t.id desc limit ?2"))?;
    let rows = stmt.query_map(params![before.map_or(i64::MAX, |id| id.0), limit], row_to_turn)?;
    let mut found: Vec<Turn> = rows.collect::<rusqlite::Result<_>>()?;
    found.reverse();
    Ok(found)
}

/// The newest turn that people see before this one.
///
/// # Errors
/// The database refused.
pub fn shown_before(conn: &Connection, id: TurnId) -> Result<Option<TurnId>> {
    Ok(conn
        .prepare_cached("select id from turns where id < ?1 and origin <> 'hand_over' order by id desc limit 1")?
        .query_row([id.0], |r| r.get(0).map(TurnId))
        .optional()?)
}

/// Turns that people see after this one, oldest first.
///
/// # Errors
/// The database refused.
pub fn shown_after(conn: &Connection, id: TurnId, limit: i64) -> Result<Vec<Turn>> {
    let mut stmt =
        conn.prepare_cached(&format!("{SELECT} where t.id > ?1 and t.origin <> 'hand_over' order by t.id limit ?2"))?;
    let rows = stmt.query_map(params![id.0, limit], row_to_turn)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Turns that people see and that changed after a cursor, in the order of their changes.
///
/// # Errors
/// The database refused.
pub fn changed(conn: &Connection, after: i64, limit: i64) -> Result<Vec<Turn>> {
    let mut stmt =
        conn.prepare_cached(&format!("{SELECT} where t.change > ?1 and t.origin <> 'hand_over' order by t.change limit ?2"))?;
    let rows = stmt.query_map(params![after, limit], row_to_turn)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The queue, in the order it will be taken, the one in flight first.
///
/// # Errors
/// The database refused.
pub fn queue(conn: &Connection, limit: i64) -> Result<Vec<Turn>> {
    let mut found: Vec<Turn> = in_flight(conn)?.into_iter().collect();
    let mut stmt = conn.prepare_cached(&format!("{SELECT} where t.state = 'pending' order by t.rank, t.id limit ?1"))?;
    let rows = stmt.query_map([limit - i64::try_from(found.len()).unwrap_or(0)], row_to_turn)?;
    found.extend(rows.collect::<rusqlite::Result<Vec<_>>>()?);
    Ok(found)
}

/// When a person last wanted the turn that is next in the queue tried again.
///
/// # Errors
/// The database refused.
pub fn next_retried_at(conn: &Connection) -> Result<Option<Time>> {
    let at: Option<Option<i64>> = conn
        .prepare_cached("select retried_at from turns where state = 'pending' order by rank, id limit 1")?
        .query_row([], |r| r.get(0))
        .optional()?;
    Ok(at.flatten().map(Time))
}

/// Turns still open: waiting or in flight.
///
/// # Errors
/// The database refused.
pub fn open_count(conn: &Connection) -> Result<i64> {
    Ok(conn
        .prepare_cached(
            "select (select count(*) from turns where state = 'pending')
                  + (select count(*) from turns where state in ('claimed', 'sent'))",
        )?
        .query_row([], |r| r.get(0))?)
}

/// The last change of the conversation.
///
/// # Errors
/// The database refused.
pub fn newest_change(conn: &Connection) -> Result<i64> {
    Ok(conn.prepare_cached("select change from conversation where id = 1")?.query_row([], |r| r.get(0))?)
}

/// Takes the next turn of the queue for a session, under a new nonce. None while one is in flight or nothing waits.
///
/// # Errors
/// The database refused.
pub fn claim(tx: &Tx<'_>, session: SessionId, nonce: &str) -> Result<Option<Turn>> {
    if in_flight(tx.conn)?.is_some() {
        return Ok(None);
    }
    let next: Option<i64> = tx
        .conn
        .prepare_cached("select id from turns where state = 'pending' order by rank, id limit 1")?
        .query_row([], |r| r.get(0))
        .optional()?;
    let Some(id) = next else { return Ok(None) };
    let change = next_change(tx)?;
    tx.conn
        .prepare_cached(
            "update turns set state = 'claimed', nonce = ?2, session_id = ?3, claimed_at = ?4, sent_at = null,
               accepted_at = null, activity = null, activity_at = null, interrupt_wanted = 0, change = ?5 where id = ?1",
        )?
        .execute(params![id, nonce, session.0, tx.now.0, change])?;
    touch_queue(tx)?;
    get(tx.conn, TurnId(id)).map(Some)
}

/// The point of no return: from here on the agent may have it.
///
/// # Errors
/// The claim is no longer current.
pub fn sending(tx: &Tx<'_>, turn: &Turn) -> Result<()> {
    let change = next_change(tx)?;
    let n = tx
        .conn
        .prepare_cached(
            "update turns set state = 'sent', sent_at = ?3, attempts = attempts + 1, change = ?4
             where id = ?1 and nonce = ?2 and state = 'claimed'",
        )?
        .execute(params![turn.id.0, turn.nonce, tx.now.0, change])?;
    fenced(n, turn)
}

/// The agent was seen to have it, and what it does.
///
/// # Errors
/// The claim is no longer current.
pub fn working(tx: &Tx<'_>, turn: &Turn, activity: Option<&str>) -> Result<()> {
    let change = next_change(tx)?;
    let n = tx
        .conn
        .prepare_cached(
            "update turns set accepted_at = coalesce(accepted_at, ?3), activity_at = case when activity is ?4 then activity_at else ?3 end,
               activity = ?4, change = ?5
             where id = ?1 and nonce = ?2 and state = 'sent'",
        )?
        .execute(params![turn.id.0, turn.nonce, tx.now.0, activity, change])?;
    fenced(n, turn)
}

/// Gives a turn back to the queue, unread: its nonce is nowhere. Where it had been sent that is counted, so that it
/// does not go round for ever.
///
/// # Errors
/// The claim is no longer current.
pub fn give_back(tx: &Tx<'_>, turn: &Turn) -> Result<()> {
    let change = next_change(tx)?;
    let n = tx
        .conn
        .prepare_cached(
            "update turns set state = 'pending', nonce = null, session_id = null, claimed_at = null, sent_at = null,
               accepted_at = null, activity = null, activity_at = null, given_back = given_back + (state = 'sent'), change = ?3
             where id = ?1 and nonce = ?2 and state in ('claimed', 'sent')",
        )?
        .execute(params![turn.id.0, turn.nonce, change])?;
    fenced(n, turn)?;
    touch_queue(tx)
}

/// The reply is here.
///
/// # Errors
/// The claim is no longer current.
pub fn answer(tx: &Tx<'_>, turn: &Turn, response: &str) -> Result<()> {
    end(tx, turn, TurnState::Answered, Some(response), None)
}

/// There will be no reply. `partial` is what there was of it.
///
/// # Errors
/// The claim is no longer current.
pub fn fail(tx: &Tx<'_>, turn: &Turn, error: &str, partial: Option<&str>) -> Result<()> {
    end(tx, turn, TurnState::Failed, partial, Some(error))
}

/// It was interrupted by a person.
///
/// # Errors
/// The claim is no longer current.
pub fn interrupted(tx: &Tx<'_>, turn: &Turn, partial: Option<&str>) -> Result<()> {
    end(tx, turn, TurnState::Cancelled, partial, Some("interrupted"))
}

fn end(tx: &Tx<'_>, turn: &Turn, state: TurnState, response: Option<&str>, error: Option<&str>) -> Result<()> {
    let change = next_change(tx)?;
    let n = tx
        .conn
        .prepare_cached(
            "update turns set state = ?3, response = ?4, error = ?5, answered_at = ?6, activity = null, change = ?7,
               accepted_at = case when ?3 = 'answered' then coalesce(accepted_at, ?6) else accepted_at end
             where id = ?1 and nonce = ?2 and state in ('claimed', 'sent')",
        )?
        .execute(params![turn.id.0, turn.nonce, state.as_str(), response, error, tx.now.0, change])?;
    fenced(n, turn)?;
    over(tx, turn);
    touch_queue(tx)
}

/// A digest that is over makes pickup look at once: its items are decided or wait again.
fn over(tx: &Tx<'_>, turn: &Turn) {
    if turn.origin == TurnOrigin::Digest {
        tx.ring(Topic::Pickup);
    }
}

/// A person withdraws a turn. One that waits is cancelled at once; of one in flight the interrupt is asked for.
///
/// # Errors
/// It does not exist, or is over.
pub fn cancel(tx: &Tx<'_>, id: TurnId) -> Result<Turn> {
    let turn = get(tx.conn, id)?;
    match turn.state {
        TurnState::Pending => {
            let change = next_change(tx)?;
            tx.conn
                .prepare_cached(
                    "update turns set state = 'cancelled', answered_at = ?2, change = ?3 where id = ?1 and state = 'pending'",
                )?
                .execute(params![id.0, tx.now.0, change])?;
            over(tx, &turn);
            touch_queue(tx)?;
        }
        TurnState::Claimed | TurnState::Sent => {
            let change = next_change(tx)?;
            tx.conn
                .prepare_cached("update turns set interrupt_wanted = 1, change = ?2 where id = ?1")?
                .execute(params![id.0, change])?;
        }
        TurnState::Cancelled => {}
        TurnState::Answered | TurnState::Failed => {
            return Err(Error::Conflict(format!("turn {id} is over: it was {}", turn.state)));
        }
    }
    get(tx.conn, id)
}

/// A person wants a failed or cancelled turn again: it goes back into the queue under its old number.
///
/// # Errors
/// It does not exist, is answered, or is a digest: its items wait for the next one.
pub fn retry(tx: &Tx<'_>, id: TurnId) -> Result<Turn> {
    let turn = get(tx.conn, id)?;
    match turn.state {
        TurnState::Failed | TurnState::Cancelled if turn.origin == TurnOrigin::Digest => {
            return Err(Error::Conflict("the reports of this digest wait again: they come with the next one".to_owned()));
        }
        TurnState::Failed | TurnState::Cancelled => {
            let change = next_change(tx)?;
            tx.conn
                .prepare_cached(
                    "update turns set state = 'pending', nonce = null, session_id = null, response = null, error = null,
                       claimed_at = null, sent_at = null, accepted_at = null, answered_at = null, activity = null,
                       activity_at = null, given_back = 0, interrupt_wanted = 0, retried_at = ?3, change = ?2 where id = ?1",
                )?
                .execute(params![id.0, change, tx.now.0])?;
            touch_queue(tx)?;
        }
        // Pressed twice: it waits or is worked on already.
        TurnState::Pending | TurnState::Claimed | TurnState::Sent => {}
        TurnState::Answered => return Err(Error::Conflict(format!("turn {id} is answered"))),
    }
    get(tx.conn, id)
}

/// Marks a turn as changed, so that open pages show it anew (its proposals changed, say).
///
/// # Errors
/// The database refused.
pub fn touch(tx: &Tx<'_>, id: TurnId) -> Result<()> {
    let change = next_change(tx)?;
    tx.conn.prepare_cached("update turns set change = ?2 where id = ?1")?.execute(params![id.0, change])?;
    Ok(())
}

/// Whether a turn of this session was ever seen in the agent's hands: then its conversation exists.
///
/// # Errors
/// The database refused.
pub fn any_accepted(conn: &Connection, session: SessionId) -> Result<bool> {
    Ok(conn
        .prepare_cached(
            "select exists (select 1 from turns where session_id = ?1 and accepted_at is not null)
             or exists (select 1 from sessions where id = ?1 and answered > 0)",
        )?
        .query_row([session.0], |r| r.get(0))?)
}

/// A person's view of the whole conversation changed though no turn did (the session's state).
///
/// # Errors
/// The database refused.
pub fn next_change(tx: &Tx<'_>) -> Result<i64> {
    tx.ring(Topic::Luci);
    Ok(tx
        .conn
        .prepare_cached("update conversation set change = change + 1 where id = 1 returning change")?
        .query_row([], |r| r.get(0))?)
}

/// The places of those who wait may have changed: their cards are shown anew.
fn touch_queue(tx: &Tx<'_>) -> Result<()> {
    let mut stmt = tx.conn.prepare_cached("select id from turns where state = 'pending' order by rank, id limit 50")?;
    let waiting: Vec<i64> = stmt.query_map([], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?;
    for id in waiting {
        touch(tx, TurnId(id))?;
    }
    Ok(())
}

fn fenced(changed: usize, turn: &Turn) -> Result<()> {
    if changed == 1 {
        return Ok(());
    }
    Err(Error::Conflict(format!("turn {} was moved on by somebody else", turn.id)))
}

fn one(conn: &Connection, tail: &str, value: impl rusqlite::ToSql) -> Result<Option<Turn>> {
    Ok(conn.prepare_cached(&format!("{SELECT} {tail}"))?.query_row([value], row_to_turn).optional()?)
}

fn row_to_turn(r: &rusqlite::Row<'_>) -> rusqlite::Result<Turn> {
    let time = |i: usize| r.get::<_, Option<i64>>(i).map(|t| t.map(Time));
    Ok(Turn {
        id: TurnId(r.get(0)?),
        origin: parsed::<TurnOrigin>(r, 1)?,
        author: r.get(2)?,
        message: r.get(3)?,
        state: parsed::<TurnState>(r, 4)?,
        nonce: r.get(5)?,
        session: r.get::<_, Option<i64>>(6)?.map(SessionId),
        attempts: r.get(7)?,
        given_back: r.get(8)?,
        interrupt_wanted: r.get(9)?,
        activity: r.get(10)?,
        activity_at: time(11)?,
        response: r.get(12)?,
        error: r.get(13)?,
        created_at: Time(r.get(14)?),
        claimed_at: time(15)?,
        sent_at: time(16)?,
        accepted_at: time(17)?,
        answered_at: time(18)?,
        change: r.get(19)?,
        position: r.get(20)?,
    })
}

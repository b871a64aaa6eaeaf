//! What is known of the connection to Telegram: how far its news were heard, what was wrong, who else wrote.

use crate::base::error::Result;
use crate::domain::ids::TurnId;
use crate::domain::time::Time;
use crate::store::Tx;
use rusqlite::{Connection, OptionalExtension, params};

/// After so long without news the Bot API counts them anew: then it is asked from the beginning, and what had its effect
/// already is known by its number.
const COUNTS_ANEW_MS: i64 = 6 * 24 * 3_600_000;

/// The connection, as pages show it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Link {
    /// The bot's user name; empty until it was asked.
    pub bot_name: String,
    /// Why nothing is sent or heard until a person mends it.
    pub paused: Option<String>,
    /// The last thing that went wrong, and when; none once it went well again.
    pub error: Option<(String, Time)>,
    /// When Telegram was last reached.
    pub heard_at: Option<Time>,
    /// Messages from chats that are not allowed.
    pub strangers: i64,
    /// The last such chat, and when.
    pub last_stranger: Option<(i64, Time)>,
}

/// The connection, as pages show it.
///
/// # Errors
/// The database refused.
pub fn connection(conn: &Connection) -> Result<Link> {
    let time = |r: &rusqlite::Row<'_>, i: usize| r.get::<_, Option<i64>>(i).map(|t| t.map(Time));
    Ok(conn
        .prepare_cached(
            "select bot_name, paused, error, error_at, heard_at, strangers, last_stranger, last_stranger_at
             from telegram_state where id = 1",
        )?
        .query_row([], |r| {
            Ok(Link {
                bot_name: r.get(0)?,
                paused: r.get(1)?,
                error: r.get::<_, Option<String>>(2)?.zip(time(r, 3)?),
                heard_at: time(r, 4)?,
                strangers: r.get(5)?,
                last_stranger: r.get::<_, Option<i64>>(6)?.zip(time(r, 7)?),
            })
        })?)
}

/// Where to ask this bot's news from; none = from the beginning.
///
/// # Errors
/// The database refused.
pub fn offset(conn: &Connection, bot: i64, now: Time) -> Result<Option<i64>> {
    let (of, next, last): (i64, i64, Option<i64>) = conn
        .prepare_cached("select bot, next_update, last_update_at from telegram_state where id = 1")?
        .query_row([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?;
    let fresh = last.is_some_and(|at| now.since(Time(at)) < COUNTS_ANEW_MS);
    Ok((of == bot && fresh && next > 0).then_some(next))
}

/// An update has its effect in this transaction. False where it had it before: then it must not have it again. The next
/// question for news begins after it either way.
///
/// # Errors
/// The database refused.
pub fn take(tx: &Tx<'_>, bot: i64, update: i64, kind: &str) -> Result<bool> {
    let first = tx
        .conn
        .prepare_cached("insert or ignore into telegram_updates (bot, update_id, kind, created_at) values (?1, ?2, ?3, ?4)")?
        .execute(params![bot, update, kind, tx.now.0])?;
    tx.conn
        .prepare_cached("update telegram_state set bot = ?1, next_update = ?2, last_update_at = ?3 where id = 1")?
        .execute(params![bot, update.saturating_add(1), tx.now.0])?;
    Ok(first == 1)
}

/// Telegram was reached.
///
/// # Errors
/// The database refused.
pub fn heard(tx: &Tx<'_>, bot_name: Option<&str>) -> Result<()> {
    tx.conn
        .prepare_cached(
            "update telegram_state set heard_at = ?1, error = null, error_at = null, paused = case when ?2 is null then paused end,
               bot_name = coalesce(?2, bot_name) where id = 1",
        )?
        .execute(params![tx.now.0, bot_name])?;
    Ok(())
}

/// Something went wrong on the way.
///
/// # Errors
/// The database refused.
pub fn trouble(tx: &Tx<'_>, why: &str) -> Result<()> {
    tx.conn
        .prepare_cached("update telegram_state set error = ?1, error_at = ?2 where id = 1")?
        .execute(params![why, tx.now.0])?;
    Ok(())
}

/// Nothing is sent or heard until a person mends it.
///
/// # Errors
/// The database refused.
pub fn pause(tx: &Tx<'_>, why: &str) -> Result<()> {
    tx.conn.prepare_cached("update telegram_state set paused = ?1 where id = 1")?.execute([why])?;
    Ok(())
}

/// Whether the connection rests until a person mends it.
///
/// # Errors
/// The database refused.
pub fn is_paused(conn: &Connection) -> Result<bool> {
    Ok(conn.prepare_cached("select paused is not null from telegram_state where id = 1")?.query_row([], |r| r.get(0))?)
}

/// Somebody who is not allowed wrote: ignored and counted.
///
/// # Errors
/// The database refused.
pub fn stranger(tx: &Tx<'_>, chat: Option<i64>) -> Result<()> {
    tx.conn
        .prepare_cached(
            "update telegram_state set strangers = strangers + 1, last_stranger = coalesce(?1, last_stranger),
               last_stranger_at = case when ?1 is null then last_stranger_at else ?2 end where id = 1",
        )?
        .execute(params![chat, tx.now.0])?;
    Ok(())
}

/// A turn was asked for in a chat: its answer goes back there.
///
/// # Errors
/// The database refused.
pub fn expects(tx: &Tx<'_>, turn: TurnId, chat: i64) -> Result<()> {
    tx.conn
        .prepare_cached("insert or ignore into telegram_turns (turn_id, chat) values (?1, ?2)")?
        .execute(params![turn.0, chat])?;
    Ok(())
}

/// The oldest turn that was asked for in a chat and is over.
///
/// # Errors
/// The database refused.
pub fn turn_over(conn: &Connection) -> Result<Option<(TurnId, i64)>> {
    Ok(conn
        .prepare_cached(
            "select e.turn_id, e.chat from telegram_turns e join turns t on t.id = e.turn_id
             where t.state in ('answered', 'failed', 'cancelled') order by e.turn_id limit 1",
        )?
        .query_row([], |r| Ok((TurnId(r.get(0)?), r.get(1)?)))
        .optional()?)
}

/// A turn's answer went back.
///
/// # Errors
/// The database refused.
pub fn turn_told(tx: &Tx<'_>, turn: TurnId) -> Result<()> {
    tx.conn.prepare_cached("delete from telegram_turns where turn_id = ?1")?.execute([turn.0])?;
    Ok(())
}

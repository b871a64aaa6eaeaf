//! The outbox: what the owner is told outside the page. Anyone tells inside the transaction of what happened; the outbox
//! engine alone moves the rows on.

use crate::base::doorbell::Topic;
use crate::base::error::{Error, Result};
use crate::domain::ids::{NoticeId, TicketId};
use crate::domain::notice::{Button, ButtonsState, Notice, NoticeState, Stored, texts};
use crate::domain::text::{cut_bytes, redact, strip_control};
use crate::domain::ticket::{Status, Ticket};
use crate::domain::time::{TREMBLES_MS, Time};
use crate::store::Tx;
use crate::store::ticket::changes;
use crate::store::ticket::columns::parsed;
use rusqlite::{Connection, OptionalExtension, params};

const SELECT: &str = "select id, key, text, buttons, ticket_id, urgent, answer, asks_words, state, attempts, chat, parts_sent,
       message_id, buttons_state, error, created_at, sent_at from notifications";

/// Bytes of a text that are kept; the whole of it is on the page.
const TEXT_MAX: usize = 24_000;

/// Tells the owner something. The same key is told once. Written also where nothing is configured to send it with.
///
/// # Errors
/// The database refused.
pub fn tell(tx: &Tx<'_>, n: &Notice) -> Result<()> {
    write(tx, n, None, false)
}

/// Answers what somebody just said in a chat. With `asks_words`, the chat's next reply is taken for the ticket.
///
/// # Errors
/// The database refused.
pub fn answer(tx: &Tx<'_>, chat: i64, n: &Notice, asks_words: bool) -> Result<()> {
    write(tx, n, Some(chat), asks_words)
}

fn write(tx: &Tx<'_>, n: &Notice, chat: Option<i64>, asks_words: bool) -> Result<()> {
    let text = redact(&strip_control(&n.text));
    let buttons = serde_json::to_string(&n.buttons).map_err(|e| Error::Internal(format!("buttons: {e}")))?;
    tx.conn
        .prepare_cached(
            "insert into notifications (key, text, buttons, ticket_id, urgent, answer, asks_words, state, next_at, chat, created_at)
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'pending', ?8, ?9, ?8) on conflict (key) do nothing",
        )?
        .execute(params![
            n.key,
            cut_bytes(text.trim(), TEXT_MAX).0,
            buttons,
            n.ticket.map(|t| t.0),
            n.urgent,
            chat.is_some(),
            asks_words,
            tx.now.0,
            chat
        ])?;
    tx.ring(Topic::Outbox);
    Ok(())
}

/// A run's end left the ticket to a person: told with what they can do about it. `why` is the failure in words.
///
/// # Errors
/// The database refused.
pub fn needs(tx: &Tx<'_>, ticket: &Ticket, to: Status, words: &str) -> Result<()> {
    let Some(said) = texts::needs(ticket, to, words) else { return Ok(()) };
    let key = format!("needs:{}:{}", ticket.id, changes::newest(tx.conn)?);
    tell(tx, &Notice { key, text: said.text, buttons: said.buttons, ticket: Some(ticket.id), urgent: false })
}

/// A ticket's status changes: what was told of it before is over.
///
/// # Errors
/// The database refused.
pub fn moved_on(tx: &Tx<'_>, ticket: TicketId) -> Result<()> {
    tx.conn
        .prepare_cached(
            "update notifications set state = 'unsent', error = 'the ticket moved on before'
             where ticket_id = ?1 and state = 'pending' and key like 'needs:%'",
        )?
        .execute([ticket.0])?;
    let n = tx
        .conn
        .prepare_cached(
            "update notifications set buttons_state = case when state = 'sent' or state = 'sending' then 'stale' else 'gone' end
             where ticket_id = ?1 and buttons_state = 'open' and buttons <> '[]'",
        )?
        .execute([ticket.0])?;
    if n > 0 {
        tx.ring(Topic::Outbox);
    }
    Ok(())
}

/// What all notices whose key begins so were about is over.
///
/// # Errors
/// The database refused.
pub fn over(tx: &Tx<'_>, prefix: &str) -> Result<()> {
    let n = tx
        .conn
        .prepare_cached(
            "update notifications set buttons_state = case when state in ('sent', 'sending') then 'stale' else 'gone' end
             where key >= ?1 and key < ?1 || char(1114111) and buttons_state = 'open' and buttons <> '[]'",
        )?
        .execute([prefix])?;
    if n > 0 {
        tx.ring(Topic::Outbox);
    }
    Ok(())
}

/// Gives what has no chat yet to the configured ones, a row for each.
///
/// # Errors
/// The database refused.
pub fn spread(tx: &Tx<'_>, chats: &[i64]) -> Result<()> {
    let Some((first, others)) = chats.split_first() else { return Ok(()) };
    for chat in others {
        tx.conn
            .prepare_cached(
                "insert into notifications (key, text, buttons, ticket_id, urgent, state, next_at, chat, buttons_state, created_at)
                 select key || '@' || ?1, text, buttons, ticket_id, urgent, 'pending', next_at, ?1, buttons_state, created_at
                 from notifications where state = 'pending' and chat is null
                 on conflict (key) do nothing",
            )?
            .execute([chat])?;
    }
    tx.conn.prepare_cached("update notifications set chat = ?1 where state = 'pending' and chat is null")?.execute([first])?;
    Ok(())
}

/// After a crash: what was being sent may or may not be in the chat, and is sent once more.
///
/// # Errors
/// The database refused.
pub fn recover(tx: &Tx<'_>) -> Result<usize> {
    Ok(tx
        .conn
        .prepare_cached("update notifications set state = 'pending', next_at = ?1 where state = 'sending'")?
        .execute([tx.now.0])?)
}

/// There is nothing to send with: what waits is not kept for a surprise later.
///
/// # Errors
/// The database refused.
pub fn drop_waiting(tx: &Tx<'_>, why: &str, before: Time) -> Result<usize> {
    Ok(tx
        .conn
        .prepare_cached("update notifications set state = 'unsent', error = ?1 where state = 'pending' and created_at <= ?2")?
        .execute(params![why, before.0])?)
}

/// No back-off and no wait that Telegram asks for is longer. One that ends later was set before the clock was put back, and so
/// was that of a notice which is yet to be told.
const FAR_MS: i64 = 2 * 3_600_000;

/// Takes the next notice that is due; in quiet hours only what is urgent or answers somebody. From here on it may be in
/// the chat.
///
/// # Errors
/// The database refused.
pub fn claim(tx: &Tx<'_>, quiet: bool) -> Result<Option<Stored>> {
    let id: Option<i64> = tx
        .conn
        .prepare_cached(
            "select id from notifications where state = 'pending' and chat is not null
               and (next_at <= ?1 or next_at > ?3 or created_at > ?4) and (?2 = 0 or urgent = 1 or answer = 1) order by urgent desc, id limit 1",
        )?
        .query_row(params![tx.now.0, quiet, tx.now.plus_ms(FAR_MS).0, tx.now.plus_ms(TREMBLES_MS).0], |r| r.get(0))
        .optional()?;
    let Some(id) = id else { return Ok(None) };
    // From here on it waits by the clock as it is now.
    tx.conn
        .prepare_cached(
            "update notifications set state = 'sending', attempts = attempts + 1, created_at = min(created_at, ?2) where id = ?1",
        )?
        .execute([id, tx.now.0])?;
    get(tx.conn, NoticeId(id)).map(Some)
}

/// A part of it is in the chat, as this message; with the last one it is sent.
///
/// # Errors
/// The database refused.
pub fn placed(tx: &Tx<'_>, s: &Stored, message: i64, last: bool) -> Result<()> {
    let chat = s.chat.unwrap_or(0);
    tx.conn
        .prepare_cached("insert or replace into telegram_messages (chat, message_id, notification_id) values (?1, ?2, ?3)")?
        .execute(params![chat, message, s.id.0])?;
    tx.conn
        .prepare_cached("update notifications set parts_sent = parts_sent + 1, message_id = ?2 where id = ?1")?
        .execute(params![s.id.0, message])?;
    if last {
        tx.conn
            .prepare_cached("update notifications set state = 'sent', sent_at = ?2, error = null where id = ?1")?
            .execute(params![s.id.0, tx.now.0])?;
    }
    Ok(())
}

/// Not now: again at that moment. Uncounted where it is not its own fault.
///
/// # Errors
/// The database refused.
pub fn again(tx: &Tx<'_>, id: NoticeId, at: Time, counted: bool, why: &str) -> Result<()> {
    tx.conn
        .prepare_cached(
            "update notifications set state = 'pending', next_at = ?2, attempts = attempts - (?3 = 0), error = ?4
             where id = ?1 and state = 'sending'",
        )?
        .execute(params![id.0, at.0, counted, why])?;
    Ok(())
}

/// Given up.
///
/// # Errors
/// The database refused.
pub fn failed(tx: &Tx<'_>, id: NoticeId, why: &str) -> Result<()> {
    tx.conn
        .prepare_cached("update notifications set state = 'failed', error = ?2 where id = ?1 and state = 'sending'")?
        .execute(params![id.0, why])?;
    Ok(())
}

/// One notice.
///
/// # Errors
/// It does not exist.
pub fn get(conn: &Connection, id: NoticeId) -> Result<Stored> {
    conn.prepare_cached(&format!("{SELECT} where id = ?1"))?
        .query_row([id.0], row_to_stored)
        .optional()?
        .ok_or_else(|| Error::not_found(format!("notice {id}")))
}

/// The notice that a message of a chat is, if it is ours.
///
/// # Errors
/// The database refused.
pub fn by_message(conn: &Connection, chat: i64, message: i64) -> Result<Option<Stored>> {
    Ok(conn
        .prepare_cached(&format!(
            "{SELECT} where id = (select notification_id from telegram_messages where chat = ?1 and message_id = ?2)"
        ))?
        .query_row(params![chat, message], row_to_stored)
        .optional()?)
}

/// A message that carries this notice, seen from the other side: so that its buttons can be taken away.
///
/// # Errors
/// The database refused.
pub fn seen_as(tx: &Tx<'_>, id: NoticeId, chat: i64, message: i64) -> Result<()> {
    tx.conn
        .prepare_cached("insert or ignore into telegram_messages (chat, message_id, notification_id) values (?1, ?2, ?3)")?
        .execute(params![chat, message, id.0])?;
    tx.conn
        .prepare_cached("update notifications set message_id = coalesce(message_id, ?2) where id = ?1")?
        .execute(params![id.0, message])?;
    Ok(())
}

/// Sent notices whose buttons are to be taken away, and their messages.
///
/// # Errors
/// The database refused.
pub fn stale(conn: &Connection, limit: i64) -> Result<Vec<(NoticeId, i64, Vec<i64>)>> {
    let mut stmt = conn.prepare_cached(
        "select id, chat from notifications where buttons_state = 'stale' and state = 'sent' and chat is not null order by id limit ?1",
    )?;
    let rows = stmt.query_map([limit], |r| Ok((NoticeId(r.get(0)?), r.get::<_, i64>(1)?)))?;
    let found: Vec<(NoticeId, i64)> = rows.collect::<rusqlite::Result<_>>()?;
    let mut all = Vec::new();
    for (id, chat) in found {
        // A notice whose first sending was cut short may be there twice: each copy's last message has buttons.
        let mut stmt = conn.prepare_cached(
            "select message_id from telegram_messages where notification_id = ?1 and chat = ?2 order by message_id desc limit 4",
        )?;
        let messages = stmt.query_map(params![id.0, chat], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?;
        all.push((id, chat, messages));
    }
    Ok(all)
}

/// The buttons are gone.
///
/// # Errors
/// The database refused.
pub fn buttons_gone(tx: &Tx<'_>, id: NoticeId) -> Result<()> {
    tx.conn.prepare_cached("update notifications set buttons_state = 'gone' where id = ?1")?.execute([id.0])?;
    Ok(())
}

/// Whether anything waits or is being sent.
///
/// # Errors
/// The database refused.
pub fn any_waiting(conn: &Connection) -> Result<bool> {
    Ok(conn
        .prepare_cached(
            "select exists (select 1 from notifications where state = 'pending')
               or exists (select 1 from notifications where state = 'sending')",
        )?
        .query_row([], |r| r.get(0))?)
}

/// When the next waiting notice is due.
///
/// # Errors
/// The database refused.
pub fn next_due(conn: &Connection, quiet: bool) -> Result<Option<Time>> {
    let at: Option<i64> = conn
        .prepare_cached(
            "select min(next_at) from notifications where state = 'pending' and (?1 = 0 or urgent = 1 or answer = 1)",
        )?
        .query_row([quiet], |r| r.get(0))?;
    Ok(at.map(Time))
}

/// The outbox in figures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Notices that wait.
    pub waiting: i64,
    /// When the last one was sent.
    pub last_sent: Option<Time>,
    /// The last one that was given up: what it said (its headline), why, and when it was told.
    pub last_failed: Option<(String, String, Time)>,
}

/// The outbox in figures.
///
/// # Errors
/// The database refused.
pub fn summary(conn: &Connection) -> Result<Summary> {
    let waiting = conn
        .prepare_cached(
            "select (select count(*) from notifications where state = 'pending')
               + (select count(*) from notifications where state = 'sending')",
        )?
        .query_row([], |r| r.get(0))?;
    let last_sent: Option<i64> =
        conn.prepare_cached("select max(sent_at) from notifications where state = 'sent'")?.query_row([], |r| r.get(0))?;
    let last_failed = conn
        .prepare_cached(
            "select text, coalesce(error, ''), created_at from notifications where state = 'failed' order by created_at desc limit 1",
        )?
        .query_row([], |r| {
            let text: String = r.get(0)?;
            Ok((text.lines().next().unwrap_or_default().to_owned(), r.get(1)?, Time(r.get(2)?)))
        })
        .optional()?;
    Ok(Summary { waiting, last_sent: last_sent.map(Time), last_failed })
}

/// Forgets what is over and older than `before`.
///
/// # Errors
/// The database refused.
pub fn prune(tx: &Tx<'_>, before: Time) -> Result<usize> {
    tx.conn.prepare_cached("delete from telegram_updates where created_at < ?1")?.execute([before.0])?;
    Ok(tx
        .conn
        .prepare_cached("delete from notifications where created_at < ?1 and state in ('sent', 'failed', 'unsent')")?
        .execute([before.0])?)
}

fn row_to_stored(r: &rusqlite::Row<'_>) -> rusqlite::Result<Stored> {
    let buttons: String = r.get(3)?;
    let buttons: Vec<Button> = serde_json::from_str(&buttons)
        .map_err(|e| rusqlite::Error::FromSqlConversionFailure(3, rusqlite::types::Type::Text, Box::new(e)))?;
    Ok(Stored {
        id: NoticeId(r.get(0)?),
        notice: Notice {
            key: r.get(1)?,
            text: r.get(2)?,
            buttons,
            ticket: r.get::<_, Option<i64>>(4)?.map(TicketId),
            urgent: r.get(5)?,
        },
        answer: r.get(6)?,
        asks_words: r.get(7)?,
        state: parsed::<NoticeState>(r, 8)?,
        attempts: r.get(9)?,
        chat: r.get(10)?,
        parts_sent: r.get(11)?,
        message_id: r.get(12)?,
        buttons_state: parsed::<ButtonsState>(r, 13)?,
        error: r.get(14)?,
        created_at: Time(r.get(15)?),
        sent_at: r.get::<_, Option<i64>>(16)?.map(Time),
    })
}

#[cfg(test)]
#[path = "notifications_tests.rs"]
mod tests;

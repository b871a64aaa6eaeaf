//! The orchestrator's inbox: items posted, listed, claimed by the drain, pruned.

use crate::base::doorbell::Topic;
use crate::base::error::{Error, Result};
use crate::domain::ids::ItemId;
use crate::domain::inbox::{InboxPriority, Item, ItemStatus, Source, check_message, check_source_id, moment, stamp};
use crate::domain::time::{TREMBLES_MS, Time};
use crate::store::Tx;
use rusqlite::{Connection, OptionalExtension, params};

const COLUMNS: &str =
    "i.id, i.source_type, i.source_id, i.message, i.priority, i.status, i.created_at, i.processed_at, i.claim_expires_at";
/// Which item goes first: as in the index `inbox_pending`, word for word.
const RANK: &str = "case priority when 'critical' then 0 when 'normal' then 1 else 2 end";

/// An item to be posted.
#[derive(Debug, Clone)]
pub struct NewItem {
    /// Who reports.
    pub source: Source,
    /// What it is about.
    pub source_id: Option<String>,
    /// The words.
    pub message: String,
    /// How urgent.
    pub priority: InboxPriority,
}

/// Posts an item. A critical one makes pickup look at once.
///
/// # Errors
/// The message cannot be an item.
pub fn post(tx: &Tx<'_>, new: &NewItem) -> Result<ItemId> {
    check_message(&new.message).map_err(|why| Error::field("message", why))?;
    if let Some(name) = &new.source_id {
        check_source_id(name).map_err(|why| Error::field("source_id", why))?;
    }
    tx.conn
        .prepare_cached(
            "insert into orchestrator_inbox (source_type, source_id, message, priority, status, created_at)
             values (?1, ?2, ?3, ?4, 'pending', ?5)",
        )?
        .execute(params![new.source.as_str(), new.source_id, new.message, new.priority.as_str(), stamp(tx.now)])?;
    let id = ItemId(tx.conn.last_insert_rowid());
    tx.ring(Topic::Inbox);
    if new.priority == InboxPriority::Critical {
        tx.ring(Topic::Pickup);
    }
    Ok(id)
}

/// Posts an item beside something that matters more: its failure is logged, and undoes nothing else.
pub fn post_beside(tx: &Tx<'_>, new: &NewItem) {
    let work = || {
        tx.conn.execute_batch("savepoint inbox_item")?;
        let posted = post(tx, new);
        let end = if posted.is_ok() { "release inbox_item" } else { "rollback to inbox_item; release inbox_item" };
        tx.conn.execute_batch(end)?;
        posted
    };
    if let Err(e) = work() {
        tracing::warn!(error = %e, source = %new.source, "a report could not be put into the inbox");
    }
}

/// One item.
///
/// # Errors
/// It does not exist.
pub fn get(conn: &Connection, id: ItemId) -> Result<Item> {
    conn.prepare_cached(&format!("select {COLUMNS} from orchestrator_inbox i where i.id = ?1"))?
        .query_row([id.0], row_to_item)
        .optional()?
        .ok_or_else(|| Error::not_found(format!("item {id} of the inbox")))
}

/// Items, newest first, before a number.
///
/// # Errors
/// The database refused.
pub fn list(conn: &Connection, status: Option<ItemStatus>, before: Option<ItemId>, limit: i64) -> Result<Vec<Item>> {
    let before = before.map_or(i64::MAX, |id| id.0);
    let sql = match status {
        None => format!("select {COLUMNS} from orchestrator_inbox i where ?1 is null and i.id < ?2 order by i.id desc limit ?3"),
        Some(ItemStatus::Pending) => format!(
            "select {COLUMNS} from orchestrator_inbox i where i.status = ?1 and i.status = 'pending' and i.id < ?2 order by i.id desc limit ?3"
        ),
        Some(ItemStatus::Claimed | ItemStatus::Processed | ItemStatus::Ignored) => format!(
            "select {COLUMNS} from orchestrator_inbox i where i.status = ?1 and i.status <> 'pending' and i.id < ?2 order by i.id desc limit ?3"
        ),
    };
    let mut stmt = conn.prepare_cached(&sql)?;
    let rows = stmt.query_map(params![status.map(ItemStatus::as_str), before, limit], row_to_item)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Items that wait, the most urgent first, then the oldest.
///
/// # Errors
/// The database refused.
pub fn waiting(conn: &Connection, limit: i64) -> Result<Vec<Item>> {
    let mut stmt = conn.prepare_cached(&waiting_sql())?;
    let rows = stmt.query_map([limit], row_to_item)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn waiting_sql() -> String {
    format!(
        "select {COLUMNS} from orchestrator_inbox i indexed by inbox_pending where i.status = 'pending' order by {RANK}, i.id limit ?1"
    )
}

/// The items of the next digest, at most so many. One that came back unread when it was alone goes alone, after all others:
/// whatever it is that no answer gets past, it keeps nothing else waiting.
///
/// # Errors
/// The database refused.
pub(crate) fn next_in_line(conn: &Connection, limit: i64) -> Result<Vec<Item>> {
    let mut stmt = conn.prepare_cached(&next_sql())?;
    let found: Vec<Item> = stmt.query_map([limit], row_to_item)?.collect::<rusqlite::Result<_>>()?;
    if found.is_empty() { waiting(conn, 1) } else { Ok(found) }
}

fn next_sql() -> String {
    format!(
        "select {COLUMNS} from orchestrator_inbox i indexed by inbox_pending where i.status = 'pending' and not exists (
           select 1 from digest_items d join digests g on g.turn_id = d.turn_id join turns t on t.id = d.turn_id
           where d.item_id = i.id and d.decision = 'given_back' and g.items = 1 and t.state = 'failed')
         order by {RANK}, i.id limit ?1"
    )
}

/// How many items wait; counted up to `most`.
///
/// # Errors
/// The database refused.
pub fn waiting_count(conn: &Connection, most: i64) -> Result<i64> {
    Ok(conn
        .prepare_cached(
            "select count(*) from (select 1 from orchestrator_inbox indexed by inbox_pending where status = 'pending' limit ?1)",
        )?
        .query_row([most], |r| r.get(0))?)
}

/// Whether a critical item waits.
///
/// # Errors
/// The database refused.
pub fn critical_waits(conn: &Connection) -> Result<bool> {
    Ok(waiting(conn, 1)?.first().is_some_and(|i| i.priority == InboxPriority::Critical))
}

/// Puts items into a digest's hands until a moment. Only those that still wait are taken.
///
/// # Errors
/// One of them waits no more.
pub(crate) fn claim(tx: &Tx<'_>, items: &[Item], until: Time) -> Result<()> {
    let mut stmt = tx.conn.prepare_cached(
        "update orchestrator_inbox set status = 'claimed', claim_expires_at = ?2 where id = ?1 and status = 'pending'",
    )?;
    for item in items {
        if stmt.execute(params![item.id.0, stamp(until)])? != 1 {
            return Err(Error::Conflict(format!("item {} was claimed by somebody else", item.id)));
        }
    }
    Ok(())
}

/// Moves a claimed item on. False where it is not claimed any more.
///
/// # Errors
/// The database refused.
pub(crate) fn leave_claim(tx: &Tx<'_>, id: ItemId, to: ItemStatus) -> Result<bool> {
    let over = matches!(to, ItemStatus::Processed | ItemStatus::Ignored);
    let n = tx
        .conn
        .prepare_cached(
            "update orchestrator_inbox set status = ?2, claim_expires_at = null, processed_at = ?3
             where id = ?1 and status = 'claimed'",
        )?
        .execute(params![id.0, to.as_str(), over.then(|| stamp(tx.now))])?;
    Ok(n == 1)
}

/// Whether there are claims that ran out and belong to no open digest: another program's.
///
/// # Errors
/// The database refused.
pub fn has_strays(conn: &Connection, now: Time) -> Result<bool> {
    Ok(conn.prepare_cached(&format!("select exists ({STRAYS})"))?.query_row([stamp(now)], |r| r.get(0))?)
}

const STRAYS: &str = "select i.id from orchestrator_inbox i where i.status = 'claimed' and i.status <> 'pending'
    and coalesce(i.claim_expires_at, '') <= ?1
    and not exists (select 1 from digest_items d where d.item_id = i.id and d.decision is null)";

/// Gives those back to the queue; how many.
///
/// # Errors
/// The database refused.
pub fn return_strays(tx: &Tx<'_>) -> Result<usize> {
    let n = tx
        .conn
        .prepare_cached(&format!(
            "update orchestrator_inbox set status = 'pending', claim_expires_at = null where id in ({STRAYS})"
        ))?
        .execute([stamp(tx.now)])?;
    if n > 0 {
        tx.ring(Topic::Inbox);
    }
    Ok(n)
}

/// Critical items that are not decided so long after they came, and of which the owner was not told. One that is yet to come
/// did so before the clock was put back.
///
/// # Errors
/// The database refused.
pub fn late(conn: &Connection, now: Time, after_ms: i64, limit: i64) -> Result<Vec<Item>> {
    let mut stmt = conn.prepare_cached(&late_sql())?;
    let (before, ahead) = (stamp(now.plus_ms(-after_ms)), stamp(now.plus_ms(TREMBLES_MS)));
    let rows = stmt.query_map(params![before, ahead, limit], row_to_item)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn late_sql() -> String {
    format!(
        "select {COLUMNS} from orchestrator_inbox i where i.status in ('pending', 'claimed') and i.priority = 'critical'
           and (+i.created_at <= ?1 or +i.created_at > ?2)
           and not exists (select 1 from inbox_told t where t.item_id = i.id) limit ?3"
    )
}

/// Notes that the owner was told of an item. True the first time.
///
/// # Errors
/// The database refused.
pub fn told(tx: &Tx<'_>, id: ItemId) -> Result<bool> {
    let n = tx.conn.prepare_cached("insert into inbox_told (item_id) values (?1) on conflict do nothing")?.execute([id.0])?;
    Ok(n == 1)
}

/// The lowest number in the inbox, from `from` on, whose item came before a moment.
///
/// # Errors
/// The database refused.
pub fn oldest(conn: &Connection, from: ItemId, before: Time) -> Result<Option<ItemId>> {
    let next: Option<(i64, String)> = conn
        .prepare_cached("select id, coalesce(created_at, '') from orchestrator_inbox where id >= ?1 order by id limit 1")?
        .query_row([from.0], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?;
    Ok(next.filter(|(_, at)| *at < stamp(before)).map(|(id, _)| ItemId(id)))
}

/// Deletes what was decided and came before a moment, among `count` numbers from `from` on.
///
/// # Errors
/// The database refused.
pub fn prune(tx: &Tx<'_>, from: ItemId, count: i64, before: Time) -> Result<usize> {
    Ok(tx
        .conn
        .prepare_cached(
            "delete from orchestrator_inbox where id >= ?1 and id < ?2 and status in ('processed', 'ignored') and created_at < ?3",
        )?
        .execute(params![from.0, from.0.saturating_add(count), stamp(before)])?)
}

pub(crate) fn row_to_item(r: &rusqlite::Row<'_>) -> rusqlite::Result<Item> {
    let word = |i: usize| loose(r, i).map(Option::unwrap_or_default);
    let time = |i: usize| word(i).map(|text| moment(&text));
    Ok(Item {
        id: ItemId(r.get(0)?),
        // Other programs write here, too: a word we do not know must not hide the item.
        source: word(1)?.parse().unwrap_or(Source::Api),
        source_id: loose(r, 2)?,
        message: loose(r, 3)?.unwrap_or_default(),
        priority: word(4)?.parse().unwrap_or(InboxPriority::Low),
        status: word(5)?.parse().unwrap_or(ItemStatus::Pending),
        created_at: time(6)?.unwrap_or(Time(0)),
        processed_at: time(7)?,
        claim_expires_at: time(8)?,
    })
}

/// A text as another program may have stored it: null, a number, or bytes that are no text.
fn loose(r: &rusqlite::Row<'_>, i: usize) -> rusqlite::Result<Option<String>> {
    use rusqlite::types::ValueRef;
    Ok(match r.get_ref(i)? {
        ValueRef::Null => None,
        ValueRef::Integer(n) => Some(n.to_string()),
        ValueRef::Real(n) => Some(n.to_string()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
    })
}

/// The columns of [`row_to_item`], of a table called `i`.
pub(crate) fn columns() -> &'static str {
    COLUMNS
}

#[cfg(test)]
#[path = "items_tests.rs"]
mod tests;

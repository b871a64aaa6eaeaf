//! Repeated requests: the same key gives the same answer and changes nothing a second time.

use crate::base::error::{Error, Result};
use crate::store::Tx;
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

/// How long a key is remembered, in milliseconds: two days.
const KEPT_MS: i64 = 2 * 86_400_000;

/// A request that may come twice.
#[derive(Debug, Clone)]
pub struct Key {
    /// Whose request: keys of one principal never meet another's.
    pub principal: String,
    /// The key the client chose; `None` = not repeatable, always done.
    pub key: Option<String>,
    /// Method and path.
    pub route: String,
    /// The body's hash: the same key with another body is a mistake.
    pub body_hash: String,
}

/// An answer worth keeping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// Does `work` unless its key was seen before; then gives the answer of that time. In the same transaction as
/// `work`, so that either both are kept or neither.
///
/// # Errors
/// What `work` returned (nothing is kept, the key stays free), or the key was used for another request.
pub fn once(tx: &Tx<'_>, key: &Key, work: impl FnOnce() -> Result<Answer>) -> Result<Answer> {
    if let Some(answer) = seen(tx.conn, key)? {
        return Ok(answer);
    }
    let answer = work()?;
    let Some(name) = &key.key else { return Ok(answer) };
    tx.conn
        .prepare_cached(
            "insert into idempotency_keys (principal, key, route, request_hash, status, response, created_at)
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![key.principal, name, key.route, key.body_hash, answer.status, answer.body, tx.now.0])?;
    Ok(answer)
}

/// The answer of the first time; none where this is it.
///
/// # Errors
/// The key was used for another request, or the database refused.
pub fn seen(conn: &Connection, key: &Key) -> Result<Option<Answer>> {
    let Some(name) = &key.key else { return Ok(None) };
    let seen: Option<(String, String, u16, String)> = conn
        .prepare_cached("select route, request_hash, status, response from idempotency_keys where principal = ?1 and key = ?2")?
        .query_row(params![key.principal, name], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))
        .optional()?;
    match seen {
        Some((route, hash, ..)) if route != key.route || hash != key.body_hash => {
            Err(Error::Conflict("this Idempotency-Key was used for another request".to_owned()))
        }
        Some((_, _, status, body)) => Ok(Some(Answer { status, body })),
        None => Ok(None),
    }
}

/// Forgets a key: what it stood for did not come about after all.
///
/// # Errors
/// The database refused.
pub fn forget(tx: &Tx<'_>, key: &Key) -> Result<()> {
    tx.conn
        .prepare_cached("delete from idempotency_keys where principal = ?1 and key = ?2")?
        .execute(params![key.principal, key.key])?;
    Ok(())
}

/// Forgets keys past their time.
///
/// # Errors
/// The database refused.
pub fn prune(tx: &Tx<'_>) -> Result<usize> {
    Ok(tx.conn.prepare_cached("delete from idempotency_keys where created_at < ?1")?.execute([tx.now.0 - KEPT_MS])?)
}

/// The hash that stands for a body.
#[must_use]
pub fn body_hash(body: &[u8]) -> String {
    format!("{:x}", Sha256::digest(body))
}

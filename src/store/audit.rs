//! The audit: who did what that leaves no other trace. Kinds and names only, never what was typed.

use super::Tx;
use crate::domain::actor::Actor;
use crate::error::Result;
use rusqlite::{Connection, params};

/// Notes that somebody did something.
///
/// # Errors
/// The database refused.
pub fn note(tx: &Tx<'_>, actor: &Actor, action: &str, detail: &str) -> Result<()> {
    tx.conn.prepare_cached("insert into audit (actor, action, detail, created_at) values (?1, ?2, ?3, ?4)")?.execute(params![
        actor.name(),
        action,
        detail,
        tx.now.0
    ])?;
    Ok(())
}

/// The newest notes, newest first: actor, action, detail.
///
/// # Errors
/// The database refused.
pub fn newest(conn: &Connection, limit: i64) -> Result<Vec<(String, String, String)>> {
    let mut stmt = conn.prepare_cached("select actor, action, detail from audit order by id desc limit ?1")?;
    let rows = stmt.query_map([limit], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

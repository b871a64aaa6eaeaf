//! Small values that pages write: when the owner last looked, which profile was picked.

use crate::base::error::Result;
use crate::store::Tx;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeMap;

/// The setting that keeps the owner's choice of profile.
pub const PICKED_PROFILE: &str = "default_profile";

/// A value.
///
/// # Errors
/// The database refused.
pub fn get(conn: &Connection, key: &str) -> Result<Option<String>> {
    Ok(conn.prepare_cached("select value from settings where key = ?1")?.query_row([key], |r| r.get(0)).optional()?)
}

/// Several values at once; those that are not set are left out.
///
/// # Errors
/// The database refused.
pub fn get_many<'a>(conn: &Connection, keys: impl IntoIterator<Item = &'a str>) -> Result<BTreeMap<String, String>> {
    let keys = serde_json::Value::from_iter(keys).to_string();
    let mut stmt = conn.prepare_cached("select key, value from settings where key in (select value from json_each(?1))")?;
    let rows = stmt.query_map([keys], |r| Ok((r.get(0)?, r.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Sets a value.
///
/// # Errors
/// The database refused.
pub fn set(tx: &Tx<'_>, key: &str, value: &str) -> Result<()> {
    tx.conn
        .prepare_cached(
            "insert into settings (key, value) values (?1, ?2) on conflict (key) do update set value = excluded.value",
        )?
        .execute(params![key, value])?;
    Ok(())
}

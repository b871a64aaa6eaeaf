//! Brings a database file to this program's schema, one file of `migrations/` after the other.

use crate::base::error::{Error, Result};
use crate::base::faults;
use crate::base::faults::Point;
use rusqlite::Connection;
use rusqlite_migration::{HookError, M, Migrations};

/// All migrations, in order. Append only.
const STEPS: &[&str] = &[
    include_str!("../../../migrations/0001_first.sql"),
    include_str!("../../../migrations/0002_luci.sql"),
    include_str!("../../../migrations/0003_inbox.sql"),
    include_str!("../../../migrations/0004_tasks.sql"),
    include_str!("../../../migrations/0005_notifications.sql"),
    include_str!("../../../migrations/0006_lookups.sql"),
    include_str!("../../../migrations/0007_long_texts.sql"),
    include_str!("../../../migrations/0008_ready.sql"),
    include_str!("../../../migrations/0009_waiting.sql"),
];

/// Makes sure that this program knows the file's schema.
///
/// # Errors
/// The file was written by a newer version of this program.
pub fn refuse_newer(conn: &Connection) -> Result<()> {
    let version: i64 = conn.query_row("pragma user_version", [], |r| r.get(0))?;
    if version > STEPS.len() as i64 {
        return Err(Error::Conflict(format!(
            "this data folder was written by a newer version (schema {version}, this program knows {}): \
             start that version, or restore a backup made before the upgrade",
            STEPS.len()
        )));
    }
    Ok(())
}

/// Migrates the file.
///
/// # Errors
/// A step failed; what the steps before it did stands.
pub fn up(conn: &mut Connection) -> Result<()> {
    let step = |sql| M::up_with_hook(sql, |_: &_| faults::hit(Point::Migrating).map_err(|e| HookError::Hook(e.to_string())));
    Migrations::new(STEPS.iter().copied().map(step).collect())
        .to_latest(conn)
        .map_err(|e| Error::Internal(format!("migration: {e}")))
}

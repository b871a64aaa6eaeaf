//! Housekeeping: what has served its time is forgotten, so that nothing grows for ever.

use crate::base::error::Result;
use crate::domain::time::Time;
use crate::engine::inbox::drain;
use crate::engine::{Engine, task};
use crate::store::db::idempotency;
use crate::store::notice::notifications;
use crate::store::orchestrator::sessions;
use std::path::Path;

/// Notices that are over are remembered so long: a reply to one still finds its ticket.
const NOTICES_MS: i64 = 30 * 86_400_000;
/// Folders of sessions that ended are kept so long.
const SESSIONS_MS: i64 = 30 * 86_400_000;
/// What of a session's folder holds secrets, and serves only while it is open.
const SECRET: &[&str] = &["launch.json", "token", "hook-token"];

/// What is forgotten, in words, and how.
type Kind = (&'static str, fn(&Engine) -> Result<()>);
const KINDS: &[Kind] =
    &[("keys and notices", rows), ("inbox items", items), ("runs of tasks", task::prune), ("sessions", ended_sessions)];

/// Forgets what is old. One kind that cannot be forgotten does not keep the others; the first fault is returned.
///
/// # Errors
/// The store or the disk failed.
pub fn tidy(engine: &Engine) -> Result<()> {
    let mut all = Ok(());
    for (what, forget) in KINDS {
        if let Err(e) = forget(engine) {
            tracing::warn!(what, error = %e, "what is old could not be forgotten; the next time again");
            all = all.and(Err(e));
        }
    }
    all
}

fn rows(engine: &Engine) -> Result<()> {
    engine.store.write(|tx| {
        idempotency::prune(tx)?;
        notifications::prune(tx, tx.now.plus_ms(-NOTICES_MS)).map(|_| ())
    })
}

fn items(engine: &Engine) -> Result<()> {
    drain::prune(engine).map(|_| ())
}

/// Of sessions that ended: their secrets at once, their folders after a while.
fn ended_sessions(engine: &Engine) -> Result<()> {
    let now = engine.store.clock().now();
    // Listed before the open one is asked for: one that is opened meanwhile is not in the list.
    let folders: Vec<_> = match std::fs::read_dir(engine.data.sessions()) {
        Ok(entries) => entries.flatten().collect(),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(e.into()),
    };
    let open = engine.store.read(sessions::current)?;
    for entry in folders {
        let path = entry.path();
        if open.as_ref().is_some_and(|s| Path::new(&s.dir).file_name() == path.file_name()) {
            continue;
        }
        let changed = entry.metadata().and_then(|m| m.modified()).ok().map(Time::of);
        if changed.is_some_and(|at| now.since(at) > SESSIONS_MS) {
            std::fs::remove_dir_all(&path).unwrap_or_else(|e| tracing::debug!(error = %e, "an old session's folder stays"));
            continue;
        }
        for name in SECRET {
            match std::fs::remove_file(path.join(name)) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e.into()),
                Ok(()) | Err(_) => {}
            }
        }
    }
    Ok(())
}

//! Pauses of profiles: dispatch leaves a paused profile alone until its limit resets or a person resumes it.

use crate::base::doorbell::Topic;
use crate::base::error::Result;
use crate::domain::notice::Notice;
use crate::domain::notice::texts;
use crate::domain::time::{TREMBLES_MS, Time};
use crate::store::Tx;
use crate::store::notice::notifications;
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

/// Why and how long a profile rests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// In words.
    pub reason: String,
    /// When it ends by itself; none = when a person resumes it.
    pub until: Option<Time>,
    /// Since when.
    pub since: Time,
}

/// No reset is believed that is further ahead. A pause that ends later, or is yet to begin, was made before the clock was put
/// back, and is over.
const FAR_MS: i64 = 9 * 86_400_000;
/// Which pauses are to end by themselves, after ?1; ?2 and ?3 are how late that can be, and how late they can have begun.
const ENDING: &str = "until > ?1 and until <= ?2 and since <= ?3";

fn ending(now: Time) -> [i64; 3] {
    [now.0, now.plus_ms(FAR_MS).0, now.plus_ms(TREMBLES_MS).0]
}

/// Pauses a profile; a pause without an end is not shortened by one with an end, and is told to the owner at once.
///
/// # Errors
/// The database refused.
pub fn pause(tx: &Tx<'_>, profile: &str, reason: &str, until: Option<Time>) -> Result<()> {
    let n = tx
        .conn
        .prepare_cached(
            "insert into profile_pauses (profile, reason, until, since) values (?1, ?2, ?3, ?4)
             on conflict (profile) do update set reason = excluded.reason, until = excluded.until, since = excluded.since
               where profile_pauses.until is not null",
        )?
        .execute(params![profile, reason, until.map(|t| t.0), tx.now.0])?;
    if n == 1 && until.is_none() {
        let words = texts::paused(profile, reason);
        let key = format!("{}{}", told_as(profile), tx.now.0);
        notifications::tell(tx, &Notice { key, text: words.text, buttons: words.buttons, ticket: None, urgent: true })?;
    }
    tx.ring(Topic::Board);
    tx.ring(Topic::Tasks);
    Ok(())
}

/// Ends a pause. True if there was one.
///
/// # Errors
/// The database refused.
pub fn resume(tx: &Tx<'_>, profile: &str) -> Result<bool> {
    let n = tx.conn.prepare_cached("delete from profile_pauses where profile = ?1")?.execute([profile])?;
    over(tx, profile)?;
    Ok(n > 0)
}

/// The pauses in force at a moment.
///
/// # Errors
/// The database refused.
pub fn in_force(conn: &Connection, now: Time) -> Result<BTreeMap<String, Pause>> {
    let mut stmt = conn
        .prepare_cached(&format!("select profile, reason, until, since from profile_pauses where until is null or ({ENDING})"))?;
    let rows = stmt.query_map(ending(now), |r| {
        Ok((r.get(0)?, Pause { reason: r.get(1)?, until: r.get::<_, Option<i64>>(2)?.map(Time), since: Time(r.get(3)?) }))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// How many pauses wait for a person.
///
/// # Errors
/// The database refused.
pub fn for_a_person(conn: &Connection) -> Result<i64> {
    Ok(conn.prepare_cached("select count(*) from profile_pauses where until is null")?.query_row([], |r| r.get(0))?)
}

/// Ends a pause that waits for a person: the profile just worked.
///
/// # Errors
/// The database refused.
pub fn lift_suspicion(tx: &Tx<'_>, profile: &str) -> Result<()> {
    let n = tx.conn.prepare_cached("delete from profile_pauses where profile = ?1 and until is null")?.execute([profile])?;
    if n > 0 { over(tx, profile) } else { Ok(()) }
}

/// What was told of it is over, and whatever waited for it may begin: tickets and tasks.
fn over(tx: &Tx<'_>, profile: &str) -> Result<()> {
    notifications::over(tx, &told_as(profile))?;
    for waits in [Topic::Board, Topic::Pickup, Topic::Tasks] {
        tx.ring(waits);
    }
    Ok(())
}

/// What the keys of the notices of a profile's pauses begin with.
fn told_as(profile: &str) -> String {
    format!("paused:{profile}:")
}

/// When the next pause ends by itself.
///
/// # Errors
/// The database refused.
pub fn next_end(conn: &Connection, now: Time) -> Result<Option<Time>> {
    let at: Option<i64> = conn
        .prepare_cached(&format!("select min(until) from profile_pauses where {ENDING}"))?
        .query_row(ending(now), |r| r.get(0))?;
    Ok(at.map(Time))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::SystemClock;
    use crate::store::Store;
    use std::sync::Arc;

    #[test]
    fn a_pause_does_not_wait_for_a_clock_that_was_put_back() {
        let dir = tempfile::tempdir().expect("a folder");
        let store = Store::open(&dir.path().join("mc.db"), Arc::new(SystemClock::new())).expect("a store");
        let (in_force, next) = store
            .write(|tx| {
                for (profile, began) in [("limit", 0), ("from before", 2 * 3_600_000)] {
                    pause(tx, profile, "its limit", Some(tx.now.plus_ms(began + 3_600_000)))?;
                    tx.conn
                        .execute("update profile_pauses set since = since + ?2 where profile = ?1", params![profile, began])?;
                }
                // Nothing but a person ends this one.
                pause(tx, "login", "refused", None)?;
                tx.conn.execute("update profile_pauses set since = since + 7200000 where profile = 'login'", [])?;
                Ok((in_force(tx.conn, tx.now)?, next_end(tx.conn, tx.now)?))
            })
            .expect("written");
        assert_eq!(in_force.keys().collect::<Vec<_>>(), ["limit", "login"]);
        assert_eq!(next, in_force["limit"].until);
    }
}

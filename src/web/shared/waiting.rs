//! What waits: how much for a person, how many reports for Luci, and which profiles are paused.

use crate::base::error::Result;
use crate::domain::time::Time;
use crate::store::run::pauses;
use crate::store::ticket::board;
use crate::web::ui::paused::PausedProfile;
use rusqlite::Connection;

/// Reports that wait for Luci are counted up to so many.
pub const REPORTS_COUNTED: i64 = 1_000;

/// How much waits for a person: tickets, and profiles that rest until somebody lets them go on.
///
/// # Errors
/// The store failed.
pub fn needs_count(c: &Connection) -> Result<i64> {
    let tickets: i64 = board::counts(c)?.into_iter().filter(|(s, _)| s.needs_person()).map(|(_, n)| n).sum();
    Ok(tickets + pauses::for_a_person(c)?)
}

/// Profiles that rest.
///
/// # Errors
/// The store failed.
pub fn paused_profiles(c: &Connection, now: Time) -> Result<Vec<PausedProfile>> {
    let all = pauses::in_force(c, now)?;
    Ok(all.into_iter().map(|(name, p)| PausedProfile { name, why: p.reason, until: p.until }).collect())
}

//! From rows to Home.

use crate::base::error::Result;
use crate::config::Config;
use crate::domain::ticket::Status;
use crate::domain::time::Time;
use crate::store::run::{dispatch, runs};
use crate::store::ticket::{board, changes, tickets};
use crate::web::home::view::{Change, Home};
use crate::web::shared::{activity, attention, waiting};
use crate::web::{composer, orchestrator};
use rusqlite::Connection;

/// Waiting tickets shown on Home.
const NEEDS_WINDOW: usize = 30;

/// Changes shown on Home.
const CHANGES_WINDOW: usize = 12;

/// Everything Home shows.
///
/// # Errors
/// The store failed.
pub fn load_home(c: &Connection, config: &Config, since: Option<Time>, now: Time) -> Result<Home> {
    let needs = board::waiting(c, NEEDS_WINDOW)?;
    let lits = attention::cards(c, &needs)?;
    let live = runs::live(c)?;
    let of = tickets::get_many(c, &live.iter().map(|run| run.ticket).collect::<Vec<_>>())?;
    let with_tickets: Vec<_> = live.iter().filter_map(|run| Some((of.iter().find(|t| t.id == run.ticket)?, run))).collect();
    let running = activity::run_rows(c, &with_tickets, now)?;
    let counts = board::counts(c)?;
    let mut more = Vec::new();
    for status in Status::ALL.iter().copied().filter(|s| s.needs_person()) {
        let here = i64::try_from(needs.iter().filter(|t| t.status == status).count()).unwrap_or(0);
        let hidden = counts.get(&status).copied().unwrap_or(0) - here;
        if hidden > 0 {
            more.push((status, hidden));
        }
    }
    let shown = match since {
        Some(at) => changes::recent_moves(c, at, 200)?,
        None => Vec::new(),
    };
    let total = i64::try_from(shown.len()).unwrap_or(0);
    Ok(Home {
        composer: composer::load::composer(c, config)?,
        luci: orchestrator::load::side(c, config)?,
        needs: lits,
        more,
        needs_total: waiting::needs_count(c)?,
        paused_profiles: waiting::paused_profiles(c, now)?.into_iter().filter(|r| r.until.is_none()).collect(),
        running,
        slots: i64::try_from(config.max_workers).unwrap_or(0),
        next: dispatch::first_ready(c, now, config)?,
        queued: counts.get(&Status::Todo).copied().unwrap_or(0),
        since,
        changes: happened(c, shown)?,
        changes_total: total,
        first_day: counts.values().sum::<i64>() == 0,
    })
}

fn happened(c: &Connection, shown: Vec<changes::Change>) -> Result<Vec<Change>> {
    // Newest first; of each ticket the last thing alone.
    let mut newest: Vec<changes::Change> = Vec::new();
    for change in shown {
        if newest.len() < CHANGES_WINDOW && !newest.iter().any(|n| n.ticket == change.ticket) {
            newest.push(change);
        }
    }
    let found = tickets::get_many(c, &newest.iter().map(|n| n.ticket).collect::<Vec<_>>())?;
    let told = |n: &changes::Change| {
        let t = found.iter().find(|t| t.id == n.ticket)?;
        Some(Change { ticket: t.id, title: t.title.as_str().to_owned(), status: t.status, at: n.created_at })
    };
    Ok(newest.iter().filter_map(told).collect())
}

//! Which tickets are ready, and the claim of one: only what a slot is free for, in order of urgency, then age.

use super::tickets::{COLUMNS, row_to_ticket};
use super::{Tx, lifecycle, pauses};
use crate::domain::ids::{RunId, TicketId};
use crate::domain::rules::Rules;
use crate::domain::ticket::Ticket;
use crate::domain::time::Time;
use crate::error::Result;
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

/// Candidates looked at for each claim; those behind a paused profile or an idle role are stepped over.
const LOOK_AT: i64 = 200;
/// No back-off is longer. One that ends later was set before the clock was put back; who waits for the reset of a limit is
/// held by the pause of the profile.
const FAR_MS: i64 = 2 * 3_600_000;

const NEXT_DUE: &str =
    "select min(not_before) from tickets indexed by tickets_due where status = 'todo' and not_before is not null";

/// Gives at most `slots` ready tickets their run (`starting`). Returns the runs.
///
/// # Errors
/// The database refused.
pub fn claim(tx: &Tx<'_>, slots: usize, rules: &dyn Rules) -> Result<Vec<RunId>> {
    let mut claimed = Vec::new();
    if slots == 0 {
        return Ok(claimed);
    }
    let paused = pauses::in_force(tx.conn, tx.now)?;
    let mut busy = live_by_profile(tx.conn)?;
    for ticket in ready(tx.conn, tx.now, LOOK_AT)? {
        if claimed.len() == slots {
            break;
        }
        let profile = rules.profile_for(&ticket);
        let used = busy.entry(profile.clone()).or_default();
        if paused.contains_key(&profile) || !rules.is_active(&ticket.role) || *used >= rules.concurrency(&profile) {
            continue;
        }
        *used += 1;
        claimed.push(lifecycle::pick_up(tx, &ticket, &profile)?);
    }
    Ok(claimed)
}

/// Live runs per profile.
///
/// # Errors
/// The database refused.
pub fn live_by_profile(conn: &Connection) -> Result<BTreeMap<String, usize>> {
    let mut stmt =
        conn.prepare_cached("select profile, count(*) from runs where state in ('starting', 'running') group by profile")?;
    let rows = stmt.query_map([], |r| Ok((r.get(0)?, usize::try_from(r.get::<_, i64>(1)?).unwrap_or(0))))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// When the next ticket that waits for a time becomes ready.
///
/// # Errors
/// The database refused.
pub fn next_due(conn: &Connection) -> Result<Option<Time>> {
    let at: Option<i64> = conn.prepare_cached(NEXT_DUE)?.query_row([], |r| r.get(0))?;
    Ok(at.map(Time))
}

/// The ticket that dispatch would look at first.
///
/// # Errors
/// The database refused.
pub fn first_ready(conn: &Connection, now: Time) -> Result<Option<TicketId>> {
    Ok(ready(conn, now, 1)?.into_iter().next().map(|t| t.id))
}

fn ready(conn: &Connection, now: Time, limit: i64) -> Result<Vec<Ticket>> {
    let mut stmt = conn.prepare_cached(&ready_sql())?;
    let rows = stmt.query_map(params![now.0, limit, now.0 + FAR_MS], row_to_ticket)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Each pickup asks this, however many tickets wait for a person's word: only those are looked at that may go.
fn ready_sql() -> String {
    format!(
        "select {COLUMNS} from tickets t indexed by tickets_ready
         where t.status = 'todo' and t.needs_approval = 0 and (t.not_before is null or t.not_before <= ?1 or t.not_before > ?3)
           and not exists (select 1 from ticket_links l join tickets b on b.id = l.blocker_id
                           where l.blocked_id = t.id and b.status not in ('done', 'cancelled'))
         order by t.rank, t.created_at, t.id limit ?2"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::domain::actor::Actor;
    use crate::domain::ticket::{Status, Title};
    use crate::store::Store;
    use crate::store::tickets::{self, NewTicket};
    use std::sync::Arc;

    #[test]
    fn a_retry_does_not_wait_for_a_clock_that_was_put_back() {
        let dir = tempfile::tempdir().expect("a folder");
        let store = Store::open(&dir.path().join("mc.db"), Arc::new(SystemClock::new())).expect("a store");
        let found = store.write(|tx| {
            let new = NewTicket { status: Status::Todo, ..NewTicket::titled(Title::stored("again".to_owned())) };
            let id = tickets::create(tx, &new, &Actor::System)?.id;
            let ready = |wait: i64| -> Result<bool> {
                tx.conn.execute("update tickets set not_before = ?1", [tx.now.0 + wait])?;
                Ok(first_ready(tx.conn, tx.now)? == Some(id))
            };
            Ok([ready(-1)?, ready(3_600_000)?, ready(10 * 86_400_000)?])
        });
        assert_eq!(found.expect("looked"), [true, false, true]);
    }

    #[test]
    fn a_pickup_looks_at_nothing_that_may_not_go() {
        let dir = tempfile::tempdir().expect("a folder");
        let store = Store::open(&dir.path().join("mc.db"), Arc::new(SystemClock::new())).expect("a store");
        let plan = |sql: &str| {
            let sql = format!("explain query plan {sql}");
            store.read(move |c| {
                let mut stmt = c.prepare(&sql)?;
                let steps = stmt.raw_query().mapped(|r| r.get::<_, String>(3));
                Ok(steps.collect::<rusqlite::Result<Vec<_>>>()?.join("\n"))
            })
        };
        let ready = plan(&ready_sql()).expect("a plan");
        assert!(ready.contains("USING INDEX tickets_ready") && !ready.contains("TEMP B-TREE"), "{ready}");
        let due = plan(NEXT_DUE).expect("a plan");
        assert!(due.contains("SEARCH tickets USING COVERING INDEX tickets_due"), "{due}");
    }
}

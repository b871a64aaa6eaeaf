//! Which tickets are ready, and the claim of one: only what a slot is free for, in order of urgency, then age.

use crate::base::error::Result;
use crate::domain::ids::{RunId, TicketId};
use crate::domain::ports::Rules;
use crate::domain::ticket::Ticket;
use crate::domain::time::Time;
use crate::store::Tx;
use crate::store::run::pauses;
use crate::store::run::pauses::Pause;
use crate::store::ticket::columns::{FACE, row_to_ticket};
use crate::store::ticket::start;
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

/// Candidates read at once.
const PAGE: usize = 200;
/// Candidates looked at for one claim at most; those behind a paused or full profile or an idle role are stepped over.
const LOOK_AT: usize = 4_000;
/// Candidates looked at for a page that names the first.
const LOOK_FOR_FIRST: usize = 20;
/// No back-off is longer. One that ends later was set before the clock was put back; who waits for the reset of a limit is
/// held by the pause of the profile.
const FAR_MS: i64 = 2 * 3_600_000;

const NEXT_DUE: &str = "select min(not_before) from tickets indexed by tickets_due where status = 'todo' and not_before > ?1";

/// A place in the order of what may go: rank, age, number.
pub type Place = (i64, i64, i64);

/// Gives at most `slots` ready tickets their run (`starting`). Returns the runs; and, where very many that may not go stand
/// before others, how far it looked. The next claim begins with the most urgent ones again and goes on from there.
///
/// # Errors
/// The database refused.
pub fn claim(tx: &Tx<'_>, slots: usize, rules: &dyn Rules, from: Option<Place>) -> Result<(Vec<RunId>, Option<Place>)> {
    if slots == 0 {
        return Ok((Vec::new(), from));
    }
    let paused = pauses::in_force(tx.conn, tx.now)?;
    let mut claim = Claim { tx, slots, rules, paused, busy: live_by_profile(tx.conn)?, claimed: Vec::new() };
    let mut rest = claim.look(None, if from.is_some() { PAGE } else { LOOK_AT })?;
    if let (Some(first), Some(from)) = (rest, from) {
        rest = claim.look(Some(from.max(first)), LOOK_AT)?;
    }
    Ok((claim.claimed, rest))
}

/// A claim under way.
struct Claim<'a> {
    tx: &'a Tx<'a>,
    slots: usize,
    rules: &'a dyn Rules,
    paused: BTreeMap<String, Pause>,
    /// Live runs per profile.
    busy: BTreeMap<String, usize>,
    claimed: Vec<RunId>,
}

impl Claim<'_> {
    /// Takes what may go of so many candidates behind a place. Returns the last of them, where there are more and slots are
    /// left.
    fn look(&mut self, after: Option<Place>, most: usize) -> Result<Option<Place>> {
        let mut after = after;
        for _ in 0..most.div_ceil(PAGE) {
            let page = ready(self.tx.conn, self.tx.now, after, PAGE)?;
            after = page.last().map(|t| (t.priority.rank(), t.created_at.0, t.id.0));
            let whole = page.len() == PAGE;
            for ticket in page {
                if self.claimed.len() == self.slots {
                    return Ok(None);
                }
                self.consider(&ticket)?;
            }
            if !whole {
                return Ok(None);
            }
        }
        Ok(after)
    }

    fn consider(&mut self, ticket: &Ticket) -> Result<()> {
        let profile = self.rules.profile_for(ticket);
        let used = self.busy.entry(profile.clone()).or_default();
        let fits = *used < self.rules.concurrency(&profile) && !self.paused.contains_key(&profile);
        if fits && self.rules.is_active(&ticket.role) {
            *used += 1;
            self.claimed.push(start::pick_up(self.tx, ticket, &profile)?);
        }
        Ok(())
    }
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

/// When the next ticket that waits for a time becomes ready. One that is ready and waits for something else hides no other.
///
/// # Errors
/// The database refused.
pub fn next_due(conn: &Connection, now: Time) -> Result<Option<Time>> {
    let at: Option<i64> = conn.prepare_cached(NEXT_DUE)?.query_row([now.0], |r| r.get(0))?;
    Ok(at.map(Time))
}

/// The ticket that goes when a slot is free, where it is among the most urgent ones: of no idle role or paused profile.
///
/// # Errors
/// The database refused.
pub fn first_ready(conn: &Connection, now: Time, rules: &dyn Rules) -> Result<Option<TicketId>> {
    let paused = pauses::in_force(conn, now)?;
    let may_go = |t: &Ticket| rules.is_active(&t.role) && !paused.contains_key(&rules.profile_for(t));
    Ok(ready(conn, now, None, LOOK_FOR_FIRST)?.into_iter().find(may_go).map(|t| t.id))
}

fn ready(conn: &Connection, now: Time, after: Option<Place>, limit: usize) -> Result<Vec<Ticket>> {
    let (rank, created_at, id) = after.unwrap_or((i64::MIN, 0, 0));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut stmt = conn.prepare_cached(&ready_sql())?;
    let rows = stmt.query_map(params![now.0, limit, now.0 + FAR_MS, rank, created_at, id], row_to_ticket)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Each pickup asks this, however many tickets wait for a person's word: only those are looked at that may go.
fn ready_sql() -> String {
    format!(
        "select {FACE} from tickets t indexed by tickets_ready
         where t.status = 'todo' and t.needs_approval = 0 and (t.not_before is null or t.not_before <= ?1 or t.not_before > ?3)
           and not exists (select 1 from ticket_links l join tickets b on b.id = l.blocker_id
                           where l.blocked_id = t.id and b.status not in ('done', 'cancelled'))
           and (t.rank, t.created_at, t.id) > (?4, ?5, ?6)
         order by t.rank, t.created_at, t.id limit ?2"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::SystemClock;
    use crate::domain::actor::Actor;
    use crate::domain::ticket::{Role, Status, Title};
    use crate::store::Store;
    use crate::store::ticket::tickets;
    use crate::store::ticket::tickets::NewTicket;
    use std::sync::Arc;

    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().expect("a folder");
        let store = Store::open(&dir.path().join("mc.db"), Arc::new(SystemClock::new())).expect("a store");
        (dir, store)
    }

    #[test]
    fn a_retry_does_not_wait_for_a_clock_that_was_put_back() {
        let (_dir, store) = store();
        let found = store.write(|tx| {
            let new = NewTicket { status: Status::Todo, ..NewTicket::titled(Title::stored("again".to_owned())) };
            let id = tickets::create(tx, &new, &Actor::System)?.id;
            let ready = |wait: i64| -> Result<bool> {
                tx.conn.execute("update tickets set not_before = ?1", [tx.now.0 + wait])?;
                Ok(first_ready(tx.conn, tx.now, &Idle("larry"))? == Some(id))
            };
            Ok([ready(-1)?, ready(3_600_000)?, ready(10 * 86_400_000)?])
        });
        assert_eq!(found.expect("looked"), [true, false, true]);
    }

    #[test]
    fn who_may_go_already_does_not_hide_who_may_go_next() {
        let (_dir, store) = store();
        let found = store.write(|tx| {
            for wait in [-5_000, 5_000, 9_000] {
                let new = NewTicket { status: Status::Todo, ..NewTicket::titled(Title::stored("again".to_owned())) };
                let id = tickets::create(tx, &new, &Actor::System)?.id;
                tx.conn.execute("update tickets set not_before = ?2 where id = ?1", [id.0, tx.now.0 + wait])?;
            }
            Ok(next_due(tx.conn, tx.now)?.map(|at| at.since(tx.now)))
        });
        assert_eq!(found.expect("looked"), Some(5_000));
    }

    /// Whose tickets nobody takes, and the one profile.
    struct Idle(&'static str);

    impl Rules for Idle {
        fn profile_for(&self, _ticket: &Ticket) -> String {
            "one".to_owned()
        }

        fn is_active(&self, role: &Role) -> bool {
            role.as_str() != self.0
        }

        fn concurrency(&self, _profile: &str) -> usize {
            9
        }
    }

    #[test]
    fn however_many_may_not_go_the_one_behind_them_does() {
        let (_dir, store) = store();
        let make = |role: &str, many: usize| {
            let role = Role::stored(role.to_owned());
            let made = store.write(move |tx| {
                let new = NewTicket { status: Status::Todo, role, ..NewTicket::titled(Title::stored("one".to_owned())) };
                (0..many).map(|_| Ok(tickets::create(tx, &new, &Actor::System)?.id)).collect::<Result<Vec<_>>>()
            });
            made.expect("tickets")
        };
        let claim = |from| {
            let (claimed, rest) = store.write(move |tx| super::claim(tx, 1, &Idle("larry"), from)).expect("a claim");
            let of = |id: RunId| store.read(|c| Ok(crate::store::run::runs::get(c, id)?.ticket)).expect("a run");
            (claimed.into_iter().map(of).collect::<Vec<_>>(), rest)
        };
        make("larry", LOOK_FOR_FIRST - 1);
        let first = make("luci", 1);
        let named = store.read(|c| first_ready(c, store.clock().now(), &Idle("larry"))).expect("looked");
        assert_eq!(named, Some(first[0]), "nobody is told that what never goes comes next");
        assert_eq!(claim(None), (first, None));
        make("larry", PAGE + 50);
        let first = make("luci", 1);
        assert_eq!(claim(None), (first, None), "behind more than one page");
        assert_eq!(claim(None), (Vec::new(), None), "the end was seen");
        make("larry", LOOK_AT);
        let last = make("luci", 1);
        let (none, rest) = claim(None);
        assert!(none.is_empty() && rest.is_some(), "broken off");
        assert_eq!(claim(rest), (last, None), "and gone on with");
    }

    #[test]
    fn a_pickup_looks_at_nothing_that_may_not_go() {
        let (_dir, store) = store();
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

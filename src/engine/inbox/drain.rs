//! Drain: from the inbox to Luci and back. One digest is on its way at a time; its answer decides its items, and whatever
//! else happens to its turn makes them wait again. In the pickup cycle after reap, before dispatch.

use crate::base::error::Result;
use crate::base::faults;
use crate::base::faults::Point;
use crate::domain::ids::ItemId;
use crate::domain::inbox::digest;
use crate::domain::inbox::digest::Step;
use crate::domain::inbox::{DIGEST_MAX, Item};
use crate::domain::notice::Notice;
use crate::domain::time::Time;
use crate::engine::Engine;
use crate::store::Tx;
use crate::store::inbox::digests;
use crate::store::inbox::digests::Digest;
use crate::store::inbox::items;
use crate::store::notice::notifications;
use crate::store::orchestrator::turns;
use rusqlite::Connection;

/// How long a digest has its items, unless that is extended.
pub const LEASE_MS: i64 = 30 * 60_000;
/// A critical item that nobody has read after so long is told to the owner.
const LATE_MS: i64 = 15 * 60_000;
/// Late items told at once, each by itself; of more of them the owner is told in one notice.
const TOLD_EACH: usize = 3;
/// Late items looked at in one go.
const LATE_MOST: i64 = 200;
/// Decided items are kept so long.
const KEPT_MS: i64 = 7 * 24 * 60 * 60_000;
/// Numbers looked through in one transaction of the pruning.
const PRUNE_STEP: i64 = 1_000;

/// When a digest may be begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As pickup goes: not sooner after the one before than a cycle, unless something critical waits or a digest is full;
    /// and ever later after digests that nobody answered.
    Cycle,
    /// Somebody asks for it: at once.
    Now,
    /// The configuration says that Luci gets none.
    Never,
}

/// What a tick did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Drained {
    /// Items that were decided.
    pub decided: i64,
    /// Items that wait again.
    pub given_back: i64,
    /// Items that went into a new digest.
    pub sent: i64,
}

/// What is to be done, found by reading alone: an idle inbox costs no write.
#[derive(Debug, Default)]
struct Work {
    open: Option<(Digest, Step)>,
    strays: bool,
    late: Vec<Item>,
    begin: bool,
}

/// One step. Doing it at any time, any number of times, by any number of callers, is safe.
///
/// # Errors
/// The store failed; the next step tries again.
pub fn tick(engine: &Engine, pace: Pace) -> Result<Drained> {
    let (now, every) = (engine.store.clock().now(), cycle_ms(engine));
    let pace = if engine.config.orchestrator.digests { pace } else { Pace::Never };
    let mut done = Drained::default();
    let mut work = engine.store.read(|c| find_work(c, now, every, pace))?;
    if let Some((digest, step)) = work.open.take()
        && step != Step::Wait
    {
        done = engine.store.write(move |tx| go_on(tx, &digest))?;
        work = engine.store.read(|c| find_work(c, now, every, pace))?;
    }
    if work.strays {
        let n = engine.store.write(items::return_strays)?;
        tracing::info!(n, "claims of the inbox ran out; the items wait again");
        done.given_back += i64::try_from(n).unwrap_or(0);
    }
    if !work.late.is_empty() {
        engine.store.write(move |tx| tell_late(tx, &work.late))?;
    }
    if work.begin {
        let begun = engine.store.write(move |tx| {
            // Looked at again inside: another drain, or a person's Stop, may have been faster.
            if may_begin(tx.conn, tx.now, every, pace)? { digests::begin(tx, LEASE_MS) } else { Ok(None) }
        })?;
        done.sent = begun.map_or(0, |d| d.items);
        faults::hit(Point::DigestQueued)?;
    }
    Ok(done)
}

/// How often a digest is begun at most, in milliseconds.
#[must_use]
pub fn cycle_ms(engine: &Engine) -> i64 {
    i64::try_from(engine.config.pickup_every_s.saturating_mul(1_000)).unwrap_or(60_000)
}

/// Deletes what was decided and is older than seven days, a little at a time.
///
/// # Errors
/// The store failed.
pub fn prune(engine: &Engine) -> Result<usize> {
    let before = engine.store.clock().now().plus_ms(-KEPT_MS);
    let (mut from, mut gone) = (ItemId(0), 0);
    while let Some(first) = engine.store.read(|c| items::oldest(c, from, before))? {
        gone += engine.store.write(move |tx| {
            let gone = items::prune(tx, first, PRUNE_STEP, before)?;
            faults::hit(Point::Pruning).map(|()| gone)
        })?;
        from = ItemId(first.0.saturating_add(PRUNE_STEP));
    }
    Ok(gone)
}

fn find_work(c: &Connection, now: Time, every: i64, pace: Pace) -> Result<Work> {
    let open = match digests::open(c)? {
        Some(digest) => {
            let step = step_of(c, &digest, now)?;
            Some((digest, step))
        }
        None => None,
    };
    let begin = open.is_none() && may_begin(c, now, every, pace)?;
    let late = items::late(c, now, LATE_MS, LATE_MOST)?;
    Ok(Work { open, strays: items::has_strays(c, now)?, late, begin })
}

fn step_of(c: &Connection, digest: &Digest, now: Time) -> Result<Step> {
    let turn = turns::get(c, digest.turn)?;
    Ok(digest::step(turn.state, digests::expires_at(c, digest.turn)?, LEASE_MS, now, digests::luci_can(c, now)?))
}

/// Moves the open digest on, if it is still the one that was seen.
fn go_on(tx: &Tx<'_>, seen: &Digest) -> Result<Drained> {
    let Some(digest) = digests::open(tx.conn)?.filter(|d| d.turn == seen.turn) else { return Ok(Drained::default()) };
    match step_of(tx.conn, &digest, tx.now)? {
        Step::Decide => {
            digests::decide(tx, &digest)?;
            Ok(Drained { decided: digest.items, ..Drained::default() })
        }
        Step::GiveBack => {
            digests::give_back(tx, &digest)?;
            tell_unanswered(tx, &digest)?;
            Ok(Drained { given_back: digest.items, ..Drained::default() })
        }
        Step::Withdraw => {
            turns::cancel(tx, digest.turn)?;
            digests::give_back(tx, &digest)?;
            Ok(Drained { given_back: digest.items, ..Drained::default() })
        }
        Step::Renew => digests::renew(tx, &digest, LEASE_MS).map(|()| Drained::default()),
        Step::Wait => Ok(Drained::default()),
    }
}

fn may_begin(c: &Connection, now: Time, every: i64, pace: Pace) -> Result<bool> {
    let full = i64::try_from(DIGEST_MAX).unwrap_or(20);
    let waiting = items::waiting_count(c, full)?;
    if waiting == 0 || !digests::luci_can(c, now)? {
        return Ok(false);
    }
    match pace {
        Pace::Never => Ok(false),
        Pace::Now => Ok(true),
        Pace::Cycle => {
            let (failures, ended) = digests::unanswered(c)?;
            if ended.is_some_and(|at| now.waited(at) < digest::back_off_ms(failures)) {
                return Ok(false);
            }
            let due = digests::newest(c)?.is_none_or(|d| now.waited(d.created_at) >= every);
            Ok(due || waiting >= full || items::critical_waits(c)?)
        }
    }
}

/// With the fifth digest in a row that nobody answered the owner is told. It had one report alone: of that one it is told once.
fn tell_unanswered(tx: &Tx<'_>, last: &Digest) -> Result<()> {
    if digests::unanswered(tx.conn)?.0 != digest::TELL_AT {
        return Ok(());
    }
    let items = digests::items(tx.conn, last.turn)?;
    let Some((item, _)) = items.first() else { return Ok(()) };
    let why = turns::get(tx.conn, last.turn)?.error.unwrap_or_default();
    let text = format!(
        "Luci left {} digests in a row without an answer: {why}\n\nThe last had one report alone: {}\n\nAll of them wait \
         and are brought to her again, fewer at a time.",
        digest::TELL_AT,
        item.headline(300)
    );
    notifications::tell(tx, &Notice { key: format!("inbox-unanswered:{}", item.id), text, ..Notice::default() })
}

fn tell_late(tx: &Tx<'_>, late: &[Item]) -> Result<()> {
    let mut told = Vec::new();
    for item in late {
        if items::told(tx, item.id)? {
            told.push(item);
        }
    }
    let notice = |key: String, text: String| Notice { key, text, buttons: Vec::new(), ticket: None, urgent: true };
    if told.len() <= TOLD_EACH {
        for item in told {
            let about = if item.about().is_empty() { String::new() } else { format!(" ({})", item.about()) };
            let text = format!("Nobody has read this for 15 minutes: {}{about}", item.headline(400));
            notifications::tell(tx, &notice(format!("inbox:{}", item.id), text))?;
        }
    } else if let (Some(first), Some(last)) = (told.first(), told.last()) {
        let text = format!("{} critical reports wait unread for 15 minutes; the first: {}", told.len(), first.headline(300));
        notifications::tell(tx, &notice(format!("inbox:{}-{}", first.id, last.id), text))?;
    }
    Ok(())
}

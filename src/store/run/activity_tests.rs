//! The sparklines' times, for many tickets at once, beside what reading every event would give.

use super::*;
use crate::base::clock::SystemClock;
use crate::domain::actor::Actor;
use crate::domain::ticket::Title;
use crate::store::ticket::tickets;
use crate::store::ticket::tickets::NewTicket;
use crate::store::{Store, Tx};
use std::sync::Arc;

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().expect("a folder");
    let store = Store::open(&dir.path().join("mc.db"), Arc::new(SystemClock::new())).expect("a store");
    (dir, store)
}

/// A ticket whose events came at these times.
fn ticket(tx: &Tx<'_>, times: &[i64]) -> Result<TicketId> {
    let id = tickets::create(tx, &NewTicket::titled(Title::stored("busy".to_owned())), &Actor::System)?.id;
    tx.conn.execute(
        "insert into runs (ticket_id, attempt, reason, state, profile, nonce, created_at) values (?1, 1, 'new', 'finished', 'p', ?1, 1)",
        [id.0],
    )?;
    let run = tx.conn.last_insert_rowid();
    for (seq, at) in (1_i64..).zip(times) {
        let kind = if seq % 3 == 0 { "tool_use" } else { "tool_result" };
        tx.conn.execute(
            "insert into ticket_events (ticket_id, seq, run_id, attempt, line, kind, content, truncated, is_error, created_at)
             values (?1, ?2, ?3, 1, ?2, ?4, '', 0, 0, ?5)",
            params![id.0, seq, run, kind, at],
        )?;
    }
    tx.conn.execute("update tickets set last_seq = ?2 where id = ?1", params![id.0, i64::try_from(times.len()).unwrap_or(0)])?;
    Ok(id)
}

#[test]
fn the_times_of_many_tickets_are_those_that_each_of_them_has() {
    let (_dir, store) = store();
    let spread: Vec<Vec<i64>> = vec![
        vec![],
        vec![5],
        vec![99, 100, 101],
        (1..=50).collect(),
        (90..=140).collect(),
        vec![100; 7],
        (1..=1_000).map(|n| n / 5).collect(),
    ];
    let all = spread.clone();
    let ids: Vec<TicketId> = store.write(move |tx| all.iter().map(|times| ticket(tx, times)).collect()).expect("written");
    for since in [0, 1, 50, 100, 101, 200, 201] {
        let found = store.read(|c| times_since(c, &ids, Time(since), 135)).expect("read");
        for (id, times) in ids.iter().zip(&spread) {
            let late: Vec<i64> = times.iter().copied().filter(|at| *at >= since).collect();
            let each = (i64::try_from(late.len()).expect("few") / 135).max(1);
            let wanted: Vec<(Time, i64)> =
                late.iter().step_by(usize::try_from(each).expect("few")).map(|at| (Time(*at), each)).collect();
            assert_eq!(found.get(id).cloned().unwrap_or_default(), wanted, "since {since}: {times:?}");
        }
    }
    assert!(store.read(|c| times_since(c, &[], Time(0), 135)).expect("read").is_empty());
}

#[test]
fn the_last_doing_is_the_newest_tool_call_among_the_newest_events() {
    let (_dir, store) = store();
    let ids = store.write(|tx| Ok([ticket(tx, &[1, 2, 3, 4, 5])?, ticket(tx, &[1, 2])?, ticket(tx, &[])?])).expect("written");
    let found = store.read(|c| last_doing(c, &ids)).expect("read");
    assert_eq!(found.iter().map(|(id, e)| (*id, e.seq)).collect::<Vec<_>>(), [(ids[0], 3)]);
}

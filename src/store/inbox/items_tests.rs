//! The inbox's rows: how they are found.

use super::*;
use crate::base::clock::SystemClock;
use crate::store::Store;
use std::sync::Arc;

fn plan(store: &Store, sql: &str, params: impl rusqlite::Params) -> String {
    store
        .read(|c| {
            let mut stmt = c.prepare(&format!("explain query plan {sql}"))?;
            let rows = stmt.query_map(params, |r| r.get::<_, String>(3))?;
            Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?.join("; "))
        })
        .expect("a plan")
}

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().expect("a folder");
    let store = Store::open(&dir.path().join("mc.db"), Arc::new(SystemClock::new())).expect("a store");
    (dir, store)
}

#[test]
fn the_claim_reads_twenty_rows_of_its_index_and_sorts_nothing() {
    let (_dir, store) = store();
    for sql in [waiting_sql(), next_sql()] {
        let plan = plan(&store, &sql, [20]);
        assert!(plan.contains("USING INDEX inbox_pending") && !plan.contains("TEMP B-TREE"), "{plan}");
    }
}

#[test]
fn what_each_pickup_asks_is_answered_by_an_index() {
    let (_dir, store) = store();
    let late = plan(&store, &late_sql(), params!["2026-01-01", "2026-01-01", 20]);
    assert!(late.contains("idx_orchestrator_inbox (status=? AND priority=?)"), "{late}");
    let strays = plan(&store, STRAYS, ["2026-01-01"]);
    assert!(strays.contains("SEARCH i USING") && strays.contains("digest_items_open"), "{strays}");
    let digest = plan(&store, "select number from digests where state = 'open'", []);
    assert!(digest.contains("digests_one_open"), "{digest}");
}

#[test]
fn a_critical_report_from_before_the_clock_was_put_back_is_late() {
    let (_dir, store) = store();
    let late = store.write(|tx| {
        for (minutes, name) in [(0, "now"), (-16, "late"), (60, "from before")] {
            let new = NewItem {
                source: Source::Api,
                source_id: Some(name.to_owned()),
                message: "full".to_owned(),
                priority: InboxPriority::Critical,
            };
            let id = post(tx, &new)?;
            let at = stamp(tx.now.plus_ms(minutes * 60_000));
            tx.conn.execute("update orchestrator_inbox set created_at = ?2 where id = ?1", params![id.0, at])?;
        }
        late(tx.conn, tx.now, 15 * 60_000, 10)
    });
    let names: Vec<Option<String>> = late.expect("readable").into_iter().map(|i| i.source_id).collect();
    assert_eq!(names, [Some("late".to_owned()), Some("from before".to_owned())]);
}

#[test]
fn lists_of_what_is_decided_are_read_in_their_order() {
    let (_dir, store) = store();
    let sql = "select i.id from orchestrator_inbox i where i.status = ?1 and i.status <> 'pending' and i.id < ?2 order by i.id desc limit ?3";
    let plan = plan(&store, sql, params!["processed", i64::MAX, 50]);
    assert!(plan.contains("inbox_decided") && !plan.contains("TEMP B-TREE"), "{plan}");
}

#[test]
fn a_message_that_cannot_be_an_item_is_refused_and_undoes_nothing_beside_it() {
    let (_dir, store) = store();
    let item = |message: &str| NewItem {
        source: Source::Api,
        source_id: None,
        message: message.to_owned(),
        priority: InboxPriority::Normal,
    };
    assert!(store.write(move |tx| post(tx, &item(""))).is_err());
    let item = |message: &str| NewItem {
        source: Source::Pickup,
        source_id: None,
        message: message.to_owned(),
        priority: InboxPriority::Low,
    };
    store
        .write(move |tx| {
            post(tx, &item("one"))?;
            post_beside(tx, &item(""));
            post(tx, &item("two")).map(|_| ())
        })
        .expect("both good ones stand");
    assert_eq!(store.read(|c| waiting_count(c, 100)).expect("counted"), 2);
}

#[test]
fn a_row_that_another_program_wrote_oddly_is_read_all_the_same() {
    let (_dir, store) = store();
    let foreign = rusqlite::Connection::open(store.path()).expect("a database");
    let wrote = foreign.execute_batch(
        "insert into orchestrator_inbox (source_type, source_id, message, priority, status)
         values ('legacy', x'ff00', x'68e9', 'urgent', 'pending'), ('legacy', 7, 'second', 'low', 'pending')",
    );
    wrote.expect("written");
    let read = store.read(|c| waiting(c, 10)).expect("readable");
    let words: Vec<(Option<&str>, &str)> = read.iter().map(|i| (i.source_id.as_deref(), i.message.as_str())).collect();
    assert!(words.contains(&(Some("7"), "second")), "{words:?}");
    assert!(words.iter().any(|(_, m)| m.starts_with('h')), "{words:?}");
}

//! Notices: told once, in their order, and again after a crash.

use super::*;
use crate::base::clock::SystemClock;
use crate::store::Store;
use std::sync::Arc;

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let store = Store::open(&dir.path().join("mc.db"), Arc::new(SystemClock::new())).expect("a store");
    (dir, store)
}

/// A column of texts.
fn texts(conn: &Connection, sql: &str, column: usize) -> Result<Vec<String>> {
    let mut stmt = conn.prepare(sql)?;
    let rows = stmt.query_map([], |r| r.get(column))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn notice(key: &str, urgent: bool) -> Notice {
    Notice { key: key.to_owned(), text: format!("about {key}"), urgent, ..Notice::default() }
}

#[test]
fn the_same_key_is_told_once_in_each_chat() {
    let (_dir, store) = store();
    store
        .write(|tx| {
            tell(tx, &notice("a", false))?;
            tell(tx, &notice("a", false))?;
            spread(tx, &[5, -7])?;
            tell(tx, &notice("a", true))?;
            spread(tx, &[5, -7])
        })
        .expect("told");
    let rows = store.read(|c| texts(c, "select key || ' ' || chat from notifications order by chat desc", 0));
    assert_eq!(rows.expect("read"), ["a 5", "a@-7 -7"]);
}

#[test]
fn urgent_goes_first_then_by_age_and_quiet_hours_let_only_urgent_and_answers_pass() {
    let (_dir, store) = store();
    let order = store.write(|tx| {
        tell(tx, &notice("early", false))?;
        tell(tx, &notice("late", false))?;
        tell(tx, &notice("urgent", true))?;
        answer(tx, 5, &notice("answer", false), false)?;
        spread(tx, &[5])?;
        let mut order = Vec::new();
        for quiet in [true, true, true, false, false, false] {
            order.push(claim(tx, quiet)?.map_or_else(String::new, |s| s.notice.key));
        }
        Ok(order)
    });
    assert_eq!(order.expect("claimed"), ["urgent", "answer", "", "early", "late", ""]);
}

#[test]
fn what_was_being_sent_at_a_crash_is_claimed_again_and_counts() {
    let (_dir, store) = store();
    let twice = store.write(|tx| {
        tell(tx, &notice("a", false))?;
        spread(tx, &[5])?;
        let first = claim(tx, false)?.expect("due");
        assert!(claim(tx, false)?.is_none());
        recover(tx)?;
        Ok((first.attempts, claim(tx, false)?.expect("due again").attempts))
    });
    assert_eq!(twice.expect("done"), (1, 2));
}

#[test]
fn a_notice_does_not_wait_for_a_clock_that_was_put_back() {
    let (_dir, store) = store();
    let keys = store.write(|tx| {
        for (key, wait) in [("backs off", 600_000), ("from before", 10 * 86_400_000)] {
            tell(tx, &notice(key, false))?;
            tx.conn.execute("update notifications set next_at = ?1 where key = ?2", params![tx.now.0 + wait, key])?;
        }
        tell(tx, &notice("told by a clock ahead", false))?;
        tx.conn
            .execute("update notifications set next_at = ?1, created_at = ?1 where key like 'told%'", [tx.now.0 + 3_600_000])?;
        spread(tx, &[5])?;
        let (first, second) = (claim(tx, false)?, claim(tx, false)?.expect("due"));
        // Tried once it backs off as any other.
        again(tx, second.id, tx.now.plus_ms(1_000), true, "no route")?;
        Ok([first, Some(second), claim(tx, false)?].map(|s| s.map(|s| s.notice.key)))
    });
    let keys = keys.expect("claimed");
    assert_eq!(keys.each_ref().map(Option::as_deref), [Some("from before"), Some("told by a clock ahead"), None]);
}

#[test]
fn a_key_that_holds_wildcards_ends_only_its_own() {
    let (_dir, store) = store();
    let left = store.write(|tx| {
        for key in ["paused:a:1", "paused:a%:1", "paused:ab:1"] {
            let buttons = vec![Button { label: "x".to_owned(), action: "resume:a".to_owned() }];
            tell(tx, &Notice { buttons, ..notice(key, true) })?;
        }
        over(tx, "paused:a:")?;
        texts(tx.conn, "select key from notifications where buttons_state = 'open' order by key", 0)
    });
    assert_eq!(left.expect("done"), ["paused:a%:1", "paused:ab:1"]);
}

#[test]
fn looking_for_work_reads_an_index_and_not_the_table() {
    let (_dir, store) = store();
    for sql in [
        "select id from notifications where state = 'pending' and chat is not null and (next_at <= 1 or next_at > 2 or created_at > 3)
           and (0 = 0 or urgent = 1 or answer = 1) order by urgent desc, id limit 1",
        "select 1 from notifications where state = 'pending'",
        "select 1 from notifications where state = 'sending'",
        "select min(next_at) from notifications where state = 'pending' and (0 = 0 or urgent = 1 or answer = 1)",
        "select id, chat from notifications where buttons_state = 'stale' and state = 'sent' and chat is not null order by id limit 9",
        "update notifications set buttons_state = 'stale' where ticket_id = 1 and buttons_state = 'open'",
        "select max(sent_at) from notifications where state = 'sent'",
    ] {
        let plan = store.read(|c| texts(c, &format!("explain query plan {sql}"), 3)).expect("a plan").join("; ");
        assert!(plan.contains("INDEX notifications_"), "{sql}: {plan}");
    }
}

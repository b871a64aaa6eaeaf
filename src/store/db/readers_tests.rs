//! The change counter and the near connections.

use super::*;
use crate::base::clock::SystemClock;
use crate::store::Store;
use std::sync::Arc;

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().expect("a folder");
    let store = Store::open(&dir.path().join("mc.db"), Arc::new(SystemClock::new())).expect("opened");
    (dir, store)
}

fn put(store: &Store, value: &'static str) {
    store
        .write(move |tx| {
            tx.conn.execute("insert or replace into settings (key, value) values ('test', ?1)", [value])?;
            Ok(())
        })
        .expect("written");
}

fn got(c: &Connection) -> Result<String> {
    Ok(c.query_row("select value from settings where key = 'test'", [], |r| r.get(0))?)
}

#[test]
fn a_reader_is_opened_when_it_is_needed_and_kept() {
    let (_dir, store) = store();
    let pool = &store.readers.pool;
    assert_eq!(pool.state().connections, 1, "one until two are needed at once");
    let (first, second) = (pool.get().expect("a reader"), pool.get().expect("a reader"));
    let opened = pool.state().connections;
    assert!((2..=READERS).contains(&opened), "{opened}");
    drop((first, second));
    assert!(pool.state().connections >= opened);
    assert_eq!((pool.idle_timeout(), pool.max_lifetime()), (None, None), "nothing closes them later");
}

#[test]
fn the_version_changes_with_each_commit_of_ours_and_of_others_and_with_nothing_else() {
    let (dir, store) = store();
    let first = store.version();
    store.read_near(|c| Ok(c.query_row("select count(*) from tickets", [], |r| r.get::<_, i64>(0))?)).expect("read");
    assert_eq!(store.version(), first, "reading changes nothing");
    put(&store, "a");
    let second = store.version();
    assert_ne!(second, first);
    let other = Connection::open(dir.path().join("mc.db")).expect("another connection");
    other.execute("update settings set value = 'b' where key = 'test'", []).expect("written");
    let third = store.version();
    assert_ne!(third, second, "a commit that did not go through the writer");
    other.execute_batch("begin immediate; update settings set value = 'c' where key = 'test'; rollback").expect("undone");
    assert_eq!(store.version(), third);
}

#[test]
fn what_was_committed_is_read_at_once_and_a_panic_inside_a_read_harms_no_later_one() {
    let (_dir, store) = store();
    for value in ["a", "b", "c"] {
        put(&store, value);
        assert_eq!(store.read_near(got).expect("read"), value);
    }
    let panicked =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| store.read_near(|_| -> Result<()> { panic!("in it") })));
    assert!(panicked.is_err());
    put(&store, "d");
    assert_eq!(store.read_near(got).expect("read"), "d");
    assert!(store.read_near(|c| Ok(c.execute("delete from settings", [])?)).is_err(), "readers cannot write");
}

#[test]
fn a_read_within_a_read_and_many_threads_find_a_connection() {
    let (_dir, store) = store();
    put(&store, "a");
    let inner = store.read_near(|_| store.read_near(|_| store.read_near(got))).expect("read");
    assert_eq!(inner, "a");
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..8).map(|_| scope.spawn(|| (0..50).all(|_| store.read_near(got).is_ok_and(|v| v == "a")))).collect();
        assert!(all.into_iter().all(|t| t.join().expect("no panic")));
    });
}

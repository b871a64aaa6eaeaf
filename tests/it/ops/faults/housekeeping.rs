//! Retention and backups that are killed half way.

use crate::ops::faults::{Fault, Story, faults};
use crate::support::live_server::Live;
use crate::support::live_server::agent::agent;
use rusqlite::Connection;
use std::fs;
use std::os::unix::process::ExitStatusExt;

/// Items as they were posted long ago, and some of today.
fn with_old_items() -> Live {
    let mut live = Live::start(1, &[agent("instant")]);
    live.terminate();
    let conn = Connection::open(live.database()).expect("opens");
    let insert = "insert into orchestrator_inbox (source_type, message, status, created_at, processed_at)
                  with recursive n(i) as (select 1 union all select i + 1 from n where i < ?1)
                  select 'api', hex(zeroblob(600)), ?2, datetime('now', ?3), datetime('now', ?3) from n";
    conn.execute(insert, (2_500, "ignored", "-8 days")).expect("written");
    conn.execute(insert, (5, "processed", "-1 days")).expect("written");
    conn.execute("update orchestrator_inbox set status = 'pending', processed_at = null where id % 500 = 0", [])
        .expect("written");
    live
}

#[test]
fn retention_deletes_what_is_old_and_nothing_else_wherever_it_is_killed() {
    for fault in faults(Story::Housekeeping, "kill9").into_iter().flat_map(|f| [f, Fault { nth: 3, ..f }]) {
        let live = with_old_items();
        let killed = live.command(&["tick", "housekeeping"]).env("MC_FAULT", fault.said()).output().expect("it starts");
        assert_eq!(killed.status.signal(), Some(9), "{killed:?}");
        live.check();
        let left: i64 = live.one("select count(*) from orchestrator_inbox");
        assert!(left >= 505, "what was deleted before is gone, the rest is there: {left}");
        let done = live.run(&["tick", "housekeeping"]);
        assert!(done.status.success(), "{done:?}");
        assert_eq!(live.one::<i64>("select count(*) from orchestrator_inbox where status = 'pending'"), 5);
        assert_eq!(live.one::<i64>("select count(*) from orchestrator_inbox"), 10);
    }
}

#[test]
fn a_backup_that_is_cut_off_is_no_backup_and_the_next_one_is() {
    for fault in faults(Story::Backup, "kill9") {
        let mut live = with_old_items();
        live.boot();
        let file = live.root().join("copy.db");
        let backup = || live.command(&["backup", file.to_str().expect("plain text")]);
        let killed = backup().env("MC_FAULT", fault.said()).output().expect("it starts");
        assert_eq!(killed.status.signal(), Some(9), "{killed:?}");
        assert!(!file.exists(), "half a copy must not pass for a backup");
        let other = fs::File::open(live.root().join(".copy.db.part")).expect("what it wrote so far");
        other.lock().expect("as another backup would");
        assert_eq!(backup().output().expect("it starts").status.code(), Some(3), "two do not write one file");
        drop(other);
        let done = backup().output().expect("it starts");
        assert!(done.status.success(), "{done:?}");
        let copy = Connection::open(&file).expect("opens");
        let whole: String = copy.query_row("pragma integrity_check", [], |r| r.get(0)).expect("readable");
        let items: i64 = copy.query_row("select count(*) from orchestrator_inbox", [], |r| r.get(0)).expect("readable");
        assert_eq!((whole.as_str(), items), ("ok", 2_505));
        let again = backup().output().expect("it starts");
        assert!(!again.status.success() && String::from_utf8_lossy(&again.stderr).contains("already"), "{again:?}");
        let left: Vec<String> = fs::read_dir(live.root())
            .expect("a folder")
            .flatten()
            .map(|e| e.file_name().to_string_lossy().into_owned())
            .filter(|n| n.contains(".part"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

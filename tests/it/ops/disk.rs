//! A disk that fails at any write: once, from then on, full, or with the process killed in the middle of it. What was
//! acknowledged is there, what could not be written is told, and when the disk is well again so are we.

use crate::support::live_server::Live;
use crate::support::live_server::agent::agent;
use crate::support::wait::until;
use rusqlite::Connection;
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicI64, Ordering};

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/ops/disk.c");
const EIO: i32 = 5;
const ENOSPC: i32 = 28;
/// No error: the process is killed.
const KILL: i32 = 0;
const FOR_EVER: i64 = 1_000_000;

/// A disk that takes orders.
struct Disk {
    library: PathBuf,
    order: PathBuf,
    orders: AtomicI64,
}

impl Disk {
    /// None, loudly, where no C compiler is there to make it.
    fn make(dir: &Path) -> Option<Disk> {
        let library = dir.join("disk.so");
        let made = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(SOURCE).output();
        match made {
            Ok(out) if out.status.success() => Some(Disk { library, order: dir.join("order"), orders: AtomicI64::new(0) }),
            Ok(out) => panic!("{}", String::from_utf8_lossy(&out.stderr)),
            Err(e) => {
                eprintln!("SKIPPED: a failing disk needs a C compiler (cc): {e}");
                None
            }
        }
    }

    /// From the `nth` write to files of that name on, so many fail in that way.
    fn fails(&self, file: &str, nth: i64, times: i64, error: i32) {
        let _none = fs::remove_file(self.hit());
        let id = self.orders.fetch_add(1, Ordering::SeqCst) + 1;
        let draft = self.order.with_extension("draft");
        fs::write(&draft, format!("{id} {file} {nth} {times} {error}")).expect("written");
        fs::rename(draft, &self.order).expect("in force");
    }

    fn is_well(&self) {
        let _none = fs::remove_file(&self.order);
    }

    fn hit(&self) -> PathBuf {
        self.order.with_extension("hit")
    }

    fn was_hit(&self) -> bool {
        self.hit().exists()
    }

    fn environment(&self) -> [(&'static str, String); 2] {
        [("LD_PRELOAD", self.library.display().to_string()), ("DISK_ORDER", self.order.display().to_string())]
    }
}

fn names(live: &Live) -> BTreeSet<String> {
    let conn = Connection::open(live.database()).expect("it opens");
    let sound: String = conn.query_row("pragma integrity_check", [], |r| r.get(0)).expect("it can be checked");
    assert_eq!(sound, "ok");
    let mut stmt = conn.prepare("select name from api_tokens where name like 't-%'").expect("a query");
    stmt.query_map([], |r| r.get(0)).expect("rows").collect::<rusqlite::Result<_>>().expect("rows")
}

#[test]
fn a_command_whose_nth_write_fails_says_so_and_leaves_the_database_whole() {
    let mut live = Live::prepare(1, &[agent("instant")], "");
    let Some(disk) = Disk::make(live.root()) else { return };
    live.boot();
    live.terminate();
    let mut acked = BTreeSet::new();
    for (way, times, error) in [("once", 1, EIO), ("for-ever", FOR_EVER, EIO), ("full", FOR_EVER, ENOSPC), ("kill", 1, KILL)] {
        let mut nth = 0;
        loop {
            nth += 1;
            assert!(nth < 500, "it writes and writes");
            let name = format!("t-{way}-{nth}");
            disk.fails("mc.db*", nth, times, error);
            let done = live.command(&["token", "create", &name]).envs(disk.environment()).output().expect("it starts");
            disk.is_well();
            let said = String::from_utf8_lossy(&done.stderr);
            assert!(!said.contains("panicked"), "{name}: {said}");
            if done.status.success() {
                acked.insert(name.clone());
            } else if error == KILL {
                assert_eq!(done.status.signal(), Some(9), "{said}");
            } else {
                assert!(matches!(done.status.code(), Some(1 | 3)) && said.contains("mission-control: "), "{name}: {done:?}");
            }
            let there = names(&live);
            assert!(acked.is_subset(&there), "{name}: what was acknowledged is there");
            if !disk.was_hit() {
                break;
            }
        }
        assert!(acked.contains(&format!("t-{way}-{nth}")), "the last one met no fault");
        assert!(nth > 4, "{way}: {nth} writes");
    }
    live.check();
}

/// Posts an item; its number where it was acknowledged.
fn post(live: &Live, words: &str) -> (u16, Option<i64>, String) {
    let body = json!({ "source_type": "api", "message": words });
    let answer = live.try_json("/api/v1/orchestrator_inbox", &body).expect("an answer");
    let id = serde_json::from_str::<serde_json::Value>(&answer.body).ok().and_then(|v| v["id"].as_i64());
    (answer.status, id.filter(|_| answer.status == 201), answer.body)
}

/// Posts until it is taken: the disk is well.
fn posted(live: &Live, acked: &mut BTreeSet<i64>) {
    let id = until("a post that is taken", || post(live, "all is well").1);
    acked.insert(id);
}

fn all_there(live: &Live, acked: &BTreeSet<i64>) {
    let there: BTreeSet<i64> = live.all("select id from orchestrator_inbox").into_iter().collect();
    assert!(acked.is_subset(&there), "lost: {:?}", acked.difference(&there).collect::<Vec<_>>());
    live.check();
}

#[test]
fn a_server_whose_disk_fails_answers_in_words_and_goes_on_when_it_is_well_again() {
    let mut live = Live::prepare(1, &[agent("instant")], "");
    let Some(disk) = Disk::make(live.root()) else { return };
    for (key, value) in disk.environment() {
        live.variable(key, &value);
    }
    live.boot();
    let mut acked = BTreeSet::new();
    // The n-th write fails, once: until a post meets no fault.
    let mut nth = 0;
    loop {
        nth += 1;
        assert!(nth < 200, "one post writes and writes");
        disk.fails("mc.db-wal", nth, 1, EIO);
        let (status, id, body) = post(&live, "one of many");
        disk.is_well();
        match status {
            201 => acked.extend(id),
            500 | 503 => assert!(body.contains("title"), "{body}"),
            other => panic!("{other}: {body}"),
        }
        posted(&live, &mut acked);
        if !disk.was_hit() {
            break;
        }
    }
    assert!(nth > 2, "{nth} writes");
    all_there(&live, &acked);
    // Full, and then there is room again.
    disk.fails("mc.db-wal", 1, FOR_EVER, ENOSPC);
    for _ in 0..3 {
        let (status, _, body) = post(&live, "no room");
        assert!(status == 503 && body.contains("full"), "{status} {body}");
        assert_eq!(live.try_get("/board").expect("an answer").status, 200, "what is there can be read");
    }
    disk.is_well();
    posted(&live, &mut acked);
    // The log cannot be folded back: that keeps nobody waiting.
    disk.fails("mc.db", 1, FOR_EVER, EIO);
    until("a try to fold the log back", || {
        let (status, id, body) = post(&live, "into the log alone");
        assert_eq!(status, 201, "{body}");
        acked.extend(id);
        disk.was_hit().then_some(())
    });
    let id = live.now("instant", "Work on");
    live.stands(id, "done");
    disk.is_well();
    all_there(&live, &acked);
    // Killed in the middle of a write of the log, and of a page while the log is folded back.
    for (file, nth) in [("mc.db-wal", 1), ("mc.db-wal", 2), ("mc.db-wal", 3), ("mc.db", 1), ("mc.db", 4)] {
        disk.fails(file, nth, 1, KILL);
        let body = json!({ "source_type": "api", "message": "the last words" });
        until("its death", || {
            let Some(answer) = live.try_json("/api/v1/orchestrator_inbox", &body) else { return Some(()) };
            acked.extend(serde_json::from_str::<serde_json::Value>(&answer.body).ok()?["id"].as_i64());
            None
        });
        live.dies();
        assert!(disk.was_hit());
        disk.is_well();
        live.boot();
        all_there(&live, &acked);
    }
}

//! The write-ahead log cut anywhere, as a power cut may leave it: what is read back is a prefix of the commits, whole.

use crate::support::wait::{Dice, until};
use mission_control::base::clock::{Clock, SystemClock};
use mission_control::domain::actor::Actor;
use mission_control::domain::ids::TicketId;
use mission_control::domain::inbox::{InboxPriority, Source};
use mission_control::domain::ticket::Title;
use mission_control::engine::system::check;
use mission_control::store::inbox::items;
use mission_control::store::inbox::items::NewItem;
use mission_control::store::ticket::lifecycle;
use mission_control::store::ticket::tickets;
use mission_control::store::ticket::tickets::NewTicket;
use mission_control::store::{Store, Tx};
use rusqlite::Connection;
use rusqlite::types::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Of the log's own header, and of a frame's.
const LOG_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
const COMMITS: usize = 40;

/// All rows of all tables, as text.
fn rows(conn: &Connection) -> String {
    let mut stmt = conn
        .prepare("select name from sqlite_master where type = 'table' and sql not like 'create virtual%' order by name")
        .expect("a query");
    let tables: Vec<String> = stmt.query_map([], |r| r.get(0)).expect("rows").collect::<rusqlite::Result<_>>().expect("rows");
    let mut text = String::new();
    for table in tables {
        let mut stmt = conn.prepare(&format!("select * from {table}")).expect("a query");
        let columns = stmt.column_count();
        let found = stmt.query_map([], |r| (0..columns).map(|i| r.get::<_, Value>(i)).collect::<rusqlite::Result<Vec<_>>>());
        for row in found.expect("rows") {
            text.push_str(&format!("{table}: {:?}\n", row.expect("a row")));
        }
    }
    text
}

/// A folder of commits: the database before them, the log that holds them, and the rows after each (the first: before).
struct Commits {
    dir: tempfile::TempDir,
    log: Vec<u8>,
    states: Vec<String>,
    frame: usize,
}

impl Commits {
    fn make() -> Commits {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("mc.db");
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        drop(Store::open(&path, clock.clone()).expect("a store"));
        let conn = Connection::open(&path).expect("opens");
        // The store's readers close when they like: what its log still holds is folded back first.
        until("an empty log", || {
            let busy: i64 = conn.query_row("pragma wal_checkpoint(truncate)", [], |r| r.get(0)).expect("it can be tried");
            (busy == 0).then_some(())
        });
        // From here on nothing is folded back: the log holds it all.
        conn.pragma_update(None, "wal_autocheckpoint", 0).expect("set");
        let mut states = vec![rows(&conn)];
        for n in 0..COMMITS {
            conn.execute_batch("begin immediate").expect("begun");
            work(&Tx::alone(&conn, clock.now()), n);
            conn.execute_batch("commit").expect("committed");
            states.push(rows(&conn));
        }
        assert!(states.windows(2).all(|w| w[0] != w[1]), "every commit changes something");
        let page: i64 = conn.query_row("pragma page_size", [], |r| r.get(0)).expect("a size");
        let log = fs::read(path.with_extension("db-wal")).expect("a log");
        fs::copy(&path, dir.path().join("before.db")).expect("copied");
        Commits { dir, log, states, frame: FRAME_HEADER + usize::try_from(page).expect("small") }
    }

    fn frames(&self) -> usize {
        (self.log.len() - LOG_HEADER) / self.frame
    }

    /// How many commits the first so many bytes of the log hold whole.
    fn whole(&self, bytes: usize) -> usize {
        let frames = bytes.saturating_sub(LOG_HEADER) / self.frame;
        // The frame that ends a commit says how large the database is then.
        let ends = |n: &usize| self.log[LOG_HEADER + n * self.frame + 4..][..4] != [0; 4];
        (0..frames).filter(ends).count()
    }

    /// The database with such a log.
    fn with(&self, log: &[u8]) -> PathBuf {
        // Each in a folder of its own: whoever read the one before may not have closed it yet.
        let folder = tempfile::tempdir_in(self.dir.path()).expect("a folder").keep();
        let path = folder.join("cut.db");
        fs::copy(self.dir.path().join("before.db"), &path).expect("copied");
        fs::write(path.with_extension("db-wal"), log).expect("written");
        path
    }
}

/// One unit of work as the program does it: new rows, changed ones, large ones.
fn work(tx: &Tx<'_>, n: usize) {
    let words = format!("{n}: {}", "many words ".repeat(n % 7 * 120));
    match n % 3 {
        0 => {
            let new = NewTicket { description: words, ..NewTicket::titled(Title::stored(format!("Ticket {n}"))) };
            tickets::create(tx, &new, &Actor::System).map(|_| ())
        }
        1 => lifecycle::say(tx, TicketId(1), &words, &Actor::System).map(|_| ()),
        _ => {
            let new = NewItem { source: Source::Api, source_id: None, message: words, priority: InboxPriority::Normal };
            items::post(tx, &new).map(|_| ())
        }
    }
    .expect("done");
}

fn read_back(path: &Path) -> String {
    let conn = Connection::open(path).expect("it opens");
    let sound: String = conn.query_row("pragma quick_check", [], |r| r.get(0)).expect("it can be checked");
    assert_eq!(sound, "ok");
    rows(&conn)
}

#[test]
fn a_log_cut_anywhere_reads_as_a_prefix_of_the_commits() {
    let commits = Commits::make();
    let frames = commits.frames();
    assert_eq!(commits.whole(commits.log.len()), COMMITS);
    assert!(frames > 2 * COMMITS, "{frames} frames: commits of several pages");
    let mut dice = Dice::new(5);
    let mut cuts: Vec<usize> = (0..=frames).map(|n| LOG_HEADER + n * commits.frame).collect();
    // Inside the header, inside frames' headers, inside pages.
    cuts.extend([0, 1, 31]);
    cuts.extend((0..60).map(|_| usize::try_from(dice.roll(commits.log.len() as u64)).expect("small")));
    for cut in cuts {
        let path = commits.with(&commits.log[..cut]);
        let whole = commits.whole(cut);
        assert!(read_back(&path) == commits.states[whole], "cut after {cut} bytes: not the first {whole} commits");
    }
}

#[test]
fn a_log_with_a_flipped_bit_reads_as_the_commits_before_it() {
    let commits = Commits::make();
    let mut dice = Dice::new(7);
    for _ in 0..60 {
        let at = LOG_HEADER + usize::try_from(dice.roll((commits.log.len() - LOG_HEADER) as u64)).expect("small");
        let mut log = commits.log.clone();
        log[at] ^= 1 << dice.roll(8);
        let frame = (at - LOG_HEADER) / commits.frame;
        let whole = commits.whole(LOG_HEADER + frame * commits.frame);
        assert!(read_back(&commits.with(&log)) == commits.states[whole], "a bit of byte {at}: not the first {whole} commits");
    }
}

#[test]
fn the_program_opens_a_cut_log_and_its_invariants_hold() {
    let commits = Commits::make();
    for n in (0..=commits.frames()).step_by(9) {
        let path = commits.with(&commits.log[..LOG_HEADER + n * commits.frame]);
        let store = Store::open(&path, Arc::new(SystemClock::new())).expect("it opens");
        assert_eq!(check::check(&store, 1).expect("it can be checked"), [], "cut after {n} frames");
    }
}

//! The connections that read: near ones for short reads on the caller's own thread, a pool for long ones, and one that
//! tells whether anything was committed.

use crate::base::error::{Error, Result};
use crate::store::db::connection::prepare;
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::{Connection, Transaction};
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Connections that read. Reading is work for a processor: more of them would wait for one with their memory in hand.
pub const READERS: u32 = 4;
/// Near connections: one for each worker of the web.
const NEAR: usize = 2;
/// How long a near connection waits for another program that holds the whole file: its thread serves others meanwhile.
const NEAR_WAIT: Duration = Duration::from_millis(250);

/// All connections that read one file.
pub struct Readers {
    path: PathBuf,
    pool: r2d2::Pool<SqliteConnectionManager>,
    near: [Mutex<Option<Connection>>; NEAR],
    watch: Mutex<Watch>,
    reads: AtomicU64,
}

/// A connection that only asks for the change counter.
struct Watch {
    conn: Connection,
    counter: i64,
    version: u64,
}

impl Readers {
    /// Opens the first of them.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn open(path: &Path) -> Result<Readers> {
        let pool = r2d2::Pool::builder()
            .max_size(READERS)
            .min_idle(Some(1))
            // Opened once and kept. Left alone the pool closes them after ten minutes' rest and after half an hour's work,
            // and each new one reads the schema and prepares every statement again, in other places of the heap.
            .idle_timeout(None)
            .max_lifetime(None)
            .test_on_check_out(false)
            .connection_timeout(Duration::from_secs(10))
            .build(SqliteConnectionManager::file(path).with_init(only_reads))
            .map_err(|e| Error::Internal(format!("database readers: {e}")))?;
        let watch = Watch { conn: near_connection(path)?, counter: 0, version: 0 };
        Ok(Readers { path: path.to_owned(), pool, near: Default::default(), watch: Mutex::new(watch), reads: AtomicU64::new(0) })
    }

    /// Reads in one snapshot, on a connection of the pool.
    ///
    /// # Errors
    /// What the closure returned, or no reader could be had.
    pub fn read<T>(&self, f: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let mut conn = self.pool.get().map_err(|e| Error::Busy(format!("database readers: {e}")))?;
        let snapshot = conn.transaction()?;
        f(&snapshot)
    }

    /// Reads in one snapshot, on a connection that this thread usually has to itself. None waits for it: where both near
    /// connections are in use, the pool has others.
    ///
    /// # Errors
    /// As [`Readers::read`].
    pub fn read_near<T>(&self, f: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let first = favourite();
        let free = (0..NEAR).find_map(|i| self.near[(first + i) % NEAR].try_lock().ok());
        let Some(mut slot) = free else { return self.read(f) };
        let conn = match slot.as_mut() {
            Some(conn) => conn,
            None => slot.insert(near_connection(&self.path)?),
        };
        self.reads.fetch_add(1, Ordering::Relaxed);
        let snapshot = Transaction::new_unchecked(conn, rusqlite::TransactionBehavior::Deferred)?;
        f(&snapshot)
    }

    /// How many reads there were.
    pub fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    /// A number that is another one after each commit to the file, whoever made it: this process's writer or another
    /// program. Whatever was read after this number was asked for is good for as long as it stays the same.
    pub fn version(&self) -> u64 {
        let mut watch = lock(&self.watch);
        let found = watch.conn.prepare_cached("pragma data_version").and_then(|mut stmt| stmt.query_row([], |r| r.get(0)));
        match found {
            Ok(counter) if counter == watch.counter => {}
            Ok(counter) => {
                watch.counter = counter;
                watch.version += 1;
            }
            // Nobody knows: nothing that was kept is good.
            Err(_) => watch.version += 1,
        }
        watch.version
    }
}

/// The slot that a thread tries first.
fn favourite() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! { static MINE: Cell<Option<usize>> = const { Cell::new(None) }; }
    MINE.with(|mine| {
        let slot = mine.get().unwrap_or_else(|| NEXT.fetch_add(1, Ordering::Relaxed));
        mine.set(Some(slot));
        slot
    })
}

fn near_connection(path: &Path) -> Result<Connection> {
    let mut conn = Connection::open(path)?;
    only_reads(&mut conn)?;
    conn.busy_timeout(NEAR_WAIT)?;
    Ok(conn)
}

fn only_reads(conn: &mut Connection) -> rusqlite::Result<()> {
    prepare(conn)?;
    conn.pragma_update(None, "query_only", true)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "readers_tests.rs"]
mod tests;

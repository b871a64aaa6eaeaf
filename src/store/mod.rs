//! Floor 1: the only place with SQL. One writer thread that commits in groups, a pool of readers that cannot write.

pub mod access;
pub mod db;
pub mod inbox;
pub mod notice;
pub mod orchestrator;
pub mod run;
pub mod task;
pub mod ticket;

use crate::store::db::writer;
pub use crate::store::db::writer::{Lane, Tx};

use crate::base::clock::Clock;
use crate::base::doorbell::Doorbell;
use crate::base::error::{Error, Result};
use crate::store::db::health;
use crate::store::db::migrate;
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Connections that read. Reading is work for a processor: more of them would wait for one with their memory in hand.
pub const READERS: u32 = 4;
/// The pages that each connection keeps at most, in KB: what the board and a ticket need. The system's own cache has the rest,
/// a microsecond away; ten connections that keep more would only make the process large. All of them lie in one block
/// (`memory::set_pages_apart`), and where that is full the page that was used longest ago goes first, whoever has it.
const CACHE_KB: i64 = 2_000;

/// The store: cheap to clone, shared by all floors above.
#[derive(Clone)]
pub struct Store {
    writer: Arc<writer::Writer>,
    readers: r2d2::Pool<SqliteConnectionManager>,
    clock: Arc<dyn Clock>,
    /// Rung after each commit for the topics the transaction named.
    pub doorbell: Doorbell,
    path: PathBuf,
}

impl Store {
    /// Opens (and where needed creates and migrates) the database file.
    ///
    /// # Errors
    /// The file cannot be opened or written, is damaged, or comes from a newer version.
    pub fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Store> {
        make_file(path)?;
        let mut conn = connect(path)?;
        migrate::refuse_newer(&conn)?;
        health::before_service(&conn, path)?;
        migrate::up(&mut conn)?;
        let doorbell = Doorbell::default();
        let readers = r2d2::Pool::builder()
            .max_size(READERS)
            .min_idle(Some(1))
            // Opened once and kept. Left alone the pool closes them after ten minutes' rest and after half an hour's work,
            // and each new one reads the schema and prepares every statement again, in other places of the heap.
            .idle_timeout(None)
            .max_lifetime(None)
            .test_on_check_out(false)
            .connection_timeout(Duration::from_secs(10))
            .build(SqliteConnectionManager::file(path).with_init(|c| {
                prepare(c)?;
                c.pragma_update(None, "query_only", true)
            }))
            .map_err(|e| Error::Internal(format!("database readers: {e}")))?;
        let writer = Arc::new(writer::Writer::start(conn, connect(path)?, clock.clone(), doorbell.clone()));
        Ok(Store { writer, readers, clock, doorbell, path: path.to_owned() })
    }

    /// The clock that stamps transactions.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// The database file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs one transaction on the writer thread and waits until it is durable. Blocks: not for async threads.
    ///
    /// # Errors
    /// What the closure returned (then nothing of it is kept), or the commit failed.
    pub fn write<T: Send + 'static>(&self, f: impl FnOnce(&Tx<'_>) -> Result<T> + Send + 'static) -> Result<T> {
        self.write_in(Lane::People, f)
    }

    /// As [`Store::write`], in a lane: people's writes go before ingest's.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn write_in<T: Send + 'static>(&self, lane: Lane, f: impl FnOnce(&Tx<'_>) -> Result<T> + Send + 'static) -> Result<T> {
        let (tx, rx) = std::sync::mpsc::sync_channel(1);
        self.writer.push(lane, f, move |outcome| {
            // The waiter may have gone (its thread ended); the write stands all the same.
            let _ = tx.send(outcome);
        });
        rx.recv().map_err(|_| writer::gone())?
    }

    /// As [`Store::write`], for async callers.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn call<T: Send + 'static>(&self, f: impl FnOnce(&Tx<'_>) -> Result<T> + Send + 'static) -> Result<T> {
        let (tx, rx) = tokio::sync::oneshot::channel();
        self.writer.push(Lane::People, f, move |outcome| {
            let _ = tx.send(outcome);
        });
        rx.await.map_err(|_| writer::gone())?
    }

    /// Reads in one consistent snapshot. Blocks: not for async threads.
    ///
    /// # Errors
    /// What the closure returned, or no reader could be had.
    pub fn read<T>(&self, f: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let mut conn = self.readers.get().map_err(|e| Error::Busy(format!("database readers: {e}")))?;
        let snapshot = conn.transaction()?;
        f(&snapshot)
    }

    /// As [`Store::read`], for async callers.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn query<T: Send + 'static>(&self, f: impl FnOnce(&Connection) -> Result<T> + Send + 'static) -> Result<T> {
        let store = self.clone();
        tokio::task::spawn_blocking(move || store.read(f))
            .await
            .map_err(|e| Error::Internal(format!("a read was cut off: {e}")))?
    }
}

/// Makes the file before SQLite would, readable by its owner alone. Never once a connection is open: closing any other
/// handle of the file drops the process's POSIX locks on it, and another program could then delete the log under us.
fn make_file(path: &Path) -> Result<()> {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    match std::fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
            // A read-only file stays as it is: the store then refuses writes in words.
            let mode = std::fs::metadata(path)?.permissions().mode();
            if mode & 0o077 != 0 {
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode & 0o700))?;
            }
            Ok(())
        }
        Err(e) => Err(e.into()),
    }
}

fn connect(path: &Path) -> Result<Connection> {
    let conn = Connection::open(path)?;
    prepare(&conn)?;
    Ok(conn)
}

/// What every connection needs, reader or writer.
fn prepare(conn: &Connection) -> rusqlite::Result<()> {
    conn.busy_timeout(Duration::from_secs(5))?;
    conn.pragma_update(None, "journal_mode", "wal")?;
    conn.pragma_update(None, "synchronous", "full")?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "temp_store", "memory")?;
    conn.pragma_update(None, "cache_size", -CACHE_KB)?;
    conn.set_prepared_statement_cache_capacity(128);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::SystemClock;

    #[test]
    fn a_reader_is_opened_when_it_is_needed_and_kept() {
        let dir = tempfile::tempdir().expect("a folder");
        let store = Store::open(&dir.path().join("mc.db"), Arc::new(SystemClock::new())).expect("opened");
        assert_eq!(store.readers.state().connections, 1, "one until two are needed at once");
        let (first, second) = (store.readers.get().expect("a reader"), store.readers.get().expect("a reader"));
        let opened = store.readers.state().connections;
        assert!((2..=READERS).contains(&opened), "{opened}");
        drop((first, second));
        assert!(store.readers.state().connections >= opened);
        assert_eq!((store.readers.idle_timeout(), store.readers.max_lifetime()), (None, None), "nothing closes them later");
    }
}

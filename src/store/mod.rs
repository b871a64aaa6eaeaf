//! Floor 1: the only place with SQL. One writer thread that commits in groups, a pool of readers that cannot write.

pub mod access;
pub mod db;
pub mod inbox;
pub mod notice;
pub mod orchestrator;
pub mod run;
pub mod task;
pub mod ticket;

pub use crate::store::db::readers::READERS;
pub use crate::store::db::writer::{Lane, Tx};

use crate::base::clock::Clock;
use crate::base::doorbell::Doorbell;
use crate::base::error::{Error, Result};
use crate::store::db::connection::{connect, make_file};
use crate::store::db::readers::Readers;
use crate::store::db::{health, migrate, writer};
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A read on the caller's thread that took so long, in milliseconds, is told of in the log: it is none of the short ones.
const SLOW_MS: i64 = 200;

/// The store: cheap to clone, shared by all floors above.
#[derive(Clone)]
pub struct Store {
    writer: Arc<writer::Writer>,
    readers: Arc<Readers>,
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
        let readers = Arc::new(Readers::open(path)?);
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
        self.readers.read(f)
    }

    /// A short read in one consistent snapshot, on the caller's own thread: a few indexed rows, a window of a list. It
    /// waits for no lock and for no other thread, so async threads may do it; what can take long is
    /// [`Store::query_long`]'s.
    ///
    /// # Errors
    /// What the closure returned, or no reader could be had.
    pub fn read_near<T>(&self, f: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let began = self.clock.mono_ms();
        let found = self.readers.read_near(f);
        let took = self.clock.mono_ms() - began;
        if took > SLOW_MS {
            tracing::warn!(took_ms = took, "a read that was to be short took long");
        }
        found
    }

    /// As [`Store::read_near`], for async callers: a panic inside is an error.
    ///
    /// # Errors
    /// As [`Store::read_near`].
    pub async fn query<T: Send + 'static>(&self, f: impl FnOnce(&Connection) -> Result<T> + Send + 'static) -> Result<T> {
        catch_unwind(AssertUnwindSafe(|| self.read_near(f)))
            .unwrap_or_else(|_| Err(Error::Internal("a read was cut off: it panicked".to_owned())))
    }

    /// A read that may take long (a search, many rows under a filter), for async callers: done on a thread that may wait.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn query_long<T: Send + 'static>(&self, f: impl FnOnce(&Connection) -> Result<T> + Send + 'static) -> Result<T> {
        let store = self.clone();
        tokio::task::spawn_blocking(move || store.read(f))
            .await
            .map_err(|e| Error::Internal(format!("a read was cut off: {e}")))?
    }

    /// How many reads there were since it was opened: what tests count.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.readers.reads()
    }

    /// A number that is another one after each commit to the file, by this process or another program. Asked for before
    /// a read, it says for how long what was read is good: while it stays the same.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.readers.version()
    }
}

/// Numbers as a list that a statement takes apart (`json_each`).
pub(crate) fn id_list(ids: impl Iterator<Item = i64>) -> String {
    let numbers: Vec<String> = ids.map(|id| id.to_string()).collect();
    format!("[{}]", numbers.join(","))
}

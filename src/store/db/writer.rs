//! The one writer: a thread that takes units of work and commits them in groups, each in a savepoint of its own.
//! A unit is acknowledged only after the commit that holds it is on disk.

use crate::base::clock::Clock;
use crate::base::doorbell::{Doorbell, Topic};
use crate::base::error::{Error, Result};
use crate::base::faults;
use crate::base::faults::Point;
use crate::domain::time::Time;
use rusqlite::Connection;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// The longest a group collects, in milliseconds.
const GROUP_MS: i64 = 20;
/// The most units in one group.
const GROUP_UNITS: usize = 256;
/// The longest a unit waits for another program to let go of the database, in milliseconds; then its waiter hears so.
const LOCKED_MS: i64 = 5_000;
/// How long one try to get the database takes.
const TRY: Duration = Duration::from_millis(250);
/// How often the write-ahead log is folded back, beside the commits.
const CHECKPOINT_EVERY: Duration = Duration::from_millis(500);

/// Who waits for a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// A person or a state change: goes first.
    People,
    /// Lines of a log: go when nobody waits.
    Ingest,
}

/// An open transaction, with its fixed moment.
pub struct Tx<'a> {
    /// The connection inside its savepoint.
    pub conn: &'a Connection,
    /// When this transaction happens; all rows it writes carry this time.
    pub now: Time,
    rings: RefCell<Vec<Topic>>,
}

impl<'a> Tx<'a> {
    /// Rings the topic once the transaction is committed.
    pub fn ring(&self, topic: Topic) {
        let mut rings = self.rings.borrow_mut();
        if !rings.contains(&topic) {
            rings.push(topic);
        }
    }

    /// A transaction outside the writer, for programs that work on the data folder while no server runs.
    #[must_use]
    pub fn alone(conn: &'a Connection, now: Time) -> Tx<'a> {
        Tx { conn, now, rings: RefCell::new(Vec::new()) }
    }
}

/// Answers the waiter once it is known whether the group was committed.
type Finish = Box<dyn FnOnce(Result<()>) + Send>;
/// Does the work, or hears why it cannot be done; says whether its savepoint is to be kept.
type Unit = Box<dyn for<'a> FnOnce(std::result::Result<&Tx<'a>, Error>) -> (bool, Finish) + Send>;

/// A unit and when it was queued, on the clock that never jumps.
struct Queued {
    unit: Unit,
    since: i64,
}

#[derive(Default)]
struct Queue {
    people: VecDeque<Queued>,
    ingest: VecDeque<Queued>,
    closed: bool,
}

struct Shared {
    queue: Mutex<Queue>,
    filled: Condvar,
}

/// The writer's front: takes units; dropping it writes what is queued and ends the threads.
pub struct Writer {
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// The error for a waiter whose unit was never committed: the writer has ended, or had to give its group up.
pub fn gone() -> Error {
    Error::Busy("nothing was changed, as the server is closing or met a fault: try again".to_owned())
}

impl Writer {
    /// Starts the writer thread on `conn` and the checkpoint thread on `side`.
    pub fn start(conn: Connection, side: Connection, clock: Arc<dyn Clock>, doorbell: Doorbell) -> Writer {
        let shared = Arc::new(Shared { queue: Mutex::default(), filled: Condvar::new() });
        let (mine, time) = (shared.clone(), clock.clone());
        let writer = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || write_loop(&conn, &mine, time.as_ref(), &doorbell))
            .expect("a thread can be started at boot");
        let mine = shared.clone();
        let checkpointer = std::thread::Builder::new()
            .name("store-checkpoint".into())
            .spawn(move || checkpoint_loop(&side, &mine))
            .expect("a thread can be started at boot");
        Writer { shared, clock, threads: Mutex::new(vec![writer, checkpointer]) }
    }

    /// Queues a unit of work; `done` hears its outcome after the commit.
    pub fn push<T: Send + 'static>(
        &self,
        lane: Lane,
        work: impl FnOnce(&Tx<'_>) -> Result<T> + Send + 'static,
        done: impl FnOnce(Result<T>) + Send + 'static,
    ) {
        let unit: Unit = Box::new(move |tx| {
            let outcome = match tx {
                Ok(tx) => catch_unwind(AssertUnwindSafe(|| work(tx))).unwrap_or_else(|_| {
                    tracing::error!("a write panicked and was rolled back");
                    Err(Error::Internal("a write failed inside; nothing of it was kept".to_owned()))
                }),
                Err(e) => Err(e),
            };
            match outcome {
                Ok(value) => (true, Box::new(move |committed: Result<()>| done(committed.map(|()| value))) as Finish),
                Err(e) => (false, Box::new(move |_| done(Err(e)))),
            }
        });
        let queued = Queued { unit, since: self.clock.mono_ms() };
        let mut queue = lock(&self.shared.queue);
        if queue.closed {
            return;
        }
        match lane {
            Lane::People => queue.people.push_back(queued),
            Lane::Ingest => queue.ingest.push_back(queued),
        }
        drop(queue);
        self.shared.filled.notify_all();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        lock(&self.shared.queue).closed = true;
        self.shared.filled.notify_all();
        for thread in lock(&self.threads).drain(..) {
            // A panicked thread has already told of itself.
            let _ = thread.join();
        }
    }
}

fn write_loop(conn: &Connection, shared: &Shared, clock: &dyn Clock, doorbell: &Doorbell) {
    // Each try is short, so that every waiter is told in time however many wait.
    let _set = conn.busy_timeout(TRY);
    while let Some(first) = next(shared, true) {
        let done = guarded(|| begin(conn, shared, clock, first).map(|first| group(conn, shared, clock, first)));
        if done.is_none() && !conn.is_autocommit() {
            // Its waiters hear that nothing was changed, as what would have told them otherwise is gone with it.
            let _ = conn.execute_batch("rollback");
        }
        let Some((finishes, rings, committed)) = done.flatten() else { continue };
        guarded(|| drop(faults::hit(Point::Committed)));
        for finish in finishes {
            guarded(|| finish(committed.clone()));
        }
        if committed.is_ok() {
            for topic in rings {
                guarded(|| doorbell.ring(topic));
            }
        }
    }
}

/// Whatever panics beside the units of work, the store goes on: without its threads nothing could be written ever again.
fn guarded<T>(step: impl FnOnce() -> T) -> Option<T> {
    let done = catch_unwind(AssertUnwindSafe(step));
    if done.is_err() {
        tracing::error!("the store panicked between two units of work and goes on");
    }
    done.ok()
}

/// Opens a group's transaction. While another program holds the database, whoever has waited too long is told so; none
/// where nobody is left to begin for.
fn begin(conn: &Connection, shared: &Shared, clock: &dyn Clock, first: Queued) -> Option<Unit> {
    let mut first = Some(first);
    loop {
        let (locked, e) = match conn.execute_batch("begin immediate") {
            Ok(()) => return first.map(|f| f.unit),
            Err(e) => (e.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy), Error::from(e)),
        };
        let late = |q: &Queued| !locked || clock.mono_ms() - q.since >= LOCKED_MS;
        let mut told: Vec<Queued> = Vec::new();
        {
            let mut queue = lock(&shared.queue);
            let Queue { people, ingest, closed } = &mut *queue;
            let closed = *closed;
            if locked {
                for lane in [people, ingest] {
                    while lane.front().is_some_and(|q| closed || late(q)) {
                        told.extend(lane.pop_front());
                    }
                }
            }
            told.extend(first.take_if(|q| closed || late(q)));
        }
        for queued in told {
            (queued.unit)(Err(e.clone())).1(Err(e.clone()));
        }
        first.as_ref()?;
    }
}

fn group(conn: &Connection, shared: &Shared, clock: &dyn Clock, first: Unit) -> (Vec<Finish>, Vec<Topic>, Result<()>) {
    let mut finishes = Vec::new();
    let mut rings = Vec::new();
    let began = clock.mono_ms();
    let mut unit = Some(first);
    let mut broken = None;
    while let Some(work) = unit.take() {
        let tx = Tx { conn, now: clock.now(), rings: RefCell::new(Vec::new()) };
        let (kept, finish) = in_savepoint(work, &tx);
        finishes.push(finish);
        if conn.is_autocommit() {
            // A full disk or an I/O error made SQLite give up the whole group: nobody in it may hear "done".
            broken = Some(Error::Busy("the disk is full or failing: nothing was changed".to_owned()));
            break;
        }
        if kept {
            for topic in tx.rings.into_inner() {
                if !rings.contains(&topic) {
                    rings.push(topic);
                }
            }
        }
        if finishes.len() < GROUP_UNITS && clock.mono_ms() - began < GROUP_MS {
            unit = next(shared, false).map(|q| q.unit);
        }
    }
    let committed = match broken {
        Some(e) => Err(e),
        None => faults::hit(Point::CommitReady).and_then(|()| conn.execute_batch("commit").map_err(Error::from)),
    };
    if committed.is_err() && !conn.is_autocommit() {
        let _ = conn.execute_batch("rollback");
    }
    (finishes, rings, committed)
}

/// Runs one unit in its savepoint: its failure undoes its own rows only.
fn in_savepoint(work: Unit, tx: &Tx<'_>) -> (bool, Finish) {
    if let Err(e) = tx.conn.execute_batch("savepoint unit") {
        return (false, work(Err(Error::from(e))).1);
    }
    let (kept, finish) = work(Ok(tx));
    if tx.conn.is_autocommit() {
        return (false, finish);
    }
    let closed =
        if kept { tx.conn.execute_batch("release unit") } else { tx.conn.execute_batch("rollback to unit; release unit") };
    match (kept, closed) {
        (true, Err(e)) => {
            let e = Error::from(e);
            (false, Box::new(move |_| finish(Err(e))))
        }
        (_, _) => (kept, finish),
    }
}

fn next(shared: &Shared, wait: bool) -> Option<Queued> {
    let mut queue = lock(&shared.queue);
    loop {
        if let Some(unit) = queue.people.pop_front() {
            return Some(unit);
        }
        if let Some(unit) = queue.ingest.pop_front() {
            return Some(unit);
        }
        if queue.closed || !wait {
            return None;
        }
        queue = shared.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
    }
}

fn checkpoint_loop(conn: &Connection, shared: &Shared) {
    // Folding the log back inside a commit makes that commit wait: done here, beside the writer, it does not.
    loop {
        let queue = lock(&shared.queue);
        if queue.closed {
            return;
        }
        let (queue, _) =
            shared.filled.wait_timeout_while(queue, CHECKPOINT_EVERY, |q| !q.closed).unwrap_or_else(PoisonError::into_inner);
        if queue.closed {
            return;
        }
        drop(queue);
        guarded(|| {
            if faults::hit(Point::Checkpoint).is_ok() {
                let _ = conn.query_row("pragma wal_checkpoint(passive)", [], |_| Ok(()));
            }
        });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

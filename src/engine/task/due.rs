//! What is due: one transaction writes a row for every due time that has come and moves the task's next one on.

use crate::base::error::Result;
use crate::base::faults;
use crate::base::faults::Point;
use crate::domain::task::schedule::quiet_end;
use crate::domain::task::{MissedPolicy, Overlap, Task, TaskRun, TaskRunState};
use crate::domain::time::Time;
use crate::engine::Engine;
use crate::engine::task::files::known;
use crate::engine::task::memory::Memory;
use crate::engine::task::memory::Parsed;
use crate::store::Tx;
use crate::store::task::task_runs::NewRun;
use crate::store::task::tasks::TaskRow;
use crate::store::task::{task_runs, tasks};

/// Rows written in one transaction for one task.
const BATCH: usize = 500;
/// Tasks looked at in one transaction.
const TASKS: i64 = 200;
/// A due time that we are later for than this was missed.
const LATE_MS: i64 = 60_000;
/// Runs of one task that wait for each other.
const QUEUE: usize = 10;

/// Writes down what is due; true where there is more.
///
/// # Errors
/// The store failed.
pub(crate) fn write_down(engine: &Engine, memory: &Memory) -> Result<bool> {
    let now = engine.store.clock().now();
    if engine.store.read(tasks::next_due)?.is_none_or(|at| at > now) {
        return Ok(false);
    }
    let (parsed, zone) = (memory.parsed.clone(), engine.config.scheduler.timezone.clone());
    let more = engine.store.write(move |tx| {
        let mut more = false;
        for row in tasks::due(tx.conn, tx.now, TASKS)? {
            more |= one(tx, &row, &parsed, &zone)?;
        }
        Ok(more)
    })?;
    faults::hit(Point::DueWritten).map(|()| more)
}

/// All of one task's due times up to now; true where there are more of them.
fn one(tx: &Tx<'_>, row: &TaskRow, parsed: &Parsed, zone: &str) -> Result<bool> {
    // It was good when it was stored: if this program reads it differently, its file is looked at again anyway.
    let Ok(task) = known(parsed, row, zone) else { return tasks::move_on(tx, row, None).map(|_| false) };
    let (times, next) = times(&task, row, tx.now);
    let more = next.is_some_and(|at| at <= tx.now);
    if !tasks::move_on(tx, row, next)? {
        return Ok(true);
    }
    let live = task_runs::live_of(tx.conn, &task.name)?;
    for (i, due) in times.iter().enumerate() {
        let last = i + 1 == times.len() && !more;
        let (state, note) = fate(&task, row, &live, last, tx.now.since(*due));
        let new = NewRun {
            task: task.name.clone(),
            due_at: Some(*due),
            author: String::new(),
            state,
            kind: task.kind,
            rank: task.rank(),
            not_before: (state == TaskRunState::Waiting).then(|| not_before(&task, *due, tx.now)).flatten(),
            note: note.map(str::to_owned),
        };
        // A row that is there already (the clock was put back) stays as it is.
        let fresh = task_runs::insert(tx, &new)?.is_some();
        if fresh && state == TaskRunState::Waiting && task.overlap == Overlap::KillOld {
            task_runs::make_room(tx, &live)?;
        }
    }
    faults::hit(Point::DueWriting)?;
    Ok(more)
}

/// The due times that have come, not too many at once, and the one after them.
fn times(task: &Task, row: &TaskRow, now: Time) -> (Vec<Time>, Option<Time>) {
    let mut found = Vec::new();
    let mut next = row.next_due_at;
    while let Some(at) = next.filter(|at| *at <= now && found.len() < BATCH) {
        found.push(at);
        next = task.schedule.next_after(at);
    }
    (found, next)
}

/// What becomes of a due time. Only the last one that has come can still run.
fn fate(task: &Task, row: &TaskRow, live: &[TaskRun], last: bool, late_ms: i64) -> (TaskRunState, Option<&'static str>) {
    if row.paused {
        return (TaskRunState::Skipped, Some("the task was paused"));
    }
    let missed = late_ms > LATE_MS;
    if !last || (missed && task.missed == MissedPolicy::Skip) {
        return (TaskRunState::Missed, Some("nobody was there when it was due"));
    }
    match task.overlap {
        Overlap::Skip if !live.is_empty() => (TaskRunState::Overlapped, Some("the run before was still going on")),
        Overlap::Queue if live.len() > QUEUE => (TaskRunState::Overlapped, Some("too many wait already")),
        Overlap::Skip | Overlap::Queue | Overlap::KillOld if missed => (TaskRunState::Waiting, Some("made up for late")),
        Overlap::Skip | Overlap::Queue | Overlap::KillOld => (TaskRunState::Waiting, None),
    }
}

/// When it may begin: after its jitter, which is the same however often it is asked for, and after its quiet hours.
fn not_before(task: &Task, due: Time, now: Time) -> Option<Time> {
    let jitter = match task.jitter_ms {
        0 => 0,
        most => i64::try_from(mark(&task.name, due) % u64::try_from(most).unwrap_or(1)).unwrap_or(0),
    };
    let at = Time(due.plus_ms(jitter).0.max(now.0));
    let quiet = task.quiet.and_then(|q| quiet_end(at, q.from, q.until, task.schedule.zone()));
    quiet.or((at > now).then_some(at))
}

/// FNV-1a of a task and its due time.
fn mark(name: &str, due: Time) -> u64 {
    let bytes = name.bytes().chain(due.0.to_le_bytes());
    let mark = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |mark, byte| (mark ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    mark ^ (mark >> 29)
}

/// The clock may have been put back: what is due next is looked for from now on, past all due times that have a row. A row
/// of a due time still to come that only says why it was left out is none.
///
/// # Errors
/// The store failed.
pub(crate) fn look_back(engine: &Engine, memory: &Memory, now: Time) -> Result<()> {
    let zone = engine.config.scheduler.timezone.clone();
    let rows = engine.store.read(tasks::all)?;
    let mut earlier = Vec::new();
    for row in rows.into_iter().filter(|r| r.broken.is_none() && r.next_due_at.is_some_and(|at| at > now)) {
        let Ok(task) = known(&memory.parsed, &row, &zone) else { continue };
        if task.schedule.next_after(now).is_some_and(|at| row.next_due_at.is_some_and(|next| at < next)) {
            earlier.push((row, task));
        }
    }
    engine.store.write(move |tx| {
        for (row, task) in &earlier {
            task_runs::forget_ahead(tx, &task.name)?;
            let mut next = task.schedule.next_after(tx.now);
            while let Some(at) = next.filter(|at| row.next_due_at.is_some_and(|stored| *at < stored)) {
                if !task_runs::has(tx.conn, &task.name, at)? {
                    tasks::move_on(tx, row, Some(at))?;
                    break;
                }
                next = task.schedule.next_after(at);
            }
        }
        task_runs::clamp_times(tx, tx.now)
    })
}

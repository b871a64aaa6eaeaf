//! The inbox: a claim must not care how much waits, and a pickup with nothing to do must not care how many tickets there
//! are.

use super::bare::Bare;
use super::clock::{Stopwatch, pause};
use super::report::{Gate, Report, interleave, median};
use super::server::{EXE, Server};
use super::{Outcome, Plan, seed};
use mission_control::base::clock::{Clock, SystemClock};
use mission_control::config::data_dir::DataDir;
use mission_control::config::{Config, Flags};
use mission_control::engine::Engine;
use mission_control::engine::run::pickup;
use mission_control::store::inbox::digests;
use mission_control::store::{Store, Tx};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rusqlite::{Connection, params};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Items in a digest.
const TWENTY: i64 = 20;
/// Digests begun and decided in one measurement.
const ROUNDS: usize = 40;
/// The lease of a claim.
const LEASE_MS: i64 = 1_800_000;

/// P5: claims of twenty, decided, with a million pending against ten thousand.
pub fn claims(plan: &Plan, report: &mut Report) -> Outcome {
    let large = plan.pick(1_000_000, 200_000);
    let (few, many) = (filled(&plan.root.join("few.db"), 10_000)?, filled(&plan.root.join("many.db"), large)?);
    let pairs = interleave(plan.pairs(), || rate(&few, ROUNDS), || rate(&many, ROUNDS))?;
    let ratios: Vec<f64> = pairs.iter().map(|(few, many)| many / few).collect();
    let (a, b): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
    let note = format!("{:.0} and {:.0} digests/s", median(&a), median(&b));
    report.ratios(
        "P5",
        &format!("digests of 20 claimed and decided, {large} pending / 10,000"),
        &ratios,
        Gate::AtLeast(0.5),
        note,
    );
    // What was done long ago must not be in the way of what comes.
    let (fresh, old) = (filled(&plan.root.join("fresh.db"), 0)?, filled(&plan.root.join("old.db"), large)?);
    old.execute_batch("update orchestrator_inbox set status = 'processed'; analyze")?;
    let pairs = interleave(plan.pairs(), || hundreds(&fresh), || hundreds(&old))?;
    let ratios: Vec<f64> = pairs.iter().map(|(fresh, old)| old / fresh).collect();
    let (a, b): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
    let note = format!("{:.0} and {:.0} digests/s", median(&a), median(&b));
    let what = format!("100 pending after {large} processed ones / with an empty history");
    report.ratios("P5", &what, &ratios, Gate::AtLeast(0.8), note);
    for conn in [&few, &many] {
        let wrong: i64 = conn.query_row(
            "select count(*) from (select case i.priority when 'critical' then 0 when 'normal' then 1 else 2 end as r, i.id as id,
               lag(case i.priority when 'critical' then 0 when 'normal' then 1 else 2 end) over w as before_r, lag(i.id) over w as before_id
               from digest_items d join orchestrator_inbox i on i.id = d.item_id
               window w as (order by d.turn_id, case i.priority when 'critical' then 0 when 'normal' then 1 else 2 end, i.id))
             where (r, id) < (before_r, before_id)",
            [],
            |r| r.get(0),
        )?;
        report.holds("P5", "by rank, then age", wrong == 0, format!("{wrong} out of order"));
    }
    Ok(())
}

fn filled(path: &Path, items: i64) -> Result<Connection> {
    drop(Store::open(path, Arc::new(SystemClock::new()))?);
    let mut conn = Connection::open(path)?;
    conn.pragma_update(None, "synchronous", "off")?;
    let tx = conn.transaction()?;
    {
        let mut insert = tx.prepare(
            "insert into orchestrator_inbox (source_type, source_id, message, priority, created_at)
             values ('scheduler', ?1, 'failed: exit 1, the mirror does not answer', ?2, '2026-11-21 12:00:00')",
        )?;
        for n in 0..items {
            // Scattered, so that the most urgent do not lie side by side.
            let priority = ["low", "critical", "normal"][usize::try_from(n * 7 % 3)?];
            insert.execute(params![format!("task {}/{n}", n % 50), priority])?;
        }
    }
    tx.commit()?;
    conn.execute_batch("analyze")?;
    Ok(conn)
}

/// Digests a second, a hundred items at a time.
fn hundreds(conn: &Connection) -> Result<f64> {
    let mut rates = Vec::new();
    for round in 0..15 {
        let mut insert = conn.prepare_cached(
            "insert into orchestrator_inbox (source_type, source_id, message, priority, created_at)
             values ('scheduler', ?1, 'failed: exit 1', 'normal', '2026-11-21 12:00:00')",
        )?;
        conn.execute_batch("begin")?;
        for n in 0..100 {
            insert.execute([format!("again {round}/{n}")])?;
        }
        conn.execute_batch("commit")?;
        rates.push(rate(conn, 5)?);
    }
    Ok(median(&rates))
}

/// Digests a second.
fn rate(conn: &Connection, rounds: usize) -> Result<f64> {
    let clock = SystemClock::new();
    let began = Stopwatch::start();
    for _ in 0..rounds {
        conn.execute_batch("begin immediate")?;
        let tx = Tx::alone(conn, clock.now());
        let digest = digests::begin(&tx, LEASE_MS)?.ok_or("nothing waits")?;
        if digest.items != TWENTY {
            return Err(format!("a digest of {}", digest.items).into());
        }
        conn.prepare_cached("update turns set state = 'answered', response = 'read', answered_at = created_at where id = ?1")?
            .execute([digest.turn.0])?;
        digests::decide(&tx, &digest)?;
        conn.execute_batch("commit")?;
    }
    Ok(rounds as f64 / began.seconds())
}

/// P15: a pickup that finds nothing, with 100,000 tickets against none; and what the server uses when nothing happens.
pub fn idle(plan: &Plan, report: &mut Report) -> Outcome {
    let (none, full) = (engine(plan, &plan.root.join("idle-none"), 0)?, engine(plan, &plan.root.join("idle-full"), 100_000)?);
    let pairs = interleave(plan.pairs(), || cycle(&none), || cycle(&full))?;
    let ratios: Vec<f64> = pairs.iter().map(|(none, full)| full / none).collect();
    let (a, b): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
    let note = format!("{:.2} and {:.2} ms", median(&a), median(&b));
    report.ratios("P15", "an idle pickup, 100,000 tickets / none", &ratios, Gate::AtMost(3.0), note);
    drop((none, full));
    let mut server = Server::folder(&plan.root.join("idle-full"), 2, "none")?;
    server.start()?;
    pause(Duration::from_secs(3));
    let (before, began) = (server.cpu_ms()?, Stopwatch::start());
    pause(Duration::from_secs(plan.pick(70, 15)));
    let share = (server.cpu_ms()? - before) / began.millis() * 100.0;
    let calls = syscalls(server.pid()?, plan.pick(20, 5));
    server.stop()?;
    let hello = Bare::start(&plan.root, &["beat"])?;
    let theirs = syscalls(hello.process().0, plan.pick(20, 5));
    match (calls, theirs) {
        (Some(ours), Some(theirs)) => {
            let note = format!("{ours:.1}/s against {theirs:.1}/s");
            let what = "calls of the system, idle / actix and the scheduler alone";
            report.once("P15", what, ours / theirs.max(0.1), "×", Gate::AtMost(4.0), note);
        }
        (_, _) => report.once("P15", "calls of the system: not counted", 0.0, "×", Gate::None, "strace cannot look here"),
    }
    report.once("P15", "processor, idle, with 100,000 tickets", share, "%", Gate::AtMost(0.5), "");
    Ok(())
}

/// Calls of the system that a process makes in a second, as strace counts them.
fn syscalls(pid: u32, seconds: u64) -> Option<f64> {
    let mut strace = Command::new("strace")
        .args(["-c", "-f", "-p", &pid.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    pause(Duration::from_secs(seconds));
    kill(Pid::from_raw(i32::try_from(strace.id()).ok()?), Signal::SIGINT).ok()?;
    let mut told = String::new();
    strace.stderr.take()?.read_to_string(&mut told).ok()?;
    strace.wait().ok()?;
    // "100.00    0.012345          12       987        45 total"
    let total = told.lines().find(|l| l.trim_end().ends_with("total"))?;
    total.split_whitespace().nth(3)?.parse::<f64>().ok().map(|calls| calls / seconds as f64)
}

fn engine(plan: &Plan, at: &Path, tickets: i64) -> Result<Arc<Engine>> {
    let data = DataDir::open(at)?;
    if tickets > 0 {
        seed::board(plan, at, tickets)?;
        let conn = Connection::open(at.join("mc.db"))?;
        // Nothing is under way, and what is asked for waits for a person's word.
        conn.execute_batch(
            "update runs set state = 'finished', ended_at = created_at;
             update tickets set status = 'in_review' where status = 'in_progress';
             update tickets set needs_approval = 1 where status = 'todo';",
        )?;
    }
    let flags = Flags { data: Some(at.to_owned()), ..Flags::default() };
    let config = Arc::new(Config::load(&flags, &|_| None, &|_| None)?);
    let store = Store::open(&data.database(), Arc::new(SystemClock::new()))?;
    Ok(Arc::new(Engine::new(store, config, data, PathBuf::from(EXE), "http://127.0.0.1:1".to_owned())))
}

/// Milliseconds of one cycle, of many.
fn cycle(engine: &Arc<Engine>) -> Result<f64> {
    const CYCLES: usize = 50;
    let began = Stopwatch::start();
    for _ in 0..CYCLES {
        if !pickup::tick(engine)?.is_empty() {
            return Err("something was started".into());
        }
    }
    Ok(began.millis() / CYCLES as f64)
}

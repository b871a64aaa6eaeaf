//! P10 and P19: from nothing to the first page with a large database behind it; and with work that was cut off.

use super::bare::Bare;
use super::clock::{Stopwatch, wait_for};
use super::report::{Gate, Report, interleave, median};
use super::server::Server;
use super::{Outcome, Plan, seed};
use mission_control::drivers::supervise::run_dir::{PidRecord, RunDir, RunSpec};
use rusqlite::{Connection, params};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Runs that were at work when everything was killed.
const STALE: i64 = 50;

/// P10: start → first board.
pub fn cold(plan: &Plan, report: &mut Report) -> Outcome {
    let mut server = Server::folder(&plan.root.join("p10"), 0, "none")?;
    seed::large(plan, &server.data)?;
    server.start()?;
    server.stop()?;
    let root = plan.root.clone();
    let pairs = interleave(
        plan.pick(15, 5),
        || Ok(Bare::start(&root, &[])?.started_in),
        || {
            let millis = server.start_until("/board")?;
            server.stop()?;
            Ok(millis)
        },
    )?;
    let ratios: Vec<f64> = pairs.iter().map(|(a, b)| b / a).collect();
    let (a, b): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
    let note = format!("{:.1} ms against {:.1} ms", median(&b), median(&a));
    report.ratios("P10", "start → first board of 100,000 tickets / actix saying hello", &ratios, Gate::AtMost(4.0), note);
    Ok(())
}

/// P19: a start that finds fifty runs whose processes are gone, beside one that finds all in order.
pub fn recovery(plan: &Plan, report: &mut Report) -> Outcome {
    let mut clean = Server::folder(&plan.root.join("p19-clean"), 0, "none")?;
    seed::large(plan, &clean.data)?;
    clean.start()?;
    clean.stop()?;
    let mut stale = Server::folder(&plan.root.join("p19-stale"), 0, "none")?;
    seed::large(plan, &stale.data)?;
    stale.start()?;
    stale.stop()?;
    let mut recovered = Vec::new();
    let pairs = interleave(
        plan.pick(9, 3),
        || {
            let millis = clean.start()?;
            clean.stop()?;
            Ok(millis)
        },
        || {
            cut_off(&stale.data)?;
            let began = Stopwatch::start();
            let millis = stale.start()?;
            let conn = Connection::open(stale.data.join("mc.db"))?;
            wait_for("the last stale run", 60.0, || (live(&conn).ok()? == 0).then_some(()))?;
            recovered.push(began.millis());
            drop(conn);
            stale.stop()?;
            Ok(millis)
        },
    )?;
    let ratios: Vec<f64> = pairs.iter().map(|(a, b)| b / a).collect();
    let (a, b): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
    let note = format!("{:.1} ms against {:.1} ms, a clean start", median(&b), median(&a));
    report.ratios("P19", &format!("start → first answer with {STALE} stale runs / clean"), &ratios, Gate::AtMost(3.0), note);
    let note = format!("{:.1} ms a run; the pages are there meanwhile", median(&recovered) / STALE as f64);
    report.once("P19", "start → the last stale run is dealt with", median(&recovered), "ms", Gate::None, note);
    Ok(())
}

fn live(conn: &Connection) -> rusqlite::Result<i64> {
    conn.query_row("select count(*) from runs where state = 'running' and id > 1000000", [], |r| r.get(0))
}

/// Writes what a machine leaves that lost its power: rows that say "running", folders without a word of an end.
fn cut_off(data: &Path) -> Result<()> {
    let mut conn = Connection::open(data.join("mc.db"))?;
    let newest: i64 = conn.query_row("select max(1000000, ifnull(max(id), 0)) from runs", [], |r| r.get(0))?;
    let now: i64 = conn.query_row("select max(updated_at) from tickets", [], |r| r.get(0))?;
    let tx = conn.transaction()?;
    for n in 1..=STALE {
        let (id, ticket) = (newest + n, 1_000 + n);
        let at = data.join("runs").join(format!("{id}-1"));
        let log = data.join("logs").join(format!("cut-{id}-stream.log"));
        std::fs::create_dir_all(data.join("logs"))?;
        std::fs::write(&log, format!("{}\n", super::agent::line(2)))?;
        let spec = RunSpec {
            run: id,
            ticket: format!("MC-{ticket}"),
            argv: vec!["true".to_owned()],
            cwd: data.to_owned(),
            env: BTreeMap::new(),
            env_from: Vec::new(),
            raw_log: log.clone(),
            log_cap: 1 << 30,
            wall_clock_ms: 0,
            silence_ms: 0,
            stop_grace_ms: 500,
            oom_score_adj: 0,
        };
        let dir = RunDir::create(&at, &spec, "Do it.")?;
        dir.begin("figures")?;
        // Numbers that no process has.
        let gone = PidRecord {
            shim_pid: 4_194_000,
            shim_start: 1,
            agent_pid: Some(4_194_001),
            agent_start: Some(1),
            pgid: Some(4_194_001),
            boot: String::new(),
        };
        dir.set_pids(&gone)?;
        let attempt: i64 =
            tx.query_row("select ifnull(max(attempt), 0) + 1 from runs where ticket_id = ?1", [ticket], |r| r.get(0))?;
        tx.execute(
            "insert into runs (id, ticket_id, attempt, reason, state, profile, generation, nonce, session_id, cwd, run_dir, raw_log,
               created_at, launched_at, started_at, last_output_at)
             values (?1, ?2, ?3, 'new', 'running', 'bench', 1, 'n', ?4, ?5, ?6, ?7, ?8, ?8, ?8, ?8)",
            params![
                id,
                ticket,
                attempt,
                format!("session-{id}"),
                data.display().to_string(),
                at.display().to_string(),
                log.display().to_string(),
                now
            ],
        )?;
        tx.execute("update tickets set status = 'in_progress', run_id = ?1 where id = ?2", [id, ticket])?;
    }
    tx.commit()?;
    Ok(())
}

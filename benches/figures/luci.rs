//! Luci: from a message to its answer, with the demo agent, beyond the time that the agent itself takes. One message
//! after the other, in a terminal and without one.

use super::clock::Stopwatch;
use super::http::Conn;
use super::report::{Gate, Report, quantile};
use super::server::Server;
use super::{Outcome, Plan};
use mission_control::drivers::supervise::run_dir::RunDir;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use std::path::Path;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The figures.
pub fn turns(plan: &Plan, report: &mut Report) -> Outcome {
    for (driver, words, limit) in [("headless", "without a terminal", 100.0), ("tmux", "in a terminal", 300.0)] {
        measure(plan, report, driver, words, limit)?;
    }
    Ok(())
}

fn measure(plan: &Plan, report: &mut Report, driver: &str, words: &str, limit: f64) -> Outcome {
    let at = plan.root.join(format!("luci-{driver}"));
    let mut server = Server::folder(&at, 0, "none")?;
    let demo = format!("{{ MC_DEMO_PACE_MS = \"0\", MC_DEMO_STATE = {:?} }}", at.join("demo").display().to_string());
    let text =
        format!("[orchestrator]\nprofile = \"fast\"\ndriver = \"{driver}\"\n[profiles.fast]\nruntime = \"demo\"\nenv = {demo}\n");
    std::fs::write(at.join("config.toml"), text)?;
    server.start()?;
    let mut conn = server.conn()?;
    // The first one also brings the session up: not measured.
    one(&mut conn, 0)?;
    let rows = Connection::open_with_flags(at.join("mc.db"), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let (mut accepted, mut overhead, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    for n in 1..=plan.pick(1_000, 60) {
        let (id, millis) = one(&mut conn, n)?;
        let (dir, nonce, wait): (String, String, i64) = rows.query_row(
            "select s.dir, t.nonce, t.accepted_at - t.created_at from turns t join sessions s on s.id = t.session_id where t.id = ?1",
            [id],
            |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)),
        )?;
        let own =
            if driver == "tmux" { at_work_in_terminal(Path::new(&dir))? } else { at_work_alone(Path::new(&dir), id, &nonce)? };
        accepted.push(wait as f64);
        overhead.push(millis - own);
        whole.push(millis);
    }
    drop(conn);
    server.stop()?;
    if driver == "tmux" {
        mission_control::drivers::tmux::Tmux::at(&at.join("tmux.sock")).kill_server()?;
    }
    let note = |of: &[f64]| format!("p50 {:.0} ms, {} messages", quantile(of, 0.5), of.len());
    report.once(
        "luci",
        &format!("{words}: message → seen in her hands, p99"),
        quantile(&accepted, 0.99),
        "ms",
        Gate::None,
        note(&accepted),
    );
    report.once("luci", &format!("{words}: message → answer here, p99"), quantile(&whole, 0.99), "ms", Gate::None, note(&whole));
    let what = format!("{words}: of that not the agent's own time, p99");
    report.once("luci", &what, quantile(&overhead, 0.99), "ms", Gate::AtMost(limit), note(&overhead));
    Ok(())
}

/// Says something and waits for the answer: the turn, and milliseconds.
fn one(conn: &mut Conn, n: usize) -> Result<(i64, f64)> {
    let json = "Content-Type: application/json\r\n";
    let began = Stopwatch::start();
    let sent = conn.ask("POST", "/api/v1/persistent_luci/send", json, &format!("{{\"message\":\"message {n}\"}}"))?;
    let id = serde_json::from_slice::<Value>(&sent.body)?["turn"]["id"].as_i64().ok_or("no turn was made")?;
    let answer = conn.ask("GET", &format!("/api/v1/persistent_luci/harvest?turn={id}&wait=30"), "", "")?;
    let millis = began.millis();
    let turn: Value = serde_json::from_slice(&answer.body)?;
    if turn["turn"]["state"] != "answered" {
        return Err(format!("message {n} was not answered: {turn}").into());
    }
    Ok((id, millis))
}

/// How long the agent's process lived for this turn.
fn at_work_alone(session: &Path, turn: i64, nonce: &str) -> Result<f64> {
    let exit =
        RunDir::open(&session.join("turns").join(format!("{turn}-{nonce}"))).exit().ok_or("the run left no word of its end")?;
    Ok(exit.ended_at.since(exit.started_at) as f64)
}

/// From the agent's word that it has the message to its word that it has answered.
fn at_work_in_terminal(session: &Path) -> Result<f64> {
    let text = std::fs::read_to_string(session.join("hooks.jsonl"))?;
    let mut at = [0_i64; 2];
    // The newest lines are at the end.
    for line in text.lines().rev().take(8) {
        let hook: Value = serde_json::from_str(line)?;
        let slot = match hook["payload"]["hook_event_name"].as_str() {
            Some("UserPromptSubmit") => 0,
            Some("Stop") => 1,
            _ => continue,
        };
        if at[slot] == 0 {
            at[slot] = hook["at"].as_i64().ok_or("a hook without its time")?;
        }
    }
    Ok((at[1] - at[0]) as f64)
}

//! What an operator may want to know beside the ratios: start, memory, size, and how soon others see a new ticket.

use super::clock::{pause, stamp_ns, wait_for};
use super::report::{Gate, Report, median, quantile};
use super::server::{EXE, Server};
use super::{Outcome, Plan};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const READERS: usize = 50;

/// The figures.
pub fn absolute(plan: &Plan, report: &mut Report) -> Outcome {
    let mut server = Server::folder(&plan.root.join("operating"), 0, "none")?;
    server.start()?;
    server.stop()?;
    let mut starts = Vec::new();
    for _ in 0..plan.pick(9, 3) {
        starts.push(server.start()?);
        server.stop()?;
    }
    report.once("start", "start → first 200", median(&starts), "ms", Gate::None, "");
    server.start()?;
    server.conn()?.get("/board", "")?;
    pause(Duration::from_millis(500));
    report.once("resident", "idle, after one page", server.memory_mb()?.0, "MB", Gate::None, "");
    let size = std::fs::metadata(EXE)?.len() as f64 / (1024.0 * 1024.0);
    report.once("size", "the program, all in one file", size, "MB", Gate::None, "");
    seen(plan, report, &server)
}

/// `POST /api/v1/tickets` → every one of 50 open streams.
fn seen(plan: &Plan, report: &mut Report, server: &Server) -> Outcome {
    let noted = Arc::new(Mutex::new(Vec::new()));
    let mut sockets = Vec::new();
    for _ in 0..READERS {
        let mut stream = server.conn()?.stream("/api/v1/stream")?;
        sockets.push(stream.socket()?);
        let noted = noted.clone();
        std::thread::spawn(move || {
            while let Ok(Some(lines)) = stream.lines() {
                let now = stamp_ns();
                let posted = lines.split("posted at @").nth(1).and_then(|p| p.split('@').next()?.parse::<u64>().ok());
                if let Some(at) = posted {
                    noted.lock().expect("nobody panics while holding it").push(now.saturating_sub(at) as f64 / 1e6);
                }
            }
        });
    }
    let mut conn = server.conn()?;
    let heard = || noted.lock().expect("nobody panics while holding it").len();
    for n in 1..=plan.pick(40, 15) {
        let body = format!("{{\"title\":\"A ticket posted at @{}@\"}}", stamp_ns());
        let answer = conn.ask("POST", "/api/v1/tickets", "Content-Type: application/json\r\n", &body)?;
        if answer.status != 201 {
            return Err(format!("a ticket was not made: {}", answer.status).into());
        }
        wait_for("all readers", 10.0, || (heard() >= n * READERS).then_some(()))?;
        pause(Duration::from_millis(80));
    }
    for socket in sockets {
        let _ = socket.shutdown(std::net::Shutdown::Both);
    }
    let all = noted.lock().expect("nobody panics while holding it").clone();
    report.once("seen", "POST → 50 streams, p50", median(&all), "ms", Gate::None, "");
    report.once("seen", "POST → 50 streams, p99", quantile(&all, 0.99), "ms", Gate::None, "");
    Ok(())
}

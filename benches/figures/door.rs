//! What the way in and out costs: reads with a login beside one without, and the board beside the one of another program.

use super::bare::Bare;
use super::clock::Stopwatch;
use super::http::Conn;
use super::report::{Gate, Report, interleave, median};
use super::server::{Process, Server};
use super::{Outcome, Plan, seed};
use std::error::Error;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Connections that ask at once.
const AT_ONCE: usize = 8;
/// Where another program of ours lies that the board is compared with, an older one say.
const BEFORE: &str = "MC_BENCH_BEFORE";

/// The server's processor time for one request, in milliseconds.
fn cost(of: Process, conn: &mut Conn, path: &str, count: usize) -> Result<f64> {
    let before = of.cpu_ms()?;
    for _ in 0..count {
        conn.get(path, "")?;
    }
    Ok((of.cpu_ms()? - before) / count as f64)
}

/// Requests a second over so many connections, each asking again as soon as it is answered.
fn rate(server: &Server, connections: usize, path: &str, count: usize) -> Result<f64> {
    let mut conns = (0..connections).map(|_| server.conn()).collect::<Result<Vec<_>>>()?;
    let began = Stopwatch::start();
    let asked: std::io::Result<()> = std::thread::scope(|scope| {
        let all: Vec<_> = conns
            .iter_mut()
            .map(|conn| scope.spawn(move || (0..count).try_for_each(|_| conn.get(path, "").map(|_| ()))))
            .collect();
        all.into_iter().try_for_each(|t| t.join().unwrap_or_else(|_| Err(std::io::Error::other("a client panicked"))))
    });
    asked?;
    Ok((connections * count) as f64 / began.seconds())
}

fn ratios(pairs: &[(f64, f64)]) -> Vec<f64> {
    pairs.iter().map(|(a, b)| b / a).collect()
}

fn words(pairs: &[(f64, f64)], unit: &str, digits: usize) -> String {
    let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    format!("{:.digits$} {unit} against {:.digits$} {unit}", median(&b), median(&a))
}

/// A ticket and a list, asked for with a login, beside what is asked for without one.
pub fn reads(plan: &Plan, report: &mut Report) -> Outcome {
    let mut server = Server::folder(&plan.root.join("door"), 0, "none")?;
    seed::board(plan, &server.data, 100_000)?;
    server.start()?;
    let (health, ticket, list) = ("/api/v1/health", "/api/v1/tickets/MC-99999", "/api/v1/tickets?limit=50");
    let (process, count) = (server.process()?, plan.pick(4_000, 1_500));
    let (mut open, mut known) = (server.conn()?, server.conn()?);
    cost(process, &mut known, ticket, count / 4)?;
    let pairs =
        interleave(plan.pairs(), || cost(process, &mut open, health, count), || cost(process, &mut known, ticket, count))?;
    let what = "one ticket, with a login / health: processor";
    report.ratios("READ", what, &ratios(&pairs), Gate::AtMost(4.0), words(&pairs, "ms", 3));

    let count = plan.pick(2_000, 600);
    let pairs = interleave(plan.pairs(), || rate(&server, AT_ONCE, health, count), || rate(&server, AT_ONCE, list, count / 4))?;
    let what = format!("50 of 100,000 tickets / health, a second, {AT_ONCE} connections");
    report.ratios("READ", &what, &ratios(&pairs), Gate::AtLeast(0.12), words(&pairs, "/s", 0));

    let bare = Bare::start(&plan.root, &[])?;
    let (mut hello, count) = (bare.conn()?, plan.pick(4_000, 1_500));
    let pairs = interleave(
        plan.pairs(),
        || cost(bare.process(), &mut hello, "/hello", count),
        || cost(process, &mut open, health, count),
    )?;
    report.ratios("READ", "  health / hello: processor", &ratios(&pairs), Gate::None, words(&pairs, "ms", 3));
    Ok(())
}

/// The board's rate beside that of the program that `MC_BENCH_BEFORE` names; left out where it names none.
pub fn board(plan: &Plan, report: &mut Report) -> Outcome {
    let Some(program) = std::env::var_os(BEFORE) else { return Ok(()) };
    let mut servers = Vec::new();
    for (name, program) in [("before", Some(program)), ("now", None)] {
        let mut server = Server::folder(&plan.root.join(format!("board-{name}")), 0, "none")?;
        if let Some(program) = program {
            server = server.of(program.into());
        }
        seed::board(plan, &server.data, 1_000)?;
        server.start()?;
        servers.push(server);
    }
    let [before, now] = servers.as_slice() else { return Err("two servers were started".into()) };
    let count = plan.pick(200, 60);
    for connections in [1, AT_ONCE] {
        rate(before, connections, "/board", 20)?;
        rate(now, connections, "/board", 20)?;
        let pairs =
            interleave(plan.pairs(), || rate(before, connections, "/board", count), || rate(now, connections, "/board", count))?;
        let what = format!("the board now / before, a second, {connections} connections");
        let gate = if connections == AT_ONCE { Gate::AtLeast(3.0) } else { Gate::None };
        report.ratios("BOARD", &what, &ratios(&pairs), gate, words(&pairs, "/s", 0));
    }
    Ok(())
}

//! P3, P7 and P12: pages that must not grow with the table behind them, nor wait when they are compressed.

use super::clock::Stopwatch;
use super::http::Conn;
use super::report::{Gate, Report, interleave, median, quantile};
use super::server::Server;
use super::{Outcome, Plan, seed};
use std::error::Error;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const GZIP: &str = "Accept-Encoding: gzip, deflate, br\r\n";

/// So many requests over one connection; each one's milliseconds.
fn times(conn: &mut Conn, path: &str, more: &str, count: usize) -> Result<Vec<f64>> {
    let mut found = Vec::with_capacity(count);
    for _ in 0..count {
        let began = Stopwatch::start();
        conn.get(path, more)?;
        found.push(began.millis());
    }
    Ok(found)
}

/// How much more, in per cent of the smaller.
fn apart(a: usize, b: usize) -> f64 {
    (a.abs_diff(b) as f64) * 100.0 / (a.min(b).max(1) as f64)
}

/// Measures B against A by the median time of a request; also the medians over all pairs.
fn compare(pairs: usize, count: usize, a: (&mut Conn, &str, &str), b: (&mut Conn, &str, &str)) -> Result<(Vec<f64>, f64, f64)> {
    times(a.0, a.1, a.2, count)?;
    times(b.0, b.1, b.2, count)?;
    let found = interleave(pairs, || Ok(median(&times(a.0, a.1, a.2, count)?)), || Ok(median(&times(b.0, b.1, b.2, count)?)))?;
    let ratios = found.iter().map(|(a, b)| b / a).collect();
    let (a, b): (Vec<f64>, Vec<f64>) = found.into_iter().unzip();
    Ok((ratios, median(&a), median(&b)))
}

/// P3: the board with 100,000 tickets beside the one with 1,000.
pub fn board(plan: &Plan, report: &mut Report) -> Outcome {
    let mut servers = Vec::new();
    for n in [1_000, 100_000] {
        let mut server = Server::folder(&plan.root.join(format!("p3-{n}")), 0, "none")?;
        seed::board(&server.data, n)?;
        server.start()?;
        servers.push(server);
    }
    let mut conns = servers.iter().map(Server::conn).collect::<Result<Vec<_>>>()?;
    let (small, large) = conns.split_at_mut(1);
    let bytes = (small[0].get("/board", "")?.body.len(), large[0].get("/board", "")?.body.len());
    let cards = String::from_utf8_lossy(&large[0].get("/board", "")?.body).matches("id=\"card-").count();
    let (ratios, a, b) = compare(plan.pairs(), plan.pick(60, 30), (&mut small[0], "/board", ""), (&mut large[0], "/board", ""))?;
    let note = format!("{b:.2} ms against {a:.2} ms, {cards} cards");
    report.ratios("P3", "board, 100,000 tickets against 1,000", &ratios, Gate::AtMost(1.5), note);
    let note = format!("{} and {} bytes", bytes.0, bytes.1);
    report.once("P3", "board, difference in bytes", apart(bytes.0, bytes.1), "%", Gate::AtMost(1.0), note);
    Ok(())
}

/// P7: the compressed page beside the plain one.
pub fn compression(plan: &Plan, report: &mut Report) -> Outcome {
    let mut server = Server::folder(&plan.root.join("p7"), 0, "none")?;
    seed::board(&server.data, 1_000)?;
    server.start()?;
    let (mut plain, mut gzip) = (server.conn()?, server.conn()?);
    let answer = gzip.get("/board", GZIP)?;
    let encoding = answer.header("content-encoding").unwrap_or("none").to_owned();
    let size = plain.get("/board", "")?.body.len();
    let count = plan.pick(60, 30);
    let (ratios, a, b) = compare(plan.pairs(), count, (&mut plain, "/board", ""), (&mut gzip, "/board", GZIP))?;
    let note = format!("{b:.2} ms against {a:.2} ms; {encoding}, {} of {size} bytes", answer.body.len());
    report.ratios("P7", "compressed page against plain, one connection", &ratios, Gate::AtMost(2.0), note);
    report.holds("P7", "compressed with gzip, never brotli", encoding == "gzip", encoding.clone());
    let all = times(&mut gzip, "/board", GZIP, plan.pick(1_000, 300))?;
    let (p50, p99) = (median(&all), quantile(&all, 0.99));
    let note = format!("{p99:.2} ms against {p50:.2} ms");
    report.once("P7", "compressed page, p99 against p50", p99 / p50, "×", Gate::AtMost(10.0), note);
    Ok(())
}

/// P12: a ticket with 100,000 events beside one with 1,000.
pub fn ticket(plan: &Plan, report: &mut Report) -> Outcome {
    let mut server = Server::folder(&plan.root.join("p12"), 0, "none")?;
    seed::talkative(&server.data, 1_000, 100_000)?;
    server.start()?;
    let (mut few, mut many) = (server.conn()?, server.conn()?);
    let bytes = (few.get("/tickets/MC-1", "")?.body.len(), many.get("/tickets/MC-2", "")?.body.len());
    let (ratios, a, b) =
        compare(plan.pairs(), plan.pick(60, 30), (&mut few, "/tickets/MC-1", ""), (&mut many, "/tickets/MC-2", ""))?;
    let note = format!("{b:.2} ms against {a:.2} ms");
    report.ratios("P12", "ticket page, 100,000 events against 1,000", &ratios, Gate::AtMost(1.3), note);
    let note = format!("{} and {} bytes", bytes.0, bytes.1);
    report.once("P12", "ticket page, difference in bytes", apart(bytes.0, bytes.1), "%", Gate::AtMost(2.0), note);
    Ok(())
}

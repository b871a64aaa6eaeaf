//! P3, P4, P7 and P12: pages that must not grow with the table behind them, nor wait when they are compressed.

use super::clock::Stopwatch;
use super::http::{Answer, Conn};
use super::report::{Gate, Report, interleave, median, quantile};
use super::server::Server;
use super::{Outcome, Plan, seed};
use std::error::Error;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const GZIP: &str = "Accept-Encoding: gzip, deflate, br\r\n";

/// So many requests over one connection; each one's milliseconds.
pub fn times(conn: &mut Conn, path: &str, more: &str, count: usize) -> Result<Vec<f64>> {
    let mut found = Vec::with_capacity(count);
    for _ in 0..count {
        let began = Stopwatch::start();
        conn.get(path, more)?;
        found.push(began.millis());
    }
    Ok(found)
}

/// How much more, in per cent of the smaller.
pub fn apart(a: usize, b: usize) -> f64 {
    (a.abs_diff(b) as f64) * 100.0 / (a.min(b).max(1) as f64)
}

/// One side of a comparison.
pub struct Side<'a> {
    server: &'a Server,
    path: &'a str,
    more: &'a str,
    conn: Conn,
}

impl<'a> Side<'a> {
    pub fn open(server: &'a Server, path: &'a str, more: &'a str) -> Result<Side<'a>> {
        Ok(Side { server, path, more, conn: server.conn()? })
    }

    pub fn page(&mut self) -> Result<Answer> {
        Ok(self.conn.get(self.path, self.more)?)
    }

    /// The median request's milliseconds, and the server's processor time for one.
    pub fn measure(&mut self, count: usize) -> Result<(f64, f64)> {
        let before = self.server.cpu_ms()?;
        let wall = median(&times(&mut self.conn, self.path, self.more, count)?);
        Ok((wall, (self.server.cpu_ms()? - before) / count as f64))
    }
}

/// What a comparison found: B against A in time and in processor time, pair by pair, and the medians in words.
pub struct Compared {
    pub wall: Vec<f64>,
    pub cpu: Vec<f64>,
    pub wall_note: String,
    pub cpu_note: String,
}

pub fn compare(pairs: usize, count: usize, a: &mut Side<'_>, b: &mut Side<'_>) -> Result<Compared> {
    a.measure(count)?;
    b.measure(count)?;
    let mut cpus = (Vec::new(), Vec::new());
    let walls = interleave(
        pairs,
        || {
            let (wall, cpu) = a.measure(count)?;
            cpus.0.push(cpu);
            Ok(wall)
        },
        || {
            let (wall, cpu) = b.measure(count)?;
            cpus.1.push(cpu);
            Ok(wall)
        },
    )?;
    let (a, b): (Vec<f64>, Vec<f64>) = walls.into_iter().unzip();
    let note = |a: &[f64], b: &[f64]| format!("{:.2} ms against {:.2} ms", median(b), median(a));
    let ratios = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| b / a).collect();
    Ok(Compared {
        wall: ratios(&a, &b),
        cpu: ratios(&cpus.0, &cpus.1),
        wall_note: note(&a, &b),
        cpu_note: note(&cpus.0, &cpus.1),
    })
}

/// P3: the board with 100,000 tickets beside the one with 1,000.
pub fn board(plan: &Plan, report: &mut Report) -> Outcome {
    let mut servers = Vec::new();
    for n in [1_000, 100_000] {
        let mut server = Server::folder(&plan.root.join(format!("p3-{n}")), 0, "none")?;
        seed::board(plan, &server.data, n)?;
        server.start()?;
        servers.push(server);
    }
    let [small, large] = servers.as_slice() else { return Err("two servers were started".into()) };
    let (mut small, mut large) = (Side::open(small, "/board", "")?, Side::open(large, "/board", "")?);
    let pages = (small.page()?.body, large.page()?.body);
    let cards = String::from_utf8_lossy(&pages.1).matches("id=\"card-").count();
    let found = compare(plan.pairs(), plan.pick(60, 30), &mut small, &mut large)?;
    let what = "board, 100,000 tickets against 1,000";
    report.ratios("P3", &format!("{what}: processor"), &found.cpu, Gate::AtMost(1.5), found.cpu_note);
    report.ratios("P3", &format!("{what}: time"), &found.wall, Gate::None, format!("{}, {cards} cards", found.wall_note));
    let (a, b) = (pages.0.len(), pages.1.len());
    report.once("P3", "board, difference in bytes", apart(a, b), "%", Gate::AtMost(1.0), format!("{a} and {b} bytes"));
    Ok(())
}

/// P4: the board where every ticket has 200 KB to say beside one where it has 200 bytes.
pub fn bodies(plan: &Plan, report: &mut Report) -> Outcome {
    let mut servers = Vec::new();
    for bytes in [200, 200_000] {
        let mut server = Server::folder(&plan.root.join(format!("p4-{bytes}")), 0, "none")?;
        seed::bodies(&server.data, 400, bytes)?;
        server.start()?;
        servers.push(server);
    }
    let [short, long] = servers.as_slice() else { return Err("two servers were started".into()) };
    let (mut short, mut long) = (Side::open(short, "/board", "")?, Side::open(long, "/board", "")?);
    let pages = (settled(&short.page()?.body), settled(&long.page()?.body));
    let found = compare(plan.pairs(), plan.pick(100, 40), &mut short, &mut long)?;
    let what = "board, bodies of 200 KB against 200 B";
    report.ratios("P4", &format!("{what}: processor"), &found.cpu, Gate::AtMost(1.1), found.cpu_note);
    report.ratios("P4", &format!("{what}: time"), &found.wall, Gate::None, found.wall_note);
    report.holds(
        "P4",
        "the same bytes",
        pages.0 == pages.1,
        format!("{} and {} bytes that are no digits", pages.0.len(), pages.1.len()),
    );
    Ok(())
}

/// A page without what differs from one rendering to the next: its seeds, its nonce, its moments are digits.
fn settled(page: &[u8]) -> Vec<u8> {
    page.iter().copied().filter(|b| !b.is_ascii_hexdigit()).collect()
}

/// P7: the compressed page beside the plain one.
pub fn compression(plan: &Plan, report: &mut Report) -> Outcome {
    let mut server = Server::folder(&plan.root.join("p7"), 0, "none")?;
    seed::board(plan, &server.data, 1_000)?;
    server.start()?;
    let (mut plain, mut gzip) = (Side::open(&server, "/board", "")?, Side::open(&server, "/board", GZIP)?);
    let (size, answer) = (plain.page()?.body.len(), gzip.page()?);
    let encoding = answer.header("content-encoding").unwrap_or("none").to_owned();
    let found = compare(plan.pairs(), plan.pick(60, 30), &mut plain, &mut gzip)?;
    let note = format!("{}; {} of {size} bytes", found.wall_note, answer.body.len());
    report.ratios("P7", "compressed page against plain, one connection", &found.wall, Gate::AtMost(2.0), note);
    report.holds("P7", "compressed with gzip, never brotli", encoding == "gzip", encoding.clone());
    let all = times(&mut gzip.conn, "/board", GZIP, plan.pick(1_000, 300))?;
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
    let (mut few, mut many) = (Side::open(&server, "/tickets/MC-1", "")?, Side::open(&server, "/tickets/MC-2", "")?);
    let (a, b) = (few.page()?.body.len(), many.page()?.body.len());
    let found = compare(plan.pairs(), plan.pick(60, 30), &mut few, &mut many)?;
    let what = "ticket page, 100,000 events against 1,000";
    report.ratios("P12", &format!("{what}: processor"), &found.cpu, Gate::AtMost(1.3), found.cpu_note);
    report.ratios("P12", &format!("{what}: time"), &found.wall, Gate::None, found.wall_note);
    report.once("P12", "ticket page, difference in bytes", apart(a, b), "%", Gate::AtMost(2.0), format!("{a} and {b} bytes"));
    Ok(())
}

//! P2: from a line's writing to its arrival at a page, 8 agents at a steady rate, beside the same path without the store.

use super::clock::{stamp_ns, wait_for};
use super::director::Director;
use super::http::Conn;
use super::pipeline::{Floor, Page};
use super::report::{Gate, Report, interleave, median, quantile};
use super::{Outcome, Plan, stub};
use mission_control::config::data_dir::DataDir;
use std::cell::RefCell;
use std::error::Error;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const AGENTS: usize = 8;

/// Latencies in milliseconds, as the pages note them.
type Noted = Arc<Mutex<Vec<f64>>>;

fn noter(noted: &Noted) -> impl Fn(usize) -> Box<dyn FnMut(&str) + Send> + use<> {
    let noted = noted.clone();
    move |_| {
        let noted = noted.clone();
        Box::new(move |lines| {
            let now = stamp_ns();
            // The rows of events alone: the page's head repeats their words later.
            let rows = lines.split("data-seq=\"").skip(1).filter_map(|row| row.split("</li>").next());
            let written = rows.filter_map(|row| row.split("written at @").nth(1)?.split('@').next()?.parse::<u64>().ok());
            let late: Vec<f64> = written.map(|at| now.saturating_sub(at) as f64 / 1e6).collect();
            noted.lock().expect("nobody panics while holding it").extend(late);
        })
    }
}

/// The figure.
pub fn paced(plan: &Plan, report: &mut Report) -> Outcome {
    let (real, bare) = (Noted::default(), Noted::default());
    let mut floor = Floor::open(&plan.root.join("p2"), AGENTS)?;
    floor.watch(noter(&real))?;
    let stub = Stub::open(&plan.root.join("p2-bare"), &bare)?;
    let mut a = Side { names: stub.names.clone(), director: &stub.director, noted: bare };
    let mut b = Side { names: floor.names.clone(), director: &floor.director, noted: real };
    let pace = Pace { agents: AGENTS, every_us: 2_000, count: plan.pick(750, 500) };
    compare(plan, report, "8 agents × 500 lines/s", pace, (&mut a, &mut b), (Gate::AtMost(2.0), Gate::AtMost(3.0)))?;
    // Under load both sides gather; a line that comes alone shows what the store itself costs.
    let pace = Pace { agents: 1, every_us: 60_000, count: plan.pick(20, 12) };
    compare(plan, report, "a line alone", pace, (&mut a, &mut b), (Gate::None, Gate::None))?;
    floor.caught_up()?;
    let gaps: usize = floor.pages.iter().map(Page::gaps).sum();
    report.holds("P2", "no gap", gaps == 0, "");
    Ok(())
}

/// Who writes, and how fast.
#[derive(Clone, Copy)]
struct Pace {
    agents: usize,
    every_us: u64,
    count: usize,
}

/// One of the two paths.
struct Side<'a> {
    names: Vec<String>,
    director: &'a RefCell<Director>,
    noted: Noted,
}

impl Side<'_> {
    /// Lets the lines be written and waits until all of them have come: their latencies.
    fn measure(&mut self, pace: Pace) -> Result<Vec<f64>> {
        let names = &self.names[..pace.agents];
        let mut director = self.director.borrow_mut();
        director.tell(names, &format!("pace {} {}", pace.every_us, pace.count))?;
        director.done(names)?;
        let taken = || self.noted.lock().expect("nobody panics while holding it");
        wait_for("the last paced line", 30.0, || (taken().len() >= pace.count * pace.agents).then_some(()))?;
        Ok(std::mem::take(&mut *taken()))
    }
}

fn compare(
    plan: &Plan,
    report: &mut Report,
    what: &str,
    pace: Pace,
    (a, b): (&mut Side<'_>, &mut Side<'_>),
    gates: (Gate, Gate),
) -> Outcome {
    let (mut all_a, mut all_b, mut tails) = (Vec::new(), Vec::new(), (Vec::new(), Vec::new()));
    let pairs = interleave(
        plan.pairs(),
        || {
            let found = a.measure(pace)?;
            tails.0.push(quantile(&found, 0.99));
            all_a.extend_from_slice(&found);
            Ok(median(&found))
        },
        || {
            let found = b.measure(pace)?;
            tails.1.push(quantile(&found, 0.99));
            all_b.extend_from_slice(&found);
            Ok(median(&found))
        },
    )?;
    let p50: Vec<f64> = pairs.iter().map(|(a, b)| b / a).collect();
    let p99: Vec<f64> = tails.0.iter().zip(&tails.1).map(|(a, b)| b / a).collect();
    let note = |q: f64| format!("{:.2} ms against {:.2} ms without the store", quantile(&all_b, q), quantile(&all_a, q));
    report.ratios("P2", &format!("line → page, {what}: p50"), &p50, gates.0, note(0.5));
    report.ratios("P2", &format!("line → page, {what}: p99"), &p99, gates.1, note(0.99));
    Ok(())
}

/// The path without the store: its process, its agents, its pages.
struct Stub {
    processes: Vec<Child>,
    director: RefCell<Director>,
    names: Vec<String>,
    _pages: Vec<Page>,
}

impl Stub {
    fn open(data: &Path, noted: &Noted) -> Result<Stub> {
        let me = std::env::current_exe()?;
        let dir = DataDir::open(data)?;
        std::fs::create_dir_all(data.join("logs"))?;
        let director = Director::new()?;
        let server = Command::new(&me).arg("stub").arg(data).arg(AGENTS.to_string()).stdin(Stdio::null()).spawn()?;
        let director = RefCell::new(director);
        let mut stub = Stub { processes: vec![server], director, names: Vec::new(), _pages: Vec::new() };
        let local = wait_for("the path without the store", 20.0, || dir.local())?;
        for n in 1..=AGENTS as i64 {
            let out = std::fs::OpenOptions::new().create(true).append(true).open(stub::log(data, n))?;
            let agent = Command::new(&me)
                .args(["agent", &n.to_string()])
                .env("BENCH_DIRECTOR", stub.director.borrow().address()?)
                .env_remove("MC_TICKET")
                .stdin(Stdio::null())
                .stdout(out)
                .spawn()?;
            stub.processes.push(agent);
            stub.names.push(n.to_string());
        }
        stub.director.borrow_mut().gather(&stub.names)?;
        let make = noter(noted);
        for n in 1..=AGENTS {
            let conn = wait_for("a stream", 10.0, || {
                Conn::open(local.url.trim_start_matches("http://").parse().ok()?, &local.token).ok()
            })?;
            stub._pages.push(Page::follow(conn.stream(&format!("/tickets/{n}/stream"))?, make(n))?);
        }
        Ok(stub)
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        for child in &mut self.processes {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

//! P2: from a line's writing to its arrival at a page, 8 agents at a steady rate, beside the same path without the store.

use super::clock::{stamp_ns, wait_for};
use super::director::Director;
use super::http::Conn;
use super::pipeline::{Floor, Page};
use super::report::{Gate, Report, interleave, median, quantile};
use super::{Outcome, Plan, stub};
use mission_control::data_dir::DataDir;
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
    let stub = RefCell::new(Stub::open(&plan.root.join("p2-bare"), &bare)?);
    let seconds = plan.pick(1.5, 1.0);
    for (what, every_us, count) in
        [("8 agents × 500 lines/s", 2_000, (500.0 * seconds) as u64), ("a lone line now and then", 150_000, plan.pick(12, 6))]
    {
        let order = format!("pace {every_us} {count}");
        let mut all: [Vec<f64>; 2] = Default::default();
        let mut sides: [Vec<(f64, f64)>; 2] = Default::default();
        let names = floor.names.clone();
        let ([bare_all, real_all], [bare_sides, real_sides]) = (&mut all, &mut sides);
        interleave(
            plan.pairs(),
            || {
                let found = take(&bare, count, || stub.borrow_mut().run(&order))?;
                bare_sides.push((median(&found), quantile(&found, 0.99)));
                bare_all.extend(found);
                Ok(0.0)
            },
            || {
                let found = take(&real, count, || {
                    floor.director.tell(&names, &order)?;
                    floor.director.done(&names)
                })?;
                real_sides.push((median(&found), quantile(&found, 0.99)));
                real_all.extend(found);
                Ok(0.0)
            },
        )?;
        let ratio =
            |of: fn(&(f64, f64)) -> f64| -> Vec<f64> { sides[1].iter().zip(&sides[0]).map(|(b, a)| of(b) / of(a)).collect() };
        let note = |q: f64| format!("{:.2} ms against {:.2} ms", quantile(&all[1], q), quantile(&all[0], q));
        report.ratios("P2", &format!("line → page, {what}: p50"), &ratio(|s| s.0), Gate::AtMost(2.0), note(0.5));
        report.ratios("P2", &format!("line → page, {what}: p99"), &ratio(|s| s.1), Gate::AtMost(3.0), note(0.99));
    }
    floor.caught_up()?;
    let gaps: usize = floor.pages.iter().map(Page::gaps).sum();
    report.holds("P2", "no gap", gaps == 0, "");
    Ok(())
}

/// Lets the lines be written and waits until all of them have come.
fn take(noted: &Noted, count: u64, write: impl FnOnce() -> Result<()>) -> Result<Vec<f64>> {
    write()?;
    let expected = count as usize * AGENTS;
    wait_for("the last paced line", 30.0, || {
        (noted.lock().expect("nobody panics while holding it").len() >= expected).then_some(())
    })?;
    Ok(std::mem::take(&mut *noted.lock().expect("nobody panics while holding it")))
}

/// The path without the store: its process, its agents, its pages.
struct Stub {
    processes: Vec<Child>,
    director: Director,
    names: Vec<String>,
    _pages: Vec<Page>,
}

impl Stub {
    fn open(data: &Path, noted: &Noted) -> Result<Stub> {
        let me = std::env::current_exe()?;
        let dir = DataDir::open(data)?;
        std::fs::create_dir_all(data.join("logs"))?;
        let mut director = Director::new()?;
        let server = Command::new(&me).arg("stub").arg(data).arg(AGENTS.to_string()).stdin(Stdio::null()).spawn()?;
        let mut stub = Stub { processes: vec![server], director: Director::new()?, names: Vec::new(), _pages: Vec::new() };
        let local = wait_for("the path without the store", 20.0, || dir.local())?;
        for n in 1..=AGENTS as i64 {
            let out = std::fs::OpenOptions::new().create(true).append(true).open(stub::log(data, n))?;
            let agent = Command::new(&me)
                .args(["agent", &n.to_string()])
                .env("BENCH_DIRECTOR", director.address()?)
                .env_remove("MC_TICKET")
                .stdin(Stdio::null())
                .stdout(out)
                .spawn()?;
            stub.processes.push(agent);
            stub.names.push(n.to_string());
        }
        director.gather(&stub.names)?;
        stub.director = director;
        let make = noter(noted);
        for n in 1..=AGENTS {
            let conn = wait_for("a stream", 10.0, || {
                Conn::open(local.url.trim_start_matches("http://").parse().ok()?, &local.token).ok()
            })?;
            stub._pages.push(Page::follow(conn.stream(&format!("/tickets/{n}/stream"))?, make(n))?);
        }
        Ok(stub)
    }

    fn run(&mut self, order: &str) -> Result<()> {
        self.director.tell(&self.names, order)?;
        self.director.done(&self.names)
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

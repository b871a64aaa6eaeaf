//! P17: starting an agent must not get slower with the server's memory, as a fork would.

use super::clock::{Stopwatch, wait_for};
use super::report::{Gate, Report, interleave, median};
use super::server::EXE;
use super::{Outcome, Plan};
use mission_control::drivers::supervise::run_dir::{RunDir, RunSpec};
use mission_control::drivers::supervise::shim::spawn_shim;
use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Agents started in one measurement.
const EACH: usize = 20;

/// The figure. This process spawns as the server does, with and without a gigabyte that it has really touched.
pub fn ballast(plan: &Plan, report: &mut Report) -> Outcome {
    let root = plan.root.join("p17");
    std::fs::create_dir_all(&root)?;
    let bytes: usize = plan.pick(1 << 30, 1 << 28);
    let mut next = 0;
    let mut whole = (Vec::new(), Vec::new());
    let pairs = {
        let next = std::cell::RefCell::new(&mut next);
        interleave(
            plan.pairs(),
            || {
                let (spawned, ended) = agents(&root, &mut next.borrow_mut())?;
                whole.0.push(ended);
                Ok(spawned)
            },
            || {
                let mut heavy = vec![0_u8; bytes];
                heavy.iter_mut().step_by(4_096).for_each(|b| *b = 1);
                let (spawned, ended) = agents(&root, &mut next.borrow_mut())?;
                std::hint::black_box(&heavy);
                whole.1.push(ended);
                Ok(spawned)
            },
        )?
    };
    let ratios: Vec<f64> = pairs.iter().map(|(a, b)| b / a).collect();
    let (a, b): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
    let note = format!("{:.2} ms against {:.2} ms", median(&b), median(&a));
    let what = format!("spawn of an agent's shim, {} MB resident / few", bytes >> 20);
    report.ratios("P17", &what, &ratios, Gate::AtMost(1.5), note);
    let note = format!("{:.1} ms against {:.1} ms", median(&whole.1), median(&whole.0));
    let ratios: Vec<f64> = whole.0.iter().zip(&whole.1).map(|(a, b)| b / a).collect();
    report.ratios("P17", "  from there to the agent's end, told on disk", &ratios, Gate::None, note);
    Ok(())
}

/// Milliseconds of a spawn, and from it to the record of the agent's end: the medians of some.
fn agents(root: &Path, next: &mut usize) -> Result<(f64, f64)> {
    let (mut spawned, mut ended) = (Vec::new(), Vec::new());
    for _ in 0..EACH {
        *next += 1;
        let at = root.join(format!("{next}-1"));
        let spec = RunSpec {
            run: i64::try_from(*next)?,
            ticket: "MC-1".to_owned(),
            argv: vec!["/bin/true".to_owned()],
            cwd: root.to_owned(),
            env: BTreeMap::new(),
            env_from: Vec::new(),
            raw_log: root.join(format!("{next}-stream.log")),
            log_cap: 1 << 20,
            wall_clock_ms: 0,
            silence_ms: 0,
            stop_grace_ms: 500,
            oom_score_adj: 0,
        };
        let dir = RunDir::create(&at, &spec, "Do it.")?;
        let began = Stopwatch::start();
        spawn_shim(Path::new(EXE), &dir)?;
        spawned.push(began.millis());
        wait_for("an agent's end", 20.0, || dir.exit())?;
        ended.push(began.millis());
    }
    Ok((median(&spawned), median(&ended)))
}

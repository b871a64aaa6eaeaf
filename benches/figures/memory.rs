//! Logs of 50 MB, of many lines and of one: the server's memory must not grow with them.

use super::clock::wait_for;
use super::pipeline::Floor;
use super::report::{Gate, Report};
use super::{Outcome, Plan, agent};

const BYTES: u64 = 50 * 1024 * 1024;
const MOST_MB: f64 = 32.0;

/// The figure.
pub fn big_logs(plan: &Plan, report: &mut Report) -> Outcome {
    let mut floor = Floor::open(&plan.root.join("memory"), 1)?;
    floor.watch(|_| Box::new(|_| {}))?;
    floor.burst(1, 600)?;
    let names = floor.names.clone();
    let average = (1..=300).map(|n| agent::line(n).len() as u64 + 1).sum::<u64>() / 300;
    for (what, order, lines) in [
        ("one line of 50 MB", format!("long {BYTES}"), 1),
        ("50 MB of lines", format!("burst {}", BYTES / average), BYTES / average),
    ] {
        floor.caught_up()?;
        let target = floor.stored()?[0] + lines as i64;
        floor.server.forget_peak()?;
        let (before, _) = floor.server.memory_mb()?;
        floor.tell(&names, &order)?;
        floor.done(&names)?;
        wait_for("the end of the log", 120.0, || (floor.stored().ok()? == [target]).then_some(()))?;
        floor.caught_up()?;
        let (_, peak) = floor.server.memory_mb()?;
        let note = format!("from {before:.1} to {peak:.1} MB at its peak");
        report.once(
            "memory",
            &format!("growth while {what} came in, a page open"),
            peak - before,
            "MB",
            Gate::AtMost(MOST_MB),
            note,
        );
    }
    let gaps = floor.pages[0].gaps();
    report.holds("memory", "no gap", gaps == 0, format!("{} events", floor.pages[0].seen()));
    Ok(())
}

//! P18: told to end with 1,000 open pages and two workers talking, the server is gone at once and the workers are not.

use super::clock::wait_for;
use super::pipeline::Floor;
use super::report::{Gate, Report};
use super::{Outcome, Plan};

const STREAMS: usize = 1_000;
const LINES: u64 = 1_200;

/// The figure.
pub fn shutdown(plan: &Plan, report: &mut Report) -> Outcome {
    let mut floor = Floor::open(&plan.root.join("p18"), 2)?;
    let before = floor.stored()?;
    let mut open = Vec::new();
    for n in 0..STREAMS {
        let path = match n % 4 {
            0 => "/board/stream".to_owned(),
            1 => "/stream".to_owned(),
            2 => format!("/tickets/{}/stream", floor.names[n % 2]),
            _ => format!("/api/v1/tickets/{}/stream", floor.names[n % 2]),
        };
        open.push(floor.server.conn()?.stream(&path)?);
    }
    // They go on writing while the server goes, is down, and comes back.
    let names = floor.names.clone();
    floor.tell(&names, &format!("pace 2000 {LINES}"))?;
    wait_for("the first lines", 10.0, || (floor.stored().ok()? != before).then_some(()))?;
    let (seconds, code) = floor.server.stop()?;
    let note = format!("{STREAMS} streams, exit {code:?}");
    report.once("P18", "SIGTERM → gone, with 1,000 streams and 2 workers", seconds, "s", Gate::AtMost(2.0), note);
    report.holds("P18", "exit 0", code == Some(0), "");
    let alive = floor.server.runs().iter().filter(|d| d.is_alive()).count();
    report.holds("P18", "the workers live on", alive == 2, format!("{alive} of 2"));
    drop(open);
    floor.done(&names)?;
    floor.server.start()?;
    let wanted: Vec<i64> = before.iter().map(|n| n + LINES as i64).collect();
    let adopted = wait_for("all lines", 20.0, || (floor.stored().ok()? == wanted).then_some(()));
    let runs = floor.look(|c| {
        c.query_row("select count(*), sum(state = 'running') from runs", [], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, i64>(1)?)))
    })?;
    let note = format!("{} runs, {} of them at work; events {:?}, lines {wanted:?}", runs.0, runs.1, floor.stored()?);
    report.holds("P18", "the next start adopts them, each line once", adopted.is_ok() && runs == (2, 2), note);
    Ok(())
}

//! P8 and P9: one agent talks, many listen. What a delivery costs beside actix alone, and what is left for the board.

use super::bare::Bare;
use super::clock::{Stopwatch, pause, stamp_ns};
use super::crowd::Crowd;
use super::pipeline::Floor;
use super::report::{Gate, Report, interleave, median};
use super::{Outcome, Plan, seed};
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Listeners, events a second.
const SIZES: [(usize, u64); 3] = [(100, 100), (1_000, 100), (5_000, 10)];

/// P9: processor time of a delivery, memory of a listener.
pub fn fan_out(plan: &Plan, report: &mut Report) -> Outcome {
    let mut floor = Floor::open(&plan.root.join("p9"), 1)?;
    let bare = Bare::start(&plan.root, &[])?;
    let path = format!("/api/v1/tickets/{}/stream", floor.names[0]);
    floor.tell(&floor.names.clone(), "pace 1000 3")?;
    floor.done(&floor.names.clone())?;
    let sample = sample(&floor)?;
    let (address, token) = floor.server.door()?;
    let sizes = if plan.quick { &SIZES[..2] } else { &SIZES[..] };
    for (count, rate) in sizes.iter().copied() {
        let before = (floor.server.memory_mb()?.0, bare.process().memory_mb()?.0);
        // They come up to date, as a page does: what they have missed is not what they cost.
        let newest: i64 = floor.look(|c| c.query_row("select max(id) from ticket_events", [], |r| r.get(0)))?;
        let ours = Crowd::open(address, &token, &format!("{path}?after={newest}"), count)?;
        let theirs = Crowd::open(bare.address, "none", "/stream", count)?;
        let mut say = Sayer { conn: bare.conn()?, sample: sample.clone(), next: 0 };
        let seconds = plan.pick(1.2, 0.8);
        let said = (seconds * rate as f64).round() as u64;
        heard_by_all(&mut floor, &ours, count)?;
        let pairs = interleave(
            plan.pairs(),
            || {
                let (cpu, events) = (bare.process().cpu_ms()?, theirs.events());
                say.pace(rate, said)?;
                theirs.wait(events + said as usize * count)?;
                Ok((bare.process().cpu_ms()? - cpu) * 1e3 / (said as usize * count) as f64)
            },
            || {
                let (cpu, events) = (floor.server.cpu_ms()?, ours.events());
                let names = floor.names.clone();
                floor.tell(&names, &format!("pace {} {said}", 1_000_000 / rate))?;
                floor.done(&names)?;
                ours.wait(events + said as usize * count)?;
                Ok((floor.server.cpu_ms()? - cpu) * 1e3 / (said as usize * count) as f64)
            },
        )?;
        let ratios: Vec<f64> = pairs.iter().map(|(a, b)| b / a).collect();
        let (a, b): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        let note = format!("{:.1} µs against {:.1} µs, {rate} events/s", median(&b), median(&a));
        report.ratios("P9", &format!("processor of a delivery, {count} streams / bare"), &ratios, Gate::AtMost(1.5), note);
        let gaps = ours.gaps();
        report.holds("P9", &format!("{count} streams: no gap"), gaps == 0, format!("{} events came", ours.events()));
        if count >= 1_000 {
            let kb = |now: f64, before: f64| (now - before) * 1024.0 / count as f64;
            let mine = kb(floor.server.memory_mb()?.0, before.0);
            let bare_kb = kb(bare.process().memory_mb()?.0, before.1);
            let note = format!("{mine:.1} KB against {bare_kb:.1} KB, more than before they came");
            // Later crowds live in what earlier ones left: the first large one tells.
            let gate = if count == 1_000 { Gate::AtMost(1.5) } else { Gate::None };
            report.once("P9", &format!("memory of a stream, {count} / bare"), mine / bare_kb.max(0.1), "×", gate, note);
        }
        drop((ours, theirs));
        pause(Duration::from_millis(700));
    }
    Ok(())
}

/// One event, to see that all are there.
fn heard_by_all(floor: &mut Floor, crowd: &Crowd, count: usize) -> Result<()> {
    let names = floor.names.clone();
    floor.tell(&names, "pace 1000 1")?;
    floor.done(&names)?;
    crowd.wait(count)
}

/// One event as the contract has it.
fn sample(floor: &Floor) -> Result<String> {
    let list = floor.server.conn()?.get(&format!("/api/v1/tickets/{}/events?limit=50", floor.names[0]), "")?;
    let list: serde_json::Value = serde_json::from_slice(&list.body)?;
    Ok(list["items"].as_array().and_then(|i| i.last()).ok_or("there is no event")?.to_string())
}

/// Says the same to the bare server's listeners at a steady rate.
struct Sayer {
    conn: super::http::Conn,
    sample: String,
    next: u64,
}

impl Sayer {
    fn pace(&mut self, rate: u64, count: u64) -> Result<()> {
        let began = stamp_ns();
        for i in 0..count {
            let due = began + i * 1_000_000_000 / rate;
            let now = stamp_ns();
            if due > now {
                pause(Duration::from_nanos(due - now));
            }
            self.next += 1;
            let body = format!("id: {}\nevent: ticket_event\ndata: {}\n\n", self.next, self.sample);
            self.conn.ask("POST", "/say", "", &body)?;
        }
        Ok(())
    }
}

/// P8: the board while a thousand streams get a hundred events a second.
pub fn board_beside(plan: &Plan, report: &mut Report) -> Outcome {
    let data = plan.root.join("p8");
    mission_control::config::data_dir::DataDir::open(&data)?;
    seed::board(plan, &data, 1_000)?;
    rusqlite::Connection::open(data.join("mc.db"))?.execute_batch(
        "update runs set state = 'finished', ended_at = created_at;
         update tickets set status = 'in_review' where status = 'in_progress';
         update tickets set needs_approval = 1 where status = 'todo';",
    )?;
    let floor = Floor::open(&data, 1)?;
    let (address, token) = floor.server.door()?;
    let path = format!("/api/v1/tickets/{}/stream", floor.names[0]);
    let streams = plan.pick(1_000, 300);
    let crowd = Crowd::open(address, &token, &path, streams)?;
    let seconds = plan.pick(1.5, 1.0);
    boards(&floor, 0.5)?;
    let mut heard = 0;
    let pairs = interleave(
        plan.pairs(),
        || boards(&floor, seconds),
        || {
            let before = crowd.events();
            let said = (seconds * 100.0) as usize;
            floor.tell(&floor.names, &format!("pace 10000 {said}"))?;
            let rate = boards(&floor, seconds)?;
            floor.done(&floor.names)?;
            crowd.wait(before + said * streams)?;
            heard += said * streams;
            Ok(rate)
        },
    )?;
    let ratios: Vec<f64> = pairs.iter().map(|(a, b)| b / a).collect();
    let (a, b): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
    let note = format!("{:.0} against {:.0} boards/s; {heard} events came", median(&b), median(&a));
    report.ratios("P8", &format!("boards/s while {streams} streams get 100 events/s / quiet"), &ratios, Gate::AtLeast(0.4), note);
    report.holds("P8", "no gap", crowd.gaps() == 0, format!("{} gaps", crowd.gaps()));
    Ok(())
}

/// Boards a second over four connections.
fn boards(floor: &Floor, seconds: f64) -> Result<f64> {
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut threads = Vec::new();
    let began = Stopwatch::start();
    for _ in 0..4 {
        let (mut conn, stop, done) = (floor.server.conn()?, stop.clone(), done.clone());
        threads.push(std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) && conn.get("/board", "").is_ok() {
                done.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    pause(Duration::from_secs_f64(seconds));
    let rate = done.load(Ordering::Relaxed) as f64 / began.seconds();
    stop.store(true, Ordering::Relaxed);
    for thread in threads {
        let _ = thread.join();
    }
    Ok(rate)
}

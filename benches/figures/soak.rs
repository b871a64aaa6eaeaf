//! P11: what the server keeps in memory when nothing happens, and after much has.

use super::bare::Bare;
use super::clock::{Stopwatch, pause};
use super::crowd::Crowd;
use super::pipeline::Floor;
use super::report::{Gate, Report, median};
use super::server::Server;
use super::{Outcome, Plan, seed};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// The figure.
pub fn memory(plan: &Plan, report: &mut Report) -> Outcome {
    let bare = Bare::start(&plan.root, &[])?;
    let mut server = Server::folder(&plan.root.join("p11-idle"), 0, "none")?;
    seed::large(plan, &server.data)?;
    server.start()?;
    pause(Duration::from_millis(1_500));
    let (idle, hello) = (server.memory_mb()?.0, bare.process().memory_mb()?.0);
    server.stop()?;
    let note = format!("{idle:.1} MB against {hello:.1} MB, 100,000 tickets behind it");
    report.once("P11", "resident when idle / actix saying hello", idle / hello, "×", Gate::AtMost(3.0), note);

    let data = plan.root.join("p11");
    mission_control::config::data_dir::DataDir::open(&data)?;
    seed::large(plan, &data)?;
    rusqlite::Connection::open(data.join("mc.db"))?.execute_batch(
        "update runs set state = 'finished', ended_at = created_at;
         update tickets set status = 'in_review' where status = 'in_progress';
         update tickets set needs_approval = 1 where status = 'todo';",
    )?;
    let mut floor = Floor::open(&data, 1)?;
    let seconds = plan.pick(80.0, 10.0);
    let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut threads = Vec::new();
    let ticket = floor.names[0].clone();
    for n in 0..3 {
        let paths = [
            "/board".to_owned(),
            "/api/v1/health".to_owned(),
            "/api/v1/tickets?limit=50".to_owned(),
            "/".to_owned(),
            format!("/tickets/{ticket}"),
            "/api/v1/tickets?q=parser".to_owned(),
            "/console/sessions?seen=".to_owned(),
            format!("/api/v1/tickets/MC-{}/events", seed::TALKER),
        ];
        let (mut conn, stop, asked) = (floor.server.conn()?, stop.clone(), asked.clone());
        threads.push(std::thread::spawn(move || {
            for at in n.. {
                if stop.load(Ordering::Relaxed) || conn.get(&paths[at % paths.len()], "Accept-Encoding: gzip\r\n").is_err() {
                    return;
                }
                asked.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    let (address, token) = floor.server.door()?;
    let names = floor.names.clone();
    let began = Stopwatch::start();
    let (mut samples, mut come, mut said) = (Vec::new(), 0, 0_u64);
    while began.seconds() < seconds {
        floor.tell(&names, "burst 2000")?;
        let after = floor.stored()?.last().copied().unwrap_or(0);
        let crowd = Crowd::open(address, &token, &format!("/api/v1/tickets/{ticket}/stream?after={}", i64::MAX - after), 100)?;
        floor.done(&names)?;
        (come, said) = (come + 100, said + 2_000);
        drop(crowd);
        samples.push(floor.server.memory_mb()?.0);
        pause(Duration::from_millis(200));
    }
    stop.store(true, Ordering::Relaxed);
    for thread in threads {
        let _ = thread.join();
    }
    pause(Duration::from_millis(1_000));
    let after = floor.server.memory_mb()?.0;
    let note = format!(
        "{after:.1} MB after {seconds:.0} s: {} requests, {said} new events, {come} streams came and went",
        asked.load(Ordering::Relaxed)
    );
    report.once("P11", "resident after the soak / actix saying hello", after / hello, "×", Gate::AtMost(6.0), note);
    let quarter = &samples[samples.len() * 3 / 4..];
    let (first, last) = quarter.split_at(quarter.len() / 2);
    let slope = (median(last) - median(first)) / median(first) * 100.0;
    let note = format!("from {:.1} to {:.1} MB", median(first), median(last));
    let gate = if plan.quick { Gate::None } else { Gate::AtMost(2.0) };
    report.once("P11", "growth over the last quarter of the soak", slope, "%", gate, note);
    floor.pages.clear();
    Ok(())
}

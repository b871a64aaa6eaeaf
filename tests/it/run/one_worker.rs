//! Exactly one worker for each ticket, whoever ticks and whenever the server dies.

use crate::support::live_server::Live;
use crate::support::live_server::agent::agent;
use crate::support::wait::{Dice, until, until_ms};
use mission_control::base::clock::pause;
use mission_control::drivers::supervise::run_dir::RunDir;
use std::collections::BTreeMap;
use std::fs;
use std::process::Child;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// Starts per ticket.
fn starts(live: &Live) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for start in live.starts() {
        *found.entry(start["env"]["MC_TICKET"].as_str().expect("its ticket").to_owned()).or_default() += 1;
    }
    found
}

fn once_each(tickets: &[i64]) -> BTreeMap<String, usize> {
    tickets.iter().map(|id| (format!("MC-{id}"), 1)).collect()
}

#[test]
fn five_hundred_tickets_and_two_who_tick_make_five_hundred_runs() {
    const TICKETS: usize = 500;
    let live = Live::start(8, &[agent("instant")]);
    let tickets: Vec<i64> = std::thread::scope(|scope| {
        let makers: Vec<_> =
            (0..5).map(|_| scope.spawn(|| (0..TICKETS / 5).map(|_| live.todo("instant", "Do it")).collect::<Vec<_>>())).collect();
        makers.into_iter().flat_map(|m| m.join().expect("it makes tickets")).collect()
    });
    assert_eq!(tickets.len(), TICKETS);
    let (over, ticks) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        // One through the command line, which asks the running server …
        scope.spawn(|| {
            while !over.load(Ordering::SeqCst) {
                live.tick();
                ticks.fetch_add(1, Ordering::SeqCst);
            }
        });
        // … and one that asks it directly, beside those that the server does by itself.
        scope.spawn(|| {
            while !over.load(Ordering::SeqCst) {
                let answer = live.try_json("/api/v1/tick/pickup", &serde_json::json!({})).expect("an answer");
                assert_eq!(answer.status, 200, "{}", answer.body);
                ticks.fetch_add(1, Ordering::SeqCst);
            }
        });
        let rows = live.rows();
        until_ms(150_000, "500 done tickets", || {
            let left: i64 = rows.query_row("select count(*) from tickets where status <> 'done'", [], |r| r.get(0)).ok()?;
            (left == 0).then_some(())
        });
        over.store(true, Ordering::SeqCst);
    });
    assert!(ticks.load(Ordering::SeqCst) > 20, "two were ticking all the time");
    assert_eq!(live.one::<i64>("select count(*) from runs"), TICKETS as i64);
    assert_eq!(
        live.one::<i64>("select count(distinct ticket_id) from runs where state = 'finished' and generation = 1"),
        TICKETS as i64
    );
    assert_eq!(starts(&live), once_each(&tickets));
}

#[test]
fn a_server_killed_around_the_spawn_never_has_a_second_agent() {
    let mut dice = Dice::new(u64::from(mission_control::base::random::u32()));
    let mut live = Live::start(4, &[agent("instant")]);
    let mut tickets = Vec::new();
    let mut met = BTreeMap::new();
    for round in 0..40 {
        let id = live.now("instant", "Do it");
        tickets.push(id);
        let rows = live.rows();
        let dir = until("the launch", || {
            let dir: Option<String> = rows
                .query_row("select run_dir from runs where ticket_id = ?1 and launched_at is not null", [id], |r| r.get(0))
                .ok()?;
            Some(RunDir::open(dir?.as_ref()))
        });
        if round % 4 > 0 {
            // Right before the shim is spawned.
            until("the run folder", || dir.file("spec.json").exists().then_some(()));
        }
        pause(Duration::from_micros(dice.roll(if round % 4 > 1 { 6_000 } else { 30_000 })));
        live.kill9();
        let reached = ["exit.json", "pid.json", "started", "lock", "spec.json"].into_iter().find(|f| dir.file(f).exists());
        *met.entry(reached.unwrap_or("nothing")).or_insert(0) += 1;
        live.boot();
    }
    eprintln!("killed when this was there: {met:?}");
    for id in &tickets {
        live.stands(*id, "done");
    }
    assert_eq!(starts(&live), once_each(&tickets));
    assert_eq!(live.one::<i64>("select count(*) from runs"), tickets.len() as i64, "and one run each");
}

#[test]
fn a_shim_that_comes_too_late_finds_its_launch_voided() {
    let mut live = Live::start(4, &[agent("instant")]);
    let (mut held, mut tickets) = (Vec::new(), Vec::new());
    for _ in 0..10 {
        // Shims wait for the lock of their folder before they begin: held by us they hang between spawn and `pid.json`.
        let next: i64 = live.one("select coalesce(max(id), 0) + 1 from runs");
        let path = live.data().join(format!("runs/{next}-1"));
        fs::create_dir_all(&path).expect("a folder");
        let dir = RunDir::open(&path);
        let lock = dir.lock().expect("nobody has it");
        let id = live.now("instant", "Do it");
        tickets.push(id);
        let shim = until("the spawned shim", || shim_of(&dir));
        assert!(!dir.file("started").exists());
        live.restart();
        // The new server voids the launch and starts another; the old shim still waits.
        live.stands(id, "done");
        assert!(alive(shim), "it still waits for the lock");
        held.push((dir, lock));
    }
    let (dirs, locks): (Vec<_>, Vec<_>) = held.into_iter().unzip();
    let shims: Vec<u32> = dirs.iter().filter_map(shim_of).collect();
    assert_eq!(shims.len(), 10);
    drop(locks);
    for shim in shims {
        until("the late shim's end", || (!alive(shim)).then_some(()));
    }
    assert_eq!(starts(&live), once_each(&tickets));
    assert_eq!(live.all::<i64>("select generation from runs order by id"), [2; 10]);
}

/// The shim process of a run folder.
fn shim_of(dir: &RunDir) -> Option<u32> {
    let wanted = dir.path().to_str().expect("plain text").to_owned();
    fs::read_dir("/proc").expect("there is a /proc").flatten().find_map(|e| {
        let pid: u32 = e.file_name().to_str()?.parse().ok()?;
        let line = fs::read(e.path().join("cmdline")).ok()?;
        let mut words = line.split(|b| *b == 0);
        (words.nth(1) == Some(b"shim") && words.next() == Some(wanted.as_bytes())).then_some(pid)
    })
}

fn alive(pid: u32) -> bool {
    let state = mission_control::drivers::supervise::process::state(i32::try_from(pid).expect("a pid"));
    state.is_some_and(|s| !matches!(s, 'Z' | 'X'))
}

#[test]
fn a_second_server_on_the_same_data_is_refused_and_told_who_is_there() {
    let live = Live::start(2, &[agent("instant")]);
    let out = live.run(&["serve", "--listen", "127.0.0.1:0"]);
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(3), "{said}");
    assert!(said.contains(&format!("(pid {})", live.pid())) && said.contains("--data"), "{said}");
    let id = live.now("instant", "Do it");
    live.stands(id, "done");
}

#[test]
fn of_many_servers_started_at_once_one_works() {
    let mut live = Live::prepare(2, &[agent("instant")], "");
    let mut rivals: Vec<Child> = Vec::new();
    live.spawn();
    for _ in 0..5 {
        rivals.push(live.command(&["serve", "--listen", "127.0.0.1:0"]).spawn().expect("it starts"));
    }
    // Whoever it is: one goes on, the others say no.
    let mut codes = Vec::new();
    until("all but one to give up", || {
        rivals.retain_mut(|child| match child.try_wait().expect("it can be asked") {
            Some(status) => {
                codes.push(status.code());
                false
            }
            None => true,
        });
        (codes.len() >= 5 || (codes.len() == 4 && live.is_over())).then_some(())
    });
    assert!(codes.iter().all(|c| *c == Some(3)), "{codes:?}");
    for mut rival in rivals {
        rival.kill().expect("it can be killed");
        rival.wait().expect("it can be waited for");
        live.forget();
        live.boot();
    }
    live.wait_ready();
}

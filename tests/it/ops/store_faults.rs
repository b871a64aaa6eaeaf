//! A database that is locked, read-only, damaged, too new, or meddled with; a disk that is full.

use crate::support::live_server::Live;
use crate::support::live_server::agent::agent;
use crate::support::wait::{until, until_ms};
use mission_control::base::clock::{Clock, SystemClock};
use rusqlite::Connection;
use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::process::Command;
use std::time::Duration;

#[test]
fn a_locked_database_answers_503_changes_nothing_and_loses_no_line() {
    let talker = agent("talker").env("TALK_LINES", 400).env("TALK_PAUSE_MS", 120);
    let live = Live::start(2, &[talker, agent("instant")]);
    let id = live.now("talker", "Talk on");
    live.says(id, "line 5\"");
    let before: i64 = live.one("select count(*) from tickets");
    let clock = SystemClock::new();
    let meddler = Connection::open(live.database()).expect("another program");
    meddler.busy_timeout(Duration::from_secs(20)).expect("a time-out");
    meddler.execute_batch("begin exclusive").expect("locked");
    let held = clock.mono_ms();
    let answers = std::thread::scope(|scope| {
        let posts: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    live.post("/composer", &[("message", "Not now"), ("mode", "implement_now"), ("project", "instant")])
                })
            })
            .collect();
        // What is there can still be read.
        assert_eq!(live.try_get("/board").expect("an answer").status, 200);
        assert_eq!(live.try_get("/api/v1/health").expect("an answer").status, 200);
        until_ms(20_000, "eight seconds of lock", || (clock.mono_ms() - held > 8_000).then_some(()));
        meddler.execute_batch("rollback").expect("let go");
        posts.into_iter().map(|p| p.join().expect("an answer")).collect::<Vec<_>>()
    });
    let refused = answers.iter().filter(|a| a.status == 503).count();
    let made = answers.iter().filter(|a| a.status == 303).count();
    assert!(refused >= 1 && refused + made == 3, "{:?}", answers.iter().map(|a| a.status).collect::<Vec<_>>());
    let sorry = answers.iter().find(|a| a.status == 503).expect("one was refused");
    assert!(sorry.body.contains("locked by another program"), "{}", sorry.body);
    assert_eq!(live.one::<i64>("select count(*) from tickets"), before + made as i64, "what was refused is not there");
    let next = live.now("instant", "Now");
    live.stands(next, "done");
    live.stands(id, "done");
    assert_eq!(
        live.one::<i64>(&format!("select count(*) from ticket_events where ticket_id = {id} and content like 'line %'")),
        400
    );
    assert_eq!(live.starts_of(id).len(), 1);
}

#[test]
fn a_database_that_is_locked_for_a_moment_makes_writes_wait_and_refuses_none() {
    let live = Live::start(2, &[agent("instant")]);
    let clock = SystemClock::new();
    let meddler = Connection::open(live.database()).expect("another program");
    meddler.busy_timeout(Duration::from_secs(20)).expect("a time-out");
    let answers = std::thread::scope(|scope| {
        meddler.execute_batch("begin exclusive").expect("locked");
        let held = clock.mono_ms();
        let posts: Vec<_> = (0..8).map(|_| scope.spawn(|| live.now("instant", "Wait for it"))).collect();
        until("two seconds of lock", || (clock.mono_ms() - held > 2_000).then_some(()));
        assert!(posts.iter().all(|p| !p.is_finished()), "nothing is acknowledged before it is there");
        meddler.execute_batch("rollback").expect("let go");
        posts.into_iter().map(|p| p.join().expect("an answer")).collect::<std::collections::BTreeSet<_>>()
    });
    assert_eq!(answers.len(), 8);
    for id in answers {
        live.stands(id, "done");
    }
}

#[test]
fn another_program_that_opens_and_closes_the_database_does_not_take_the_log_from_the_server() {
    let live = Live::start(2, &[agent("instant")]);
    for round in 0..5 {
        let other = Connection::open(live.database()).expect("another program");
        let n: i64 = other.query_row("select count(*) from tickets", [], |r| r.get(0)).expect("it reads");
        assert_eq!(n, round);
        drop(other);
        // A process of its own, in case of another kind of lock.
        assert!(live.run(&["token", "list"]).status.success());
        let id = live.now("instant", "Do it");
        live.stands(id, "done");
    }
    assert_eq!(live.one::<i64>("select count(*) from tickets"), 5, "another process sees what the server wrote");
}

#[test]
fn a_program_that_makes_tokens_beside_the_server_writes_the_same_database() {
    let mut live = Live::start(2, &[agent("instant")]);
    let out = live.run(&["token", "create", "ci", "--scope", "viewer"]);
    let token = String::from_utf8(out.stdout).expect("plain text").trim().to_owned();
    let ask = |live: &Live| {
        let http: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let url = format!("{}/api/v1/tickets", live.url());
        http.get(url).header("Authorization", format!("Bearer {token}")).call().expect("an answer").status().as_u16()
    };
    assert_eq!(ask(&live), 200);
    let id = live.now("instant", "Do it");
    live.stands(id, "done");
    live.restart();
    assert_eq!(ask(&live), 200, "and it is still there after a crash");
}

/// The server's exit code and words where it must not come up.
fn refused(live: &Live) -> (Option<i32>, String) {
    let mut child =
        live.command(&["serve", "--listen", "127.0.0.1:0"]).stderr(std::process::Stdio::piped()).spawn().expect("it starts");
    let status = until_ms(20_000, "the server to give up", || child.try_wait().expect("it can be asked"));
    let mut said = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().expect("piped"), &mut said).expect("plain text");
    assert!(!said.contains("panicked"), "{said}");
    (status.code(), said)
}

/// A data folder with a ticket in it, and no server.
fn settled() -> Live {
    let mut live = Live::start(2, &[agent("instant")]);
    let id = live.now("instant", "Do it");
    live.stands(id, "done");
    live.terminate();
    live
}

#[test]
fn a_database_of_a_newer_version_is_refused() {
    let live = settled();
    Connection::open(live.database()).expect("opens").pragma_update(None, "user_version", 99).expect("written");
    let (code, said) = refused(&live);
    assert_eq!(code, Some(1));
    assert!(said.contains("newer version") && said.contains("backup"), "{said}");
    assert_eq!(live.one::<i64>("pragma user_version"), 99, "and left as it is");
    live.abandon();
}

#[test]
fn a_damaged_database_is_refused() {
    let live = settled();
    // A log that is not folded back yet would hold good copies of the pages.
    let folded = Connection::open(live.database()).expect("opens").query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(()));
    folded.expect("folded back");
    let mut file = OpenOptions::new().write(true).open(live.database()).expect("opens");
    let size = file.metadata().expect("it is there").len();
    // Every page but the first, so that it is found wherever it is looked for.
    for page in 1..size / 4096 {
        file.seek(SeekFrom::Start(page * 4096)).expect("seeks");
        file.write_all(&[0x5a; 2048]).expect("writes");
    }
    drop(file);
    let (code, said) = refused(&live);
    assert_eq!(code, Some(1));
    assert!(said.contains("database") && said.contains("backup"), "{said}");
    live.abandon();
}

#[test]
fn damage_in_a_large_database_ends_the_server_in_words_and_the_next_start_refuses() {
    let mut live = settled();
    let conn = Connection::open(live.database()).expect("opens");
    conn.execute_batch("create table filler (body blob); insert into filler values (zeroblob(40000000))").expect("filled");
    conn.close().expect("closed");
    let mut file = OpenOptions::new().write(true).open(live.database()).expect("opens");
    let middle = file.metadata().expect("it is there").len() / 2 / 4096 * 4096;
    file.seek(SeekFrom::Start(middle)).expect("seeks");
    file.write_all(&[0x5a; 4096]).expect("writes");
    drop(file);

    live.boot();
    assert_eq!(live.try_get("/board").expect("an answer").status, 200, "the pages are there at once");
    assert_eq!(live.ends().code(), Some(1));
    assert!(live.log().contains("the database is damaged") && live.log().contains("restore the last backup"), "{}", live.log());
    let (code, said) = refused(&live);
    assert_eq!(code, Some(1));
    assert!(said.contains("the database is damaged") && said.contains("restore the last backup"), "{said}");
    live.abandon();
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let live = settled();
    for end in ["-wal", "-shm"] {
        let _none = fs::remove_file(format!("{}{end}", live.database().display()));
    }
    fs::write(live.database(), "this is no database\n".repeat(1000)).expect("writes");
    let (code, said) = refused(&live);
    assert_eq!(code, Some(1));
    assert!(said.contains("database") && said.contains("backup"), "{said}");
    live.abandon();
}

/// Mounts something private; none where this machine does not allow it.
fn mount(place: &std::path::Path, args: &[&str]) -> Option<Mount> {
    let done = Command::new("mount").args(args).arg(place).output().ok()?;
    if !done.status.success() {
        eprintln!("SKIPPED: this machine does not let us mount: {}", String::from_utf8_lossy(&done.stderr).trim());
        return None;
    }
    Some(Mount(place.to_owned()))
}

struct Mount(std::path::PathBuf);

impl Drop for Mount {
    fn drop(&mut self) {
        let _done = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn a_read_only_database_is_refused_in_words() {
    let live = settled();
    let data = live.data();
    // Root may write whatever the mode says: only a read-only mount stops it.
    let Some(_bound) = mount(&data, &["--bind", data.to_str().expect("plain text")]) else { return };
    let done = Command::new("mount").args(["-o", "remount,bind,ro"]).arg(&data).status().expect("mount is there");
    assert!(done.success());
    let (code, said) = refused(&live);
    assert!(matches!(code, Some(1 | 3)), "{code:?} {said}");
    assert!(said.to_lowercase().contains("read-only"), "{said}");
    drop(_bound);
    live.abandon();
}

#[test]
fn a_full_disk_under_the_logs_ends_the_run_visibly_and_costs_no_row() {
    let mut live = Live::prepare(2, &[agent("longline").env("LONG_MB", 3).with("retry_limit = 0"), agent("instant")], "");
    let logs = live.root().join("workspace/logs");
    fs::create_dir_all(&logs).expect("a folder");
    let Some(_small) = mount(&logs, &["-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs"]) else { return };
    live.boot();
    let id = live.now("longline", "Say too much");
    live.stands(id, "blocked");
    let run = live.run_of(id);
    assert_eq!(run.state, "failed", "{run:?}");
    assert_eq!(live.comments(id, "terminal_state").len(), 1);
    assert!(live.one::<i64>(&format!("select count(*) from ticket_events where ticket_id = {id}")) > 2);
    // Even with no byte left: told, not hung.
    let next = live.now("instant", "Say a little");
    until("an end of the next", || ["done", "blocked", "in_review"].contains(&live.status(next).as_str()).then_some(()));
    live.terminate();
    live.check();
    live.abandon();
}

//! Streams that nobody reads, and connections that never say what they want: the others are served all the same, the
//! server's memory stays bounded, and they are let go.

use crate::support::live_server::Live;
use crate::support::live_server::agent::agent;
use crate::support::wait::{until, until_ms};
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// The server's resident memory in kilobytes.
fn resident(live: &Live) -> i64 {
    let status = fs::read_to_string(format!("/proc/{}/status", live.pid())).expect("it runs");
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).expect("it is there");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// The sockets that the server holds.
fn sockets(live: &Live) -> usize {
    let entries = fs::read_dir(format!("/proc/{}/fd", live.pid())).expect("it runs").flatten();
    entries.filter(|e| fs::read_link(e.path()).is_ok_and(|to| to.to_string_lossy().starts_with("socket:"))).count()
}

fn connect(live: &Live, said: &str) -> TcpStream {
    let mut stream = TcpStream::connect(live.url().trim_start_matches("http://")).expect("it listens");
    stream.write_all(said.as_bytes()).expect("it takes that");
    stream
}

fn works(live: &Live) {
    assert_eq!(live.try_get("/api/v1/health").expect("an answer").status, 200);
    let id = live.now("instant", "Work meanwhile");
    live.stands(id, "done");
}

#[test]
fn streams_that_nobody_reads_cost_little_and_are_let_go() {
    let live = Live::start(2, &[agent("instant"), agent("flood")]);
    let id = live.now("flood", "Say very much");
    live.stands(id, "done");
    works(&live);
    let (memory, before) = (resident(&live), sockets(&live));
    let ask = format!(
        "GET /api/v1/tickets/{id}/stream?after=0 HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\r\n",
        live.url().trim_start_matches("http://"),
        live.token(),
    );
    let stuck: Vec<TcpStream> = (0..40).map(|_| connect(&live, &ask)).collect();
    until("all of them are open", || (sockets(&live) >= before + stuck.len()).then_some(()));
    // Each has begun: its first bytes are there, and tens of megabytes wait for it.
    for stream in &stuck {
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("settable");
        assert_eq!(stream.peek(&mut [0; 64]).expect("an answer"), 64);
    }
    works(&live);
    let grown = resident(&live) - memory;
    assert!(grown < 16 * 1024, "40 streams of 50 MB each cost {grown} kB");
    // A reader that takes nothing is let go after half a minute.
    until_ms(120_000, "they are let go", || (sockets(&live) < before + 5).then_some(()));
    works(&live);
    drop(stuck);
}

#[test]
fn connections_that_never_ask_are_closed_and_keep_nobody_waiting() {
    let live = Live::start(1, &[agent("instant")]);
    let half: Vec<TcpStream> = (0..400).map(|_| connect(&live, "GET /board HTTP/1.1\r\nHost: some")).collect();
    works(&live);
    for mut stream in half {
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("settable");
        match stream.read_to_end(&mut Vec::new()) {
            Ok(_) => {}
            Err(e) => assert_eq!(e.kind(), ErrorKind::ConnectionReset, "{e}"),
        }
    }
    works(&live);
}

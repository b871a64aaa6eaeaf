//! The server told to end while pages are open: they are ended first, and nobody's reading holds it up.

use crate::support::live_server::Live;
use crate::support::live_server::agent::agent;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// An open stream that nobody reads on from; its answer's head has come.
fn open(live: &Live, path: &str) -> TcpStream {
    let host = live.url().trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&host).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a patience");
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\nAccept: text/event-stream\r\n\r\n",
        live.token()
    );
    stream.write_all(request.as_bytes()).expect("sent");
    let mut head = [0; 15];
    stream.read_exact(&mut head).expect("an answer");
    assert_eq!(&head, b"HTTP/1.1 200 OK", "{path}");
    stream
}

#[test]
fn open_streams_end_with_the_server_and_do_not_hold_it_up() {
    let mut live = Live::start(2, &[agent("hang")]);
    let ids = [live.now("hang", "Stay"), live.now("hang", "Stay as well")];
    ids.iter().for_each(|id| drop(live.says(*id, "nothing more")));
    let paths: Vec<String> = ids
        .iter()
        .flat_map(|id| [format!("/tickets/MC-{id}/stream"), format!("/api/v1/tickets/MC-{id}/stream")])
        .chain(["/board/stream", "/stream", "/api/v1/stream"].map(str::to_owned))
        .collect();
    let mut streams: Vec<TcpStream> = paths.iter().cycle().take(70).map(|path| open(&live, path)).collect();
    let (status, ms) = live.terminate();
    assert!(status.success(), "{status}");
    assert!(ms <= 2_000, "it took {ms} ms");
    for (stream, path) in streams.iter_mut().zip(paths.iter().cycle()) {
        let mut rest = Vec::new();
        // A reset is an end as well: what it did not read yet was its own business.
        let end = stream.read_to_end(&mut rest);
        assert!(end.is_ok() || end.is_err_and(|e| e.kind() == std::io::ErrorKind::ConnectionReset), "{path} is still open");
    }
    let alive = live.run_dirs().iter().filter(|dir| dir.is_alive()).count();
    assert_eq!(alive, 2, "the workers live on");
    live.boot();
    for id in ids {
        // A stop is answered by the very process that was left behind.
        live.stop(id);
        live.stands(id, "blocked");
        assert_eq!(live.starts_of(id).len(), 1, "adopted, not started again");
    }
}

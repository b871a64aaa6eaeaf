//! Many open streams, read by one thread: what is delivered is counted, and each event's number must be the one after
//! the last.

use std::cell::RefCell;
use std::error::Error;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What all of them have seen.
#[derive(Debug, Default)]
struct Seen {
    /// Streams that are open.
    open: AtomicUsize,
    /// Events that came.
    events: AtomicUsize,
    /// Events whose number was not the one after the last.
    gaps: AtomicUsize,
}

/// The readers.
pub struct Crowd {
    seen: Arc<Seen>,
    /// Dropped, it ends the reader.
    stay: Option<oneshot::Sender<()>>,
    reader: Option<JoinHandle<()>>,
}

impl Crowd {
    /// Opens so many streams of one address.
    pub fn open(host: SocketAddr, token: &str, path: &str, count: usize) -> Result<Crowd> {
        if !host.ip().is_loopback() {
            return Err("only loopback is measured".into());
        }
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nAccept: text/event-stream\r\n\r\n");
        let mut sockets = Vec::with_capacity(count);
        for _ in 0..count {
            let mut socket = TcpStream::connect(host)?;
            socket.write_all(request.as_bytes())?;
            socket.set_nonblocking(true)?;
            sockets.push(socket);
        }
        let seen = Arc::new(Seen::default());
        let counted = seen.clone();
        let (stay, gone) = oneshot::channel::<()>();
        let reader = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("a runtime of one thread needs nothing");
            tokio::task::LocalSet::new().block_on(&runtime, async {
                tokio::select! { () = read_all(sockets, counted) => {}, _ = gone => {} }
            });
        });
        let crowd = Crowd { seen, stay: Some(stay), reader: Some(reader) };
        super::clock::wait_for("all streams to open", 60.0, || (crowd.seen.open.load(Ordering::Relaxed) == count).then_some(()))?;
        Ok(crowd)
    }

    /// Events that came so far, over all streams.
    pub fn events(&self) -> usize {
        self.seen.events.load(Ordering::Relaxed)
    }

    /// Events that came out of order, twice or not at all.
    pub fn gaps(&self) -> usize {
        self.seen.gaps.load(Ordering::Relaxed)
    }

    /// Waits until so many events have come.
    pub fn wait(&self, events: usize) -> Result<()> {
        let all = super::clock::wait_for("the crowd", 60.0, || (self.events() >= events).then_some(()));
        all.map_err(|e| format!("{e}: {} of {events} events, {} gaps", self.events(), self.gaps()).into())
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        drop(self.stay.take());
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

async fn read_all(sockets: Vec<TcpStream>, seen: Arc<Seen>) {
    // One buffer for all: they are read one after the other.
    let buffer = Rc::new(RefCell::new(vec![0_u8; 256 * 1024]));
    let tasks: Vec<_> = sockets
        .into_iter()
        .filter_map(|socket| tokio::net::TcpStream::from_std(socket).ok())
        .map(|socket| tokio::task::spawn_local(read_one(socket, buffer.clone(), seen.clone())))
        .collect();
    for task in tasks {
        let _ = task.await;
    }
}

async fn read_one(socket: tokio::net::TcpStream, buffer: Rc<RefCell<Vec<u8>>>, seen: Arc<Seen>) {
    let mut reader = Reader { rest: Vec::new(), last: 0, open: false };
    while socket.readable().await.is_ok() {
        if !reader.take(&socket, &mut buffer.borrow_mut(), &seen) {
            return;
        }
        // Fair to the others, and to the one who writes.
        tokio::task::yield_now().await;
    }
}

/// One stream's lines.
struct Reader {
    rest: Vec<u8>,
    last: u64,
    open: bool,
}

impl Reader {
    /// Takes what is there; false where the stream is over.
    fn take(&mut self, socket: &tokio::net::TcpStream, buffer: &mut [u8], seen: &Seen) -> bool {
        let n = match socket.try_read(buffer) {
            Ok(0) => return false,
            Ok(n) => n,
            Err(e) => return e.kind() == std::io::ErrorKind::WouldBlock,
        };
        let mut bytes = &buffer[..n];
        while let Some(end) = bytes.iter().position(|b| *b == b'\n') {
            let (line, after) = bytes.split_at(end + 1);
            bytes = after;
            if self.rest.is_empty() {
                heed(line, seen, &mut self.last, &mut self.open);
            } else {
                self.rest.extend_from_slice(line);
                heed(&self.rest, seen, &mut self.last, &mut self.open);
                self.rest.clear();
            }
        }
        self.rest.extend_from_slice(bytes);
        self.rest.len() <= 1024 * 1024
    }
}

fn heed(line: &[u8], seen: &Seen, last: &mut u64, open: &mut bool) {
    if !*open {
        if line.starts_with(b"HTTP/1.1 200") {
            *open = true;
            seen.open.fetch_add(1, Ordering::Relaxed);
        }
        return;
    }
    let Some(number) = line.strip_prefix(b"id:") else { return };
    let Some(number) = std::str::from_utf8(number).ok().and_then(|t| t.trim().parse::<u64>().ok()) else { return };
    if *last > 0 && number != *last + 1 {
        seen.gaps.fetch_add(1, Ordering::Relaxed);
    }
    *last = number;
    seen.events.fetch_add(1, Ordering::Relaxed);
}

//! A service on loopback for stubs of other people's servers: a thread that takes connections, and HTTP requests as they
//! come in. It ends when dropped.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A service; every connection has a thread of its own.
pub struct Loopback {
    address: SocketAddr,
    over: Arc<AtomicBool>,
}

impl Loopback {
    /// On a free port.
    pub fn start(serve: impl Fn(&TcpStream) -> std::io::Result<()> + Send + Sync + 'static) -> Loopback {
        Loopback::on(TcpListener::bind("127.0.0.1:0").expect("a free port on loopback"), serve)
    }

    /// At an address of the caller's.
    pub fn on(listener: TcpListener, serve: impl Fn(&TcpStream) -> std::io::Result<()> + Send + Sync + 'static) -> Loopback {
        let address = listener.local_addr().expect("it is bound");
        let over = Arc::new(AtomicBool::new(false));
        let (serve, ended) = (Arc::new(serve), over.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                let serve = serve.clone();
                // A client that goes away in the middle is part of the game.
                std::thread::spawn(move || drop(serve(&stream)));
            }
        });
        Loopback { address, over }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes the listener, which then looks at the flag.
        drop(TcpStream::connect(self.address));
    }
}

/// A request as it came in.
pub struct Request {
    pub method: String,
    pub target: String,
    pub body: Vec<u8>,
}

impl Request {
    /// The next one of a connection; none where the client has hung up.
    pub fn read(reader: &mut BufReader<&TcpStream>) -> std::io::Result<Option<Request>> {
        let mut first = String::new();
        if reader.read_line(&mut first)? == 0 {
            return Ok(None);
        }
        let mut words = first.split_whitespace().map(str::to_owned);
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut headers = HashMap::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            match line.trim_end().split_once(':') {
                Some((name, value)) => headers.insert(name.to_lowercase(), value.trim().to_owned()),
                None => break,
            };
        }
        let body = body(reader, &headers)?;
        Ok(Some(Request { method, target, body }))
    }
}

fn body(reader: &mut impl BufRead, headers: &HashMap<String, String>) -> std::io::Result<Vec<u8>> {
    let mut all = Vec::new();
    if headers.get("transfer-encoding").is_some_and(|t| t.eq_ignore_ascii_case("chunked")) {
        loop {
            let mut size = String::new();
            reader.read_line(&mut size)?;
            let size = u64::from_str_radix(size.trim(), 16).unwrap_or(0);
            reader.by_ref().take(size).read_to_end(&mut all)?;
            let mut end = String::new();
            reader.read_line(&mut end)?;
            if size == 0 {
                return Ok(all);
            }
        }
    }
    let length = headers.get("content-length").and_then(|l| l.parse().ok()).unwrap_or(0);
    reader.take(length).read_to_end(&mut all)?;
    Ok(all)
}

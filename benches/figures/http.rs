//! A small HTTP client whose cost is known: one kept-alive connection for pages, one for a stream. Loopback only.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A kept-alive connection.
pub struct Conn {
    from: BufReader<TcpStream>,
    host: SocketAddr,
    token: String,
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Bytes of the status line and the headers.
    pub head_bytes: usize,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }
}

impl Conn {
    /// Refuses anything that is not this machine.
    pub fn open(host: SocketAddr, token: &str) -> io::Result<Conn> {
        if !host.ip().is_loopback() {
            return Err(io::Error::other("only loopback is measured"));
        }
        let stream = TcpStream::connect(host)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Conn { from: BufReader::with_capacity(16 * 1024, stream), host, token: token.to_owned() })
    }

    fn send(&mut self, method: &str, path: &str, more: &str, body: &str) -> io::Result<()> {
        let text = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n{more}Content-Length: {}\r\n\r\n{body}",
            self.host,
            self.token,
            body.len()
        );
        self.from.get_mut().write_all(text.as_bytes())
    }

    /// Sends a request and reads the whole answer. A connection that the server closed while it was idle is opened anew.
    pub fn ask(&mut self, method: &str, path: &str, more: &str, body: &str) -> io::Result<Answer> {
        match self.ask_once(method, path, more, body) {
            Err(e) if is_closed(&e) => {
                *self = Conn::open(self.host, &self.token)?;
                self.ask_once(method, path, more, body)
            }
            answered => answered,
        }
    }

    fn ask_once(&mut self, method: &str, path: &str, more: &str, body: &str) -> io::Result<Answer> {
        self.send(method, path, more, body)?;
        let (status, headers, head_bytes) = self.head()?;
        let mut answer = Answer { status, headers, body: Vec::new(), head_bytes };
        if answer.header("transfer-encoding").is_some() {
            while let Some(piece) = self.chunk()? {
                answer.body.extend(piece);
            }
        } else {
            let length = answer.header("content-length").and_then(|l| l.parse().ok()).unwrap_or(0);
            answer.body.resize(length, 0);
            self.from.read_exact(&mut answer.body)?;
        }
        Ok(answer)
    }

    /// Sends a GET and reads the answer, which must be 200.
    pub fn get(&mut self, path: &str, more: &str) -> io::Result<Answer> {
        let answer = self.ask("GET", path, more, "")?;
        if answer.status == 200 { Ok(answer) } else { Err(io::Error::other(format!("{path}: {}", answer.status))) }
    }

    /// Turns the connection into a stream.
    pub fn stream(self, path: &str) -> io::Result<Stream> {
        self.stream_with(path, "")
    }

    /// As [`Conn::stream`], with more headers.
    pub fn stream_with(mut self, path: &str, more: &str) -> io::Result<Stream> {
        self.send("GET", path, &format!("Accept: text/event-stream\r\n{more}"), "")?;
        let (status, _, _) = self.head()?;
        if status != 200 {
            return Err(io::Error::other(format!("{path}: {status}")));
        }
        Ok(Stream { conn: self, rest: Vec::new() })
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.from.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }

    fn head(&mut self) -> io::Result<Head> {
        let first = self.line()?;
        let mut bytes = first.len() + 2;
        let status = first.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or_else(|| io::Error::other(first))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            bytes += line.len() + 2;
            match line.split_once(':') {
                Some((name, value)) => headers.push((name.to_owned(), value.trim().to_owned())),
                None => return Ok((status, headers, bytes)),
            }
        }
    }

    /// One chunk of a chunked body; none at its end.
    fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let size = usize::from_str_radix(&self.line()?, 16).map_err(io::Error::other)?;
        let mut bytes = vec![0; size];
        self.from.read_exact(&mut bytes)?;
        let _ = self.line()?;
        Ok((size > 0).then_some(bytes))
    }
}

fn is_closed(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
}

/// Status, headers, and how many bytes they took.
type Head = (u16, Vec<(String, String)>, usize);

/// An open stream of events.
pub struct Stream {
    conn: Conn,
    rest: Vec<u8>,
}

impl Stream {
    /// Another handle of the socket: closing it ends the reader.
    pub fn socket(&self) -> io::Result<TcpStream> {
        self.conn.from.get_ref().try_clone()
    }

    /// The next whole lines, as they came; none at the end of the stream.
    pub fn lines(&mut self) -> io::Result<Option<String>> {
        loop {
            let Some(bytes) = self.conn.chunk()? else { return Ok(None) };
            self.rest.extend(bytes);
            if let Some(last) = self.rest.iter().rposition(|b| *b == b'\n') {
                let rest = self.rest.split_off(last + 1);
                let whole = std::mem::replace(&mut self.rest, rest);
                return Ok(Some(String::from_utf8_lossy(&whole).into_owned()));
            }
        }
    }
}

//! A client that follows an event stream.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;

/// An answer whose body is still coming.
pub struct Stream {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub head_only: bool,
    pub lines: BufReader<TcpStream>,
}

/// One message of a stream of events.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Message {
    pub event: String,
    pub id: String,
    pub data: String,
}

impl Stream {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    fn chunk(&mut self) -> Option<Vec<u8>> {
        let mut size = String::new();
        self.lines.read_line(&mut size).ok()?;
        let size = usize::from_str_radix(size.trim(), 16).ok().filter(|n| *n > 0)?;
        let mut bytes = vec![0; size + 2];
        self.lines.read_exact(&mut bytes).ok()?;
        bytes.truncate(size);
        Some(bytes)
    }

    pub fn rest(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        if self.head_only {
            return body;
        }
        if self.header("transfer-encoding").is_some() {
            while let Some(bytes) = self.chunk() {
                body.extend(bytes);
            }
        } else {
            let length: u64 = self.header("content-length").and_then(|n| n.parse().ok()).unwrap_or(0);
            (&mut self.lines).take(length).read_to_end(&mut body).expect("a body");
        }
        body
    }

    /// The next messages, until `enough` says so or the stream ends.
    pub fn messages(&mut self, mut enough: impl FnMut(&[Message]) -> bool) -> Vec<Message> {
        let mut found = Vec::new();
        let mut text = String::new();
        while !enough(&found) {
            let Some(bytes) = self.chunk() else { break };
            text.push_str(std::str::from_utf8(&bytes).expect("UTF-8"));
            while let Some(end) = text.find("\n\n") {
                let block: String = text.drain(..end + 2).collect();
                let mut message = Message::default();
                for line in block.lines() {
                    let (name, value) = line.split_once(':').unwrap_or((line, ""));
                    let value = value.strip_prefix(' ').unwrap_or(value);
                    match name {
                        "event" => message.event = value.to_owned(),
                        "id" => message.id = value.to_owned(),
                        "data" => message.data.push_str(value),
                        _ => {}
                    }
                }
                found.push(message);
            }
        }
        found
    }
}

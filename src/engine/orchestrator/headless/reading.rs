//! One turn's log as it is being read: each look reads only what is new.

use crate::domain::time::Time;
use crate::drivers::runtime::interface::Runtime;
use crate::drivers::runtime::turn_stream::{LINE_MAX, TurnStream};
use crate::drivers::supervise::run_dir::RunDir;
use std::fs::File;
use std::io::{self, ErrorKind, Read};

/// The raw log of a turn, in its folder.
pub(crate) const LOG: &str = "stream.log";

/// Says in a turn folder that a person interrupted it.
pub(crate) const INTERRUPTED: &str = "interrupted";

/// Bytes read at once.
const STRETCH: usize = 256 * 1024;

/// A turn's log, and what was read of it.
pub(crate) struct Reading {
    /// Whose it is.
    pub(crate) dir: RunDir,
    /// What it said.
    pub(crate) stream: TurnStream,
    /// Its agent has begun: looking that up again is not needed.
    pub(crate) begun: bool,
    /// When output last came, as this process saw it, on the monotonic clock.
    pub(crate) quiet_since: Option<i64>,
    /// It was asked to end because it lingered.
    pub(crate) asked: bool,
    file: Option<File>,
    pending: Vec<u8>,
    /// Bytes of a line too long to be kept that went by.
    skipped: u64,
}

impl Reading {
    pub(crate) fn new(dir: RunDir, runtime: &'static dyn Runtime) -> Reading {
        Reading {
            dir,
            stream: TurnStream::new(runtime),
            begun: false,
            quiet_since: None,
            asked: false,
            file: None,
            pending: Vec::new(),
            skipped: 0,
        }
    }

    /// Reads what is new; true where there was something.
    pub(crate) fn catch_up(&mut self, now: Time) -> io::Result<bool> {
        if self.file.is_none() {
            match File::open(self.dir.file(LOG)) {
                Ok(file) => self.file = Some(file),
                Err(e) if e.kind() == ErrorKind::NotFound => return Ok(false),
                Err(e) => return Err(e),
            }
        }
        let mut grew = false;
        while let Some(file) = &mut self.file {
            let mut bytes = Vec::with_capacity(STRETCH);
            Read::by_ref(file).take(STRETCH as u64).read_to_end(&mut bytes)?;
            if bytes.is_empty() {
                break;
            }
            grew = true;
            self.take(&bytes, now);
        }
        Ok(grew)
    }

    /// Nothing more will come: half a line at the end counts as one.
    pub(crate) fn finish(&mut self, now: Time) {
        if !self.pending.is_empty() || self.skipped > 0 {
            self.line_ends(now);
        }
    }

    fn take(&mut self, bytes: &[u8], now: Time) {
        let mut parts = bytes.split(|b| *b == b'\n').peekable();
        while let Some(part) = parts.next() {
            if self.pending.len() + part.len() <= LINE_MAX {
                self.pending.extend_from_slice(part);
            } else {
                self.skipped += part.len() as u64;
            }
            if parts.peek().is_some() {
                self.line_ends(now);
            }
        }
    }

    fn line_ends(&mut self, now: Time) {
        let line = std::mem::take(&mut self.pending);
        match std::mem::take(&mut self.skipped) {
            0 => self.stream.line(&line, now),
            more => self.stream.skipped(&line[..line.len().min(4096)], line.len() as u64 + more),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drivers::runtime;
    use std::io::Write;

    #[test]
    fn a_line_that_comes_in_pieces_is_read_once_and_whole() {
        let tmp = tempfile::tempdir().expect("a temporary folder");
        let mut reading = Reading::new(RunDir::open(tmp.path()), runtime::of_profile(None));
        assert!(!reading.catch_up(Time(0)).expect("no log yet"));
        let mut log = File::create(tmp.path().join(LOG)).expect("a log");
        let line = r#"{"type":"result","is_error":false,"num_turns":1,"result":"Straße"}"#;
        for byte in line.as_bytes() {
            log.write_all(&[*byte]).expect("writes");
            assert!(reading.catch_up(Time(0)).expect("reads"));
        }
        assert_eq!(reading.stream.reply, None, "the line has not ended");
        assert!(!reading.catch_up(Time(0)).expect("reads"));
        reading.finish(Time(0));
        assert_eq!(reading.stream.reply.as_ref().map(|r| r.text.as_str()), Some("Straße"));
        reading.finish(Time(0));
        assert_eq!(reading.stream.progress.results, 1, "ending twice ends once");
    }

    #[test]
    fn a_line_without_end_is_not_kept() {
        let mut reading = Reading::new(RunDir::open("/nowhere".as_ref()), runtime::of_profile(None));
        let piece = vec![b'x'; LINE_MAX / 2 + 1];
        for _ in 0..4 {
            reading.take(&piece, Time(0));
        }
        assert!(reading.pending.len() <= LINE_MAX);
        reading.take(b"\n{\"type\":\"result\",\"is_error\":false,\"result\":\"after\"}\n", Time(0));
        assert_eq!(reading.stream.progress.oversize, 1);
        assert_eq!(reading.stream.reply.as_ref().map(|r| r.text.as_str()), Some("after"));
    }
}

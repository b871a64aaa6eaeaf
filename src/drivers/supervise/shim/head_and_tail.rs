//! `mission-control bounded -- COMMAND…`: runs a command and lets through the beginning of what it says, and at the end
//! its end. However much it says in between, the file that receives it stays small.
//!
//! It lives between a shim and the command of a task. Where the command leaves children behind that hold its output
//! open, they are not waited for.

use crate::base::clock::{Deadline, pause};
use crate::drivers::supervise::run_dir::MARKER;
use std::io::{PipeReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Bytes let through at once.
pub const HEAD: usize = 32 * 1024;
/// Bytes of the end that are kept.
pub const TAIL: usize = 32 * 1024;
/// The file in the run folder that says how much there was in all.
pub const COUNT: &str = "output-bytes";
/// How long the rest of the output may take once the command has ended.
const REST: Duration = Duration::from_millis(300);
/// As shells say that there is no such program.
const NOT_STARTED: u8 = 127;

/// Runs the command and answers with its exit code (128 + n after signal n).
#[must_use]
pub fn main(args: &[String]) -> ExitCode {
    match run(args) {
        Ok(code) => ExitCode::from(code),
        Err(e) => {
            println!("{} cannot be started: {e}", args.first().map(String::as_str).unwrap_or_default());
            ExitCode::from(NOT_STARTED)
        }
    }
}

fn run(args: &[String]) -> std::io::Result<u8> {
    let (program, rest) = args.split_first().ok_or_else(|| std::io::Error::other("there is no command"))?;
    // The group is told to end together: we stay to say what the command said last.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _deaf = {
        let _inside = runtime.enter();
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?
    };
    let (reader, writer) = std::io::pipe()?;
    let mut command = Command::new(program);
    command.args(rest).stdin(Stdio::inherit()).stdout(writer.try_clone()?).stderr(writer);
    let mut child = command.spawn()?;
    // The command holds the pipe's other ends: ours would keep it open for ever.
    drop(command);
    let said = Arc::new(Mutex::new(HeadAndTail::default()));
    let mine = said.clone();
    let listener = std::thread::spawn(move || listen(reader, &mine));
    let status = child.wait()?;
    let until = Deadline::after(REST);
    while !listener.is_finished() && !until.is_over() {
        pause(Duration::from_millis(2));
    }
    let said = said.lock().unwrap_or_else(PoisonError::into_inner);
    said.finish(&mut std::io::stdout())?;
    if let Some(dir) = std::env::var_os(MARKER) {
        std::fs::write(std::path::Path::new(&dir).join(COUNT), said.total.to_string())?;
    }
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    Ok(u8::try_from(code & 0xff).unwrap_or(1))
}

fn listen(mut reader: PipeReader, said: &Mutex<HeadAndTail>) {
    let mut buffer = vec![0_u8; 64 * 1024];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return,
            Ok(n) => {
                let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
                // A full disk must not end the command: it goes on unheard.
                let _written = said.take(&buffer[..n], &mut std::io::stdout());
            }
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

/// What was said so far: its beginning is out already, its end is kept.
#[derive(Default)]
struct HeadAndTail {
    total: u64,
    head: usize,
    /// The end of the rest; now and then longer than it is kept.
    tail: Vec<u8>,
}

impl HeadAndTail {
    fn take(&mut self, bytes: &[u8], out: &mut dyn Write) -> std::io::Result<()> {
        self.total += bytes.len() as u64;
        let (first, rest) = bytes.split_at(bytes.len().min(HEAD - self.head));
        self.head += first.len();
        if rest.len() >= TAIL {
            self.tail.clear();
        } else if self.tail.len() > 4 * TAIL {
            self.tail.drain(..self.tail.len() - TAIL);
        }
        self.tail.extend_from_slice(&rest[rest.len().saturating_sub(TAIL)..]);
        out.write_all(first)?;
        out.flush()
    }

    fn finish(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let tail = &self.tail[self.tail.len().saturating_sub(TAIL)..];
        let left_out = self.total - self.head as u64 - tail.len() as u64;
        if left_out > 0 {
            write!(out, "\n[… {left_out} bytes left out …]\n")?;
        }
        out.write_all(tail)?;
        out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(pieces: &[&[u8]]) -> (Vec<u8>, u64) {
        let (mut said, mut out) = (HeadAndTail::default(), Vec::new());
        for piece in pieces {
            said.take(piece, &mut out).expect("a Vec takes all");
        }
        said.finish(&mut out).expect("a Vec takes all");
        (out, said.total)
    }

    #[test]
    fn what_fits_comes_through_as_it_is() {
        let text = vec![b'x'; HEAD + TAIL];
        assert_eq!(through(&[&text]), (text.clone(), text.len() as u64));
        assert_eq!(through(&[b"a\n", b"", b"b"]), (b"a\nb".to_vec(), 3));
    }

    #[test]
    fn of_more_the_beginning_and_the_end_stay() {
        let piece: Vec<u8> = (0..=255_u8).cycle().take(100_000).collect();
        let pieces = vec![piece.as_slice(); 50];
        let (out, total) = through(&pieces);
        assert_eq!(total, 5_000_000);
        assert!(out.len() < HEAD + TAIL + 100);
        assert_eq!(out[..HEAD], piece[..HEAD]);
        assert!(out.ends_with(&piece[piece.len() - TAIL..]));
        assert!(String::from_utf8_lossy(&out).contains(&format!("{} bytes left out", 5_000_000 - HEAD - TAIL)));
    }
}

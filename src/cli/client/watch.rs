//! `mission-control ticket watch`: follows a ticket's stream, and takes it up again where it broke off.

use crate::base::clock::pause;
use crate::cli::client::exit::Failure;
use crate::cli::client::show;
use crate::cli::client::target::Target;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::time::Duration;

/// The server pings each 15 s: silence for this long is a broken line.
const PATIENCE: Duration = Duration::from_secs(40);
/// Attempts in a row that may fail before it is given up (unless it is to follow for ever): half a minute.
const TRIES: u32 = 30;
/// A message beyond this is not one of ours.
const LARGEST: u64 = 8 * 1024 * 1024;

/// What has been seen.
#[derive(Default)]
struct Seen {
    last: String,
    status: String,
    worked: bool,
    tries: u32,
}

/// Prints each event once, until the ticket no longer works.
pub fn run(path: &str, follow: bool, target: &Target, out: &mut dyn Write) -> Result<(), Failure> {
    let mut seen = Seen::default();
    loop {
        match once(path, follow, target, out, &mut seen) {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(failure) if failure.unreachable && (follow || seen.tries < TRIES) => {}
            Err(failure) => return Err(failure),
        }
        seen.tries += 1;
        pause(Duration::from_millis(if seen.tries <= 1 { 50 } else { 1000 }));
    }
}

/// One connection. True when all that was asked for has been seen; false when the line broke.
fn once(path: &str, follow: bool, target: &Target, out: &mut dyn Write, seen: &mut Seen) -> Result<bool, Failure> {
    let headers = [("Last-Event-ID", seen.last.clone()), ("Accept", "text/event-stream".to_owned())];
    let headers: Vec<_> = headers.iter().filter(|(_, v)| !v.is_empty()).map(|(n, v)| (*n, v.as_str())).collect();
    let mut lines = BufReader::new(target.open(&format!("{path}/stream"), &headers, PATIENCE)?);
    let (mut event, mut id, mut data) = (String::new(), String::new(), String::new());
    loop {
        let mut line = Vec::new();
        match (&mut lines).take(LARGEST).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return Ok(false),
            Ok(_) if line.last() != Some(&b'\n') => return Ok(false),
            Ok(_) => {}
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end_matches(['\n', '\r']);
        if !line.is_empty() {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match name {
                "event" => value.clone_into(&mut event),
                "id" => value.clone_into(&mut id),
                "data" => data.push_str(value),
                _ => {}
            }
            continue;
        }
        let message: Value = serde_json::from_str(&data).unwrap_or(Value::Null);
        let done = take(&event, &id, &message, follow, target, out, seen)?;
        if done {
            return Ok(true);
        }
        event.clear();
        id.clear();
        data.clear();
    }
}

fn take(
    event: &str,
    id: &str,
    message: &Value,
    follow: bool,
    target: &Target,
    out: &mut dyn Write,
    seen: &mut Seen,
) -> Result<bool, Failure> {
    seen.tries = 0;
    match event {
        "ticket_event" => {
            id.clone_into(&mut seen.last);
            print(target, out, message, |out| show::event(out, message))?;
            Ok(false)
        }
        "ticket" => {
            let status = show::line(&message["status"]);
            if status != seen.status {
                print(target, out, message, |out| {
                    writeln!(
                        out,
                        "{}: {status} — {}",
                        show::line(&message["identifier"]),
                        show::line(&message["next_action"]["text"])
                    )
                })?;
            }
            seen.status = status;
            seen.worked |= seen.status == "in_progress";
            // One that waits for a slot is about to work.
            Ok(!follow && seen.status != "in_progress" && (seen.worked || seen.status != "todo"))
        }
        _ => Ok(false),
    }
}

fn print(
    target: &Target,
    out: &mut dyn Write,
    message: &Value,
    words: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> Result<(), Failure> {
    if target.json {
        let text = message.to_string();
        writeln!(out, "{}", if target.terminal { show::clean(&text) } else { text })?;
    } else {
        words(out)?;
    }
    out.flush()?;
    Ok(())
}

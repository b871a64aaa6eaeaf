//! `mission-control hook`: what an agent tells of itself, kept as one line of its session's `hooks.jsonl`. Works whether a
//! server runs or not, and never holds the agent up.

use crate::base::clock::{Clock, SystemClock};
use nix::fcntl::{Flock, FlockArg};
use serde_json::{Value, json};
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::ExitCode;

/// Bytes of a payload that are kept as they are.
const PAYLOAD_MAX: usize = 1 << 20;
/// Of a longer payload, bytes that are kept of each text's beginning and of its end.
const TEXT_KEPT: usize = 2_000;
/// Nothing an agent says is read beyond this.
const READ_AT_MOST: u64 = 64 << 20;

/// Reads a payload and keeps it. Always ends well: an agent must not stumble over us.
#[must_use]
pub fn main() -> ExitCode {
    let env = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    if let (Some(dir), Some(token)) = (env("MC_SESSION_DIR"), env("MC_HOOK_TOKEN")) {
        let mut raw = Vec::new();
        // What has been read is what there is.
        let _read = std::io::stdin().take(READ_AT_MOST).read_to_end(&mut raw);
        if let Some(line) = line(&raw, &token, SystemClock::new().now().0) {
            // A full disk must not stop the agent; the transcript tells the same.
            let _kept = append(Path::new(&dir), &line);
        }
    }
    ExitCode::SUCCESS
}

/// The line for a payload; none for what is no JSON object.
#[must_use]
pub fn line(raw: &[u8], token: &str, at: i64) -> Option<Vec<u8>> {
    let mut payload: Value = serde_json::from_slice(raw).ok()?;
    let object = payload.as_object_mut()?;
    // Nobody reads it, and it may be large or secret.
    let spared = object.remove("tool_response").map_or(0, |v| v.to_string().len());
    if raw.len().saturating_sub(spared) > PAYLOAD_MAX {
        object.values_mut().for_each(shorten);
        object.insert("mc_cut".to_owned(), Value::Bool(true));
    }
    let mut line = json!({"token": token, "at": at, "payload": payload}).to_string().into_bytes();
    line.push(b'\n');
    Some(line)
}

/// Cuts long texts in the middle: a marker stands at the end of one.
fn shorten(value: &mut Value) {
    match value {
        Value::String(text) if text.len() > 2 * TEXT_KEPT => {
            let (mut head, mut tail) = (TEXT_KEPT, text.len() - TEXT_KEPT);
            while !text.is_char_boundary(head) {
                head -= 1;
            }
            while !text.is_char_boundary(tail) {
                tail += 1;
            }
            *text = format!("{}…{}", &text[..head], &text[tail..]);
        }
        Value::Array(list) => {
            list.truncate(200);
            list.iter_mut().for_each(shorten);
        }
        Value::Object(object) => object.values_mut().for_each(shorten),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn append(dir: &Path, line: &[u8]) -> std::io::Result<()> {
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(dir.join("hooks.jsonl"))?;
    let mut file = Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, e)| e)?;
    file.write_all(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_becomes_one_line_whatever_is_in_it() {
        let raw = json!({"hook_event_name": "Stop", "last_assistant_message": "a\nb\u{1b}[31m"}).to_string();
        let line = line(raw.as_bytes(), "t", 7).expect("an object");
        assert_eq!(line.iter().filter(|b| **b == b'\n').count(), 1);
        let back: Value = serde_json::from_slice(&line).expect("JSON");
        assert_eq!((&back["token"], &back["at"]), (&json!("t"), &json!(7)));
        assert_eq!(back["payload"]["last_assistant_message"], "a\nb\u{1b}[31m");
        for bad in ["", "[1]", "{\"a\":", "\"x\""] {
            assert!(super::line(bad.as_bytes(), "t", 7).is_none(), "{bad}");
        }
    }

    #[test]
    fn an_endless_payload_keeps_the_marker_at_its_end() {
        let prompt = format!("{}\n\n[MC_TURN:7:abc]", "é".repeat(PAYLOAD_MAX));
        let raw = json!({"prompt": prompt, "prompt_id": "p"}).to_string();
        let line = line(raw.as_bytes(), "t", 7).expect("an object");
        assert!(line.len() < 3 * TEXT_KEPT, "{}", line.len());
        let back: Value = serde_json::from_slice(&line).expect("JSON");
        assert!(back["payload"]["prompt"].as_str().expect("text").ends_with("[MC_TURN:7:abc]"));
        assert_eq!((&back["payload"]["prompt_id"], &back["payload"]["mc_cut"]), (&json!("p"), &json!(true)));
    }
}

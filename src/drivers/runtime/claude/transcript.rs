//! Claude Code's own transcript of a conversation, read line by line into what was asked and what came of it. Pure.

use crate::drivers::runtime::json_line;
use crate::drivers::runtime::json_line::{Object, count, string};
use crate::drivers::runtime::live::transcript::Transcript;
use serde_json::Value;

/// What Claude Code writes where somebody pressed Escape.
const INTERRUPTED: &str = "[Request interrupted by user";

/// What adds up to the tokens in its context.
const CONTEXT: [&str; 4] = ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens"];

/// Reads one line. What is not understood is passed over: the format is Claude Code's own affair.
pub fn read_line(line: &[u8], into: &mut Transcript) {
    let Ok(Value::Object(object)) = json_line::parse(&String::from_utf8_lossy(line)) else { return };
    let yes = |key: &str| object.get(key).and_then(Value::as_bool) == Some(true);
    // A sub-agent's words are not the agent's; a summary quotes prompts that were answered long ago.
    if yes("isSidechain") || yes("isCompactSummary") || yes("isMeta") {
        return;
    }
    let Some(Value::Object(message)) = object.get("message") else { return };
    match string(&object, "type") {
        Some("user") => user(&object, message, into),
        Some("assistant") => assistant(&object, message, yes("isApiErrorMessage"), into),
        _ => {}
    }
}

fn user(object: &Object, message: &Object, into: &mut Transcript) {
    let text = texts(message);
    if text.is_empty() {
        return;
    }
    if text.starts_with(INTERRUPTED) {
        if let Some(current) = into.current() {
            current.interrupted = true;
        }
        return;
    }
    into.prompt(&text, string(object, "promptId"));
}

fn assistant(object: &Object, message: &Object, is_error: bool, into: &mut Transcript) {
    let text = texts(message);
    if is_error {
        if let Some(current) = into.current() {
            let kind = string(object, "error").unwrap_or_default().to_owned();
            current.error = Some((kind, text));
        }
        return;
    }
    if let Some(Value::Object(usage)) = message.get("usage")
        && string(message, "model") != Some("<synthetic>")
    {
        let sum: i64 = CONTEXT.iter().map(|k| count(usage.get(*k))).sum();
        into.tokens = Some(sum).filter(|s| *s > 0).or(into.tokens);
    }
    let Some(current) = into.current() else { return };
    // Each block of a message is a line of its own; all carry the message's stop reason.
    let ended = !matches!(string(message, "stop_reason"), None | Some("tool_use" | "pause_turn"));
    current.say(string(message, "id").unwrap_or_default(), &text, ended);
}

/// A message's own texts; results of tools are none.
fn texts(message: &Object) -> String {
    match message.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(blocks)) => {
            let texts = blocks.iter().filter_map(Value::as_object).filter(|b| string(b, "type") == Some("text"));
            texts.filter_map(|b| string(b, "text")).collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

#[cfg(test)]
#[path = "transcript_tests.rs"]
mod tests;

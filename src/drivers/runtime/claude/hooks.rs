//! What Claude Code tells by its hooks: one payload, in our words. Pure.

use crate::drivers::runtime::live::hook_log::{HookEvent, HookNews};
use crate::drivers::runtime::live::transcript::markers;
use crate::drivers::runtime::tool_words;
use serde_json::Value;

/// Reads a payload.
#[must_use]
pub fn read(payload: &Value) -> HookNews {
    let text = |key: &str| payload.get(key).and_then(Value::as_str);
    let owned = |key: &str| text(key).map(str::to_owned);
    // What a sub-agent does is part of the tool that started it.
    let inner = text("agent_id").is_some();
    let event = match text("hook_event_name") {
        Some("UserPromptSubmit") => Some(HookEvent::Submitted(markers(text("prompt").unwrap_or_default()))),
        Some("PreToolUse") if !inner => Some(HookEvent::Uses(in_words(payload))),
        Some("PostToolUse") if !inner => Some(HookEvent::Used),
        Some("Stop") => Some(HookEvent::Stopped(owned("last_assistant_message"))),
        Some("StopFailure") => {
            Some(HookEvent::Failed(owned("error").unwrap_or_default(), owned("last_assistant_message").unwrap_or_default()))
        }
        _ => None,
    };
    HookNews { transcript: owned("transcript_path"), session: owned("session_id"), prompt_id: owned("prompt_id"), event }
}

/// `reading src/app.rs`
fn in_words(payload: &Value) -> String {
    let text = |key: &str| payload.get(key).and_then(Value::as_str);
    let tool = text("tool_name").unwrap_or("a tool");
    let input = payload.get("tool_input").unwrap_or(&Value::Null);
    let about = tool_words::context(tool, input, text("cwd"));
    let doing = match tool {
        "Read" | "NotebookRead" => "reading",
        "Edit" | "MultiEdit" | "NotebookEdit" => "editing",
        "Write" => "writing",
        "Bash" => "running",
        "Grep" | "Glob" => "looking for",
        "WebFetch" => "fetching",
        "WebSearch" => "searching the web for",
        "Task" | "Agent" => "has a helper at work:",
        "AskUserQuestion" => return "asks a question in the console".to_owned(),
        other => {
            let name = tool_words::one_line(other, 60);
            return about.map_or_else(|| format!("using {name}"), |a| format!("using {name}: {a}"));
        }
    };
    about.map_or_else(|| format!("using {tool}"), |a| format!("{doing} {a}"))
}

#[cfg(test)]
#[path = "hooks_tests.rs"]
mod tests;

//! What the terminal sees. Everything that came from the server goes through here: text of agents and strangers can
//! hold commands for a terminal.

use crate::cli::client::exit::Failure;
use crate::cli::client::target::Target;
use crate::domain::text::{cut_chars, strip_control};
use serde_json::Value;
use std::io::Write;

/// Text without terminal control, its lines kept.
pub fn clean(text: &str) -> String {
    strip_control(text)
}

/// A field as one clean line.
pub fn line(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| if value.is_null() { String::new() } else { value.to_string() }, clean);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The answer as JSON where that was asked for, else as `words` says.
pub fn json_or(
    target: &Target,
    out: &mut dyn Write,
    answer: &Value,
    words: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> Result<(), Failure> {
    if target.json {
        // JSON escapes C0; C1 and the rest are made harmless, and the JSON stays JSON.
        let text = serde_json::to_string_pretty(answer).map_err(|e| Failure::plain(e.to_string()))?;
        writeln!(out, "{}", if target.terminal { clean(&text) } else { text })?;
    } else {
        words(out)?;
    }
    out.flush()?;
    Ok(())
}

/// A ticket in one line.
pub fn ticket_line(out: &mut dyn Write, t: &Value) -> std::io::Result<()> {
    let priority = match line(&t["priority"]).as_str() {
        "normal" => String::new(),
        other => format!(" !{other}"),
    };
    let (id, status, role) = (line(&t["identifier"]), line(&t["status"]), line(&t["role"]));
    writeln!(out, "{id:<8} {status:<12} {role:<7} {}{priority} — {}", line(&t["title"]), line(&t["next_action"]["text"]))
}

/// A ticket with all that is worth seeing.
pub fn ticket(out: &mut dyn Write, t: &Value) -> std::io::Result<()> {
    writeln!(out, "{} {}", line(&t["identifier"]), line(&t["title"]))?;
    writeln!(out, "{} · {} · {} priority", line(&t["status"]), line(&t["role"]), line(&t["priority"]))?;
    writeln!(out, "Next: {}", line(&t["next_action"]["text"]))?;
    for (name, label) in [("project", "Project"), ("profile", "Profile"), ("parent", "Part of"), ("session_id", "Session")] {
        let value = line(&t[name]);
        if !value.is_empty() {
            writeln!(out, "{label}: {value}")?;
        }
    }
    if let Some(list) = t["blocked_by"].as_array().filter(|l| !l.is_empty()) {
        writeln!(out, "After: {}", list.iter().map(line).collect::<Vec<_>>().join(", "))?;
    }
    let run = &t["run"];
    if !run.is_null() {
        let (state, attempt) = (line(&run["state"]), line(&run["attempt"]));
        writeln!(out, "Run {}: attempt {attempt}, {state}, {}", line(&run["id"]), line(&run["profile"]))?;
        if let Some(text) = run["failure"]["text"].as_str() {
            writeln!(out, "  {}", clean(text))?;
        }
    }
    let description = clean(t["description"].as_str().unwrap_or_default());
    if !description.trim().is_empty() {
        writeln!(out, "\n{}", description.trim_end())?;
    }
    Ok(())
}

/// A comment with its author and time.
pub fn comment(out: &mut dyn Write, c: &Value) -> std::io::Result<()> {
    writeln!(out, "\n{} · {} · {}", line(&c["author"]), line(&c["kind"]), line(&c["created_at"]))?;
    writeln!(out, "{}", clean(c["body"].as_str().unwrap_or_default()).trim_end())
}

/// An event in one line.
pub fn event(out: &mut dyn Write, e: &Value) -> std::io::Result<()> {
    let at = line(&e["created_at"]);
    let at = at.get(11..19).unwrap_or(&at);
    let words = match (line(&e["context"]), line(&e["content"])) {
        (context, content) if context.is_empty() => content,
        (context, _) => context,
    };
    let (words, cut) = cut_chars(&words, 200);
    let sign = if e["is_error"] == Value::Bool(true) { "!" } else { " " };
    writeln!(out, "{at} {sign}{:<11} {} {words}{}", line(&e["kind"]), line(&e["tool"]), if cut { "…" } else { "" })
}

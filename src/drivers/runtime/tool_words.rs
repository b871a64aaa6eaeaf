//! What a tool call was about: one line for people, and its key arguments as a small JSON object.

use crate::domain::run::event::{CONTENT_CUT, NewEvent};
use crate::domain::text::{cut_bytes, cut_chars, redact, strip_control};
use serde_json::{Map, Value};

/// Characters of the context line.
const CONTEXT_CHARS: usize = 200;

/// Characters of what is being done.
const ACTIVITY_CHARS: usize = 120;

/// Characters of one argument that are kept.
const ARGUMENT_CHARS: usize = 2_000;

/// Text safe to show: terminal control removed, secrets hidden.
#[must_use]
pub fn clean(text: &str) -> String {
    redact(&strip_control(text))
}

/// One clean line of at most so many characters.
#[must_use]
pub fn one_line(text: &str, max: usize) -> String {
    let (head, _) = cut_bytes(text, max * 16);
    let words = clean(head).split_whitespace().collect::<Vec<_>>().join(" ");
    let (cut, more) = cut_chars(&words, max);
    if more { format!("{cut}…") } else { words }
}

/// One line that says what the call is about; paths are shown relative to `cwd`.
#[must_use]
pub fn context(tool: &str, input: &Value, cwd: Option<&str>) -> Option<String> {
    let text = |key: &str| input.get(key).and_then(Value::as_str);
    let path = |key: &str| text(key).map(|p| relative(p, cwd).to_owned());
    let line = match tool {
        "Bash" => text("command").map(command_line),
        "Edit" => path("file_path").map(|p| {
            let (added, removed) = edit_lines(input);
            format!("{p} +{added} −{removed}")
        }),
        "MultiEdit" => path("file_path").map(|p| {
            let edits = input.get("edits").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let (added, removed) = edits.iter().map(edit_lines).fold((0, 0), |sum, e| (sum.0 + e.0, sum.1 + e.1));
            format!("{p} +{added} −{removed}")
        }),
        "Write" => path("file_path").map(|p| format!("{p} +{} −0", text("content").map_or(0, |c| c.lines().count()))),
        "Read" => path("file_path"),
        "NotebookEdit" => path("notebook_path"),
        "Grep" => text("pattern").map(|p| match path("path") {
            Some(place) => format!("{p} in {place}"),
            None => p.to_owned(),
        }),
        "Glob" => text("pattern").map(str::to_owned),
        "Task" | "Agent" => text("description").map(str::to_owned),
        "WebFetch" => text("url").map(str::to_owned),
        "WebSearch" => text("query").map(str::to_owned),
        "TodoWrite" => input.get("todos").and_then(Value::as_array).map(|t| match t.len() {
            1 => "1 item".to_owned(),
            n => format!("{n} items"),
        }),
        _ => None,
    };
    let line = line.or_else(|| input.as_object()?.values().find_map(Value::as_str).map(str::to_owned))?;
    let line = one_line(&line, CONTEXT_CHARS);
    (!line.is_empty()).then_some(line)
}

fn command_line(command: &str) -> String {
    let mut lines = command.lines().map(str::trim).filter(|l| !l.is_empty());
    let first = lines.next().unwrap_or_default();
    if lines.next().is_some() { format!("{first} …") } else { first.to_owned() }
}

fn relative<'a>(path: &'a str, cwd: Option<&str>) -> &'a str {
    cwd.map(|c| c.trim_end_matches('/'))
        .filter(|c| !c.is_empty())
        .and_then(|c| path.strip_prefix(c)?.strip_prefix('/'))
        .unwrap_or(path)
}

/// Lines added and removed by one replacement: what is the same at its start and end does not count.
fn edit_lines(edit: &Value) -> (usize, usize) {
    let lines = |key: &str| edit.get(key).and_then(Value::as_str).unwrap_or_default().lines().collect::<Vec<_>>();
    let (old, new) = (lines("old_string"), lines("new_string"));
    let start = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let end = old[start..].iter().rev().zip(new[start..].iter().rev()).take_while(|(a, b)| a == b).count();
    (new.len() - start - end, old.len() - start - end)
}

/// The arguments as a compact JSON object, long texts cut, secrets hidden; and whether anything was cut.
#[must_use]
pub fn arguments(input: &Value) -> (String, bool) {
    let object = match input {
        Value::Object(_) => input.clone(),
        Value::Null => Value::Object(Map::new()),
        other => Value::Object(Map::from_iter([("value".to_owned(), other.clone())])),
    };
    for (chars, items) in [(ARGUMENT_CHARS, usize::MAX), (200, 50), (40, 8)] {
        let mut cut = chars != ARGUMENT_CHARS;
        let text = shrink(&object, chars, items, &mut cut).to_string();
        if text.len() <= CONTENT_CUT {
            return (text, cut);
        }
    }
    ("{}".to_owned(), true)
}

fn shrink(value: &Value, chars: usize, items: usize, cut: &mut bool) -> Value {
    match value {
        Value::String(text) => {
            // A secret at the border of the cut must not survive in part: hidden first, cut after.
            let (head, long) = cut_bytes(text, chars * 8);
            let head = clean(head);
            let (short, more) = cut_chars(&head, chars);
            *cut |= long || more;
            Value::String(if long || more { format!("{short}…") } else { short.to_owned() })
        }
        Value::Array(list) => {
            *cut |= list.len() > items;
            Value::Array(list.iter().take(items).map(|v| shrink(v, chars, items, cut)).collect())
        }
        Value::Object(map) => {
            *cut |= map.len() > items;
            Value::Object(map.iter().take(items).map(|(k, v)| (one_line(k, 100), shrink(v, chars, items, cut))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// A tool call as something that is being done.
#[must_use]
pub fn doing(event: &NewEvent) -> String {
    let tool = event.tool.as_deref().unwrap_or("a tool");
    let words = words_for(tool, event.context.as_deref());
    let (cut, more) = cut_chars(&words, ACTIVITY_CHARS);
    if more { format!("{cut}…") } else { words }
}

fn words_for(tool: &str, about: Option<&str>) -> String {
    let Some(about) = about else { return format!("using {tool}") };
    // `file +3 −1`: the counts are for events.
    let file = about.split(" +").next().unwrap_or(about);
    match tool {
        "Bash" => format!("running {about}"),
        "Read" => format!("reading {about}"),
        "Write" => format!("writing {file}"),
        "Edit" | "MultiEdit" | "NotebookEdit" => format!("editing {file}"),
        "Grep" => format!("searching for {about}"),
        "Glob" => format!("looking for {about}"),
        "Task" | "Agent" => format!("has somebody {about}"),
        "WebFetch" => format!("reading {about}"),
        "WebSearch" => format!("searching the web for {about}"),
        "TodoWrite" => "planning".to_owned(),
        other => format!("{other}: {about}"),
    }
}

#[cfg(test)]
#[path = "tool_words_tests.rs"]
mod tests;

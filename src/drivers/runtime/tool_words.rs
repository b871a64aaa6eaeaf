//! What a tool call was about: one line for people, and its key arguments as a small JSON object.

use crate::domain::run::event::CONTENT_CUT;
use crate::domain::text::{cut_bytes, cut_chars, redact, strip_control};
use serde_json::{Map, Value};

/// Characters of the context line.
const CONTEXT_CHARS: usize = 200;

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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_tool_says_what_it_is_about() {
        let cwd = Some("/home/op/repo");
        for (tool, input, wanted) in [
            ("Bash", json!({"command": "cargo test\ngit status", "description": "d"}), "cargo test …"),
            ("Bash", json!({"command": "\n  ls -l  \n"}), "ls -l"),
            ("Read", json!({"file_path": "/home/op/repo/src/app.rs"}), "src/app.rs"),
            ("Read", json!({"file_path": "/etc/hosts"}), "/etc/hosts"),
            (
                "Edit",
                json!({"file_path": "/home/op/repo/src/app.rs", "old_string": "a\nb\nc\nd", "new_string": "a\nX\nd"}),
                "src/app.rs +1 −2",
            ),
            ("Edit", json!({"file_path": "x.rs", "old_string": "", "new_string": "1\n2\n"}), "x.rs +2 −0"),
            (
                "MultiEdit",
                json!({"file_path": "x.rs", "edits": [{"old_string": "a", "new_string": "b"}, {"old_string": "c\nd", "new_string": "c"}]}),
                "x.rs +1 −2",
            ),
            ("Write", json!({"file_path": "out.txt", "content": "a\nb\n"}), "out.txt +2 −0"),
            ("Grep", json!({"pattern": "fn main", "path": "/home/op/repo/src"}), "fn main in src"),
            ("Glob", json!({"pattern": "**/*.rs"}), "**/*.rs"),
            ("Task", json!({"description": "look at tests", "prompt": "long"}), "look at tests"),
            ("WebFetch", json!({"url": "https://example.org", "prompt": "x"}), "https://example.org"),
            ("TodoWrite", json!({"todos": [1, 2, 3]}), "3 items"),
            ("mcp__db__query", json!({"limit": 3, "sql": "select 1"}), "select 1"),
        ] {
            assert_eq!(context(tool, &input, cwd).as_deref(), Some(wanted), "{tool}");
        }
    }

    #[test]
    fn strange_arguments_give_no_context_and_no_panic() {
        for input in
            [json!(null), json!([1]), json!({}), json!({"command": 3}), json!({"file_path": {"a": 1}}), json!("\u{1b}[31m")]
        {
            for tool in ["Bash", "Edit", "MultiEdit", "Write", "Grep", "TodoWrite", ""] {
                assert_eq!(context(tool, &input, None), None, "{tool} {input}");
            }
        }
        assert_eq!(relative("/a/bc/d", Some("/a/b")), "/a/bc/d");
    }

    #[test]
    fn arguments_are_a_bounded_object_without_secrets() {
        let (text, cut) = arguments(&json!({"command": "curl -H sk-ant-REDACTED", "n": 1}));
        assert_eq!(text, r#"{"command":"curl -H sk-…hidden","n":1}"#);
        assert!(!cut);
        let (text, cut) = arguments(&json!({"content": "x".repeat(5_000)}));
        assert!(cut && text.len() < 2_100, "{}", text.len());
        let many: Vec<String> = (0..3_000).map(|n| format!("{n}{}", "y".repeat(300))).collect();
        let (text, cut) = arguments(&json!({ "list": many }));
        assert!(cut && text.len() <= CONTENT_CUT);
        assert!(serde_json::from_str::<Value>(&text).expect("stays JSON").is_object());
        assert_eq!(arguments(&json!([1, 2])).0, r#"{"value":[1,2]}"#);
        assert_eq!(arguments(&json!(null)).0, "{}");
    }
}

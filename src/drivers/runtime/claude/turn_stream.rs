//! What the stream of one turn says: what the agent does now, and its reply, byte for byte. Pure.

use crate::domain::profile::RuntimeKind;
use crate::domain::run::event::{EventKind, NewEvent};
use crate::domain::run::progress::Progress;
use crate::domain::text::cut_chars;
use crate::domain::time::Time;
use crate::drivers::runtime::claude::stream;
use crate::drivers::runtime::json_line::{count, json_of, number, parse, string};
use crate::drivers::runtime::read_line;
use serde_json::Value;

/// Longer lines are not parsed.
pub const LINE_MAX: usize = 16 * 1024 * 1024;

/// Characters of an activity.
const ACTIVITY_CHARS: usize = 120;

/// A reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// As the agent gave it.
    pub text: String,
    /// Tokens in its context, where that was said.
    pub context_tokens: Option<i64>,
}

/// What was read of a turn's stream so far.
#[derive(Debug, Clone)]
pub struct TurnStream {
    /// What is known of the run.
    pub progress: Progress,
    /// What the agent does, in a few words.
    pub activity: Option<String>,
    /// The last reply that came in good order.
    pub reply: Option<Reply>,
    kind: RuntimeKind,
    lines: i64,
}

impl TurnStream {
    /// Nothing read yet.
    #[must_use]
    pub fn new(kind: RuntimeKind) -> TurnStream {
        TurnStream { progress: Progress::default(), activity: None, reply: None, kind, lines: 0 }
    }

    /// Reads a whole line (without its line feed).
    pub fn line(&mut self, line: &[u8], now: Time) {
        self.lines += 1;
        let results = self.progress.results;
        if line.len() > stream::LINE_CAP && !ends_a_turn(line) {
            let head = &line[..line.len().min(4096)];
            stream::read_oversize(self.lines, head, line.len() as u64, &mut self.progress);
            return;
        }
        for event in read_line(self.kind, line, self.lines, now, &mut self.progress) {
            if event.kind == EventKind::ToolUse {
                self.activity = Some(activity(&event));
            }
        }
        if self.progress.results > results && self.progress.ended_well() {
            self.reply = self.read_reply(line).or(self.reply.take());
        }
    }

    /// A line too long to be kept.
    pub fn skipped(&mut self, first_bytes: &[u8], len: u64) {
        self.lines += 1;
        stream::read_oversize(self.lines, first_bytes, len, &mut self.progress);
    }

    /// The progress keeps a cut and cleaned copy, to be shown in lists; a reply is kept as it is.
    fn read_reply(&self, line: &[u8]) -> Option<Reply> {
        let object = parse(json_of(&String::from_utf8_lossy(line))).ok()?;
        let object = object.as_object()?;
        let usage = object.get("usage").and_then(Value::as_object).map_or(0, |usage| {
            ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens"]
                .iter()
                .map(|key| count(usage.get(*key)))
                .sum()
        });
        let context = if self.progress.context_tokens > 0 { self.progress.context_tokens } else { usage };
        Some(Reply {
            text: string(object, "result").unwrap_or_default().to_owned(),
            context_tokens: (context > 0).then_some(context),
        })
    }
}

/// Only results are worth parsing at any length: the reply stands in them.
fn ends_a_turn(line: &[u8]) -> bool {
    let Ok(value) = parse(json_of(&String::from_utf8_lossy(line))) else { return false };
    value.get("type").and_then(Value::as_str) == Some("result") && number(value.get("num_turns")).is_some()
}

/// A tool call as something that is being done.
fn activity(event: &NewEvent) -> String {
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
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: Time = Time(1_795_262_400_000);

    fn read(lines: &[Value]) -> TurnStream {
        let mut stream = TurnStream::new(RuntimeKind::Claude);
        lines.iter().for_each(|line| stream.line(line.to_string().as_bytes(), NOW));
        stream
    }

    fn result(text: &str, is_error: bool) -> Value {
        json!({"num_turns": 1, "is_error": is_error, "result": text, "type": "result", "usage": {"input_tokens": 7, "output_tokens": 2}})
    }

    #[test]
    fn the_last_reply_in_good_order_counts_byte_for_byte() {
        let nasty = "a\u{1b}[31m\r\n\tb \u{202e}c\n\n  ";
        assert_eq!(read(&[result("first", false), result(nasty, false)]).reply.expect("a reply").text, nasty);
        let kept = read(&[result("good", false), result("API Error", true)]);
        assert_eq!(kept.reply.expect("kept"), Reply { text: "good".to_owned(), context_tokens: Some(9) });
        assert_eq!(read(&[result("API Error", true)]).reply, None);
    }

    #[test]
    fn a_reply_behind_a_byte_order_mark_is_none_the_less_a_reply() {
        let mut stream = TurnStream::new(RuntimeKind::Claude);
        stream.line(format!("\u{feff}{}\r", result("good", false)).as_bytes(), NOW);
        assert_eq!(stream.reply.map(|r| r.text).as_deref(), Some("good"));
    }

    #[test]
    fn a_reply_longer_than_a_line_may_be_comes_whole() {
        let long = "0123456789\n".repeat(200_000);
        assert_eq!(read(&[result(&long, false)]).reply.expect("a reply").text, long);
    }

    #[test]
    fn what_it_does_is_told_in_words() {
        let call = |name: &str, input: Value| {
            json!({"type": "assistant", "message": {"id": "m", "usage": {"input_tokens": 100, "cache_read_input_tokens": 11},
                "content": [{"type": "tool_use", "id": "t", "name": name, "input": input}]}})
        };
        let init = json!({"type": "system", "subtype": "init", "cwd": "/srv", "session_id": "s"});
        for (name, input, words) in [
            ("Read", json!({"file_path": "/srv/src/app.rs"}), "reading src/app.rs"),
            ("Edit", json!({"file_path": "/srv/a.rs", "old_string": "x", "new_string": "y"}), "editing a.rs"),
            ("Bash", json!({"command": "ls"}), "running ls"),
            ("Odd", json!({}), "using Odd"),
        ] {
            let stream = read(&[init.clone(), call(name, input)]);
            assert_eq!(stream.activity.as_deref(), Some(words));
            assert_eq!(stream.progress.context_tokens, 111);
        }
    }
}

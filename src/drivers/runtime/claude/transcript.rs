//! Claude Code's own transcript of a conversation, read line by line into what was asked and what came of it. Pure.

use crate::drivers::runtime::json_line;
use crate::drivers::runtime::json_line::{Object, count, string};
use serde_json::Value;
use std::collections::VecDeque;

/// Exchanges that are remembered.
const KEPT: usize = 30;
/// Bytes of a text in which a marker may stand, from its end: nobody makes us look through megabytes.
const MARKER_REACH: usize = 1 << 20;

/// What Claude Code writes where somebody pressed Escape.
const INTERRUPTED: &str = "[Request interrupted by user";

/// One prompt and what came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exchange {
    /// The markers in the prompt.
    pub markers: Vec<String>,
    /// Claude Code's own id of the prompt.
    pub prompt_id: Option<String>,
    /// What was said, message by message.
    said: Vec<(String, String)>,
    /// The last message was a whole answer.
    pub ended: bool,
    /// Somebody pressed Escape.
    pub interrupted: bool,
    /// The service refused: the kind and the words.
    pub error: Option<(String, String)>,
}

impl Exchange {
    /// The answer, once it is whole.
    #[must_use]
    pub fn answer(&self) -> Option<&str> {
        self.said.last().filter(|_| self.ended).map(|(_, text)| text.as_str())
    }

    /// All that was said so far.
    #[must_use]
    pub fn partial(&self) -> Option<String> {
        let all = self.said.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("\n\n");
        (!all.trim().is_empty()).then_some(all)
    }
}

/// A conversation as read so far.
#[derive(Debug, Clone, Default)]
pub struct Transcript {
    exchanges: VecDeque<Exchange>,
    /// Tokens in the agent's context at its last message.
    pub tokens: Option<i64>,
}

impl Transcript {
    /// The exchange whose prompt carries this marker.
    #[must_use]
    pub fn exchange(&self, marker: &str) -> Option<&Exchange> {
        self.exchanges.iter().find(|e| e.markers.iter().any(|m| m == marker))
    }

    /// Reads one line. What is not understood is passed over: the format is Claude Code's own affair.
    pub fn read_line(&mut self, line: &[u8]) {
        let Ok(Value::Object(object)) = json_line::parse(&String::from_utf8_lossy(line)) else { return };
        let yes = |key: &str| object.get(key).and_then(Value::as_bool) == Some(true);
        // A sub-agent's words are not the agent's; a summary quotes prompts that were answered long ago.
        if yes("isSidechain") || yes("isCompactSummary") || yes("isMeta") {
            return;
        }
        let Some(Value::Object(message)) = object.get("message") else { return };
        match string(&object, "type") {
            Some("user") => self.user(&object, message),
            Some("assistant") => self.assistant(&object, message, yes("isApiErrorMessage")),
            _ => {}
        }
    }

    fn user(&mut self, object: &Object, message: &Object) {
        let text = texts(message);
        if text.is_empty() {
            return;
        }
        if text.starts_with(INTERRUPTED) {
            if let Some(current) = self.exchanges.back_mut() {
                current.interrupted = true;
            }
            return;
        }
        let id = string(object, "promptId").map(str::to_owned);
        self.exchanges.push_back(Exchange { markers: markers(&text), prompt_id: id, ..Exchange::default() });
        while self.exchanges.len() > KEPT {
            self.exchanges.pop_front();
        }
    }

    fn assistant(&mut self, object: &Object, message: &Object, is_error: bool) {
        let text = texts(message);
        if is_error {
            if let Some(current) = self.exchanges.back_mut() {
                let kind = string(object, "error").unwrap_or_default().to_owned();
                current.error = Some((kind, text));
            }
            return;
        }
        if let Some(Value::Object(usage)) = message.get("usage")
            && string(message, "model") != Some("<synthetic>")
        {
            let keys = ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens"];
            let sum: i64 = keys.iter().map(|k| count(usage.get(*k))).sum();
            self.tokens = Some(sum).filter(|s| *s > 0).or(self.tokens);
        }
        let Some(current) = self.exchanges.back_mut() else { return };
        // Each block of a message is a line of its own; all carry the message's stop reason.
        current.ended = !matches!(string(message, "stop_reason"), None | Some("tool_use" | "pause_turn"));
        if !text.is_empty() {
            let id = string(message, "id").unwrap_or_default();
            match current.said.last_mut().filter(|(last, _)| last == id && !id.is_empty()) {
                Some((_, said)) => {
                    said.push('\n');
                    said.push_str(&text);
                }
                None => current.said.push((id.to_owned(), text)),
            }
        }
    }
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

/// The markers of turns in a text. Whose they are is for others to say.
#[must_use]
pub fn markers(text: &str) -> Vec<String> {
    let mut from = text.len().saturating_sub(MARKER_REACH);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let text = &text[from..];
    let found = text.match_indices("[MC_TURN:").filter_map(|(at, _)| {
        let inside = &text[at..];
        let end = inside.bytes().take(80).position(|b| b == b']')?;
        Some(inside[..=end].to_owned())
    });
    let mut all: Vec<String> = found.collect();
    // Ours stands at the end.
    all.split_off(all.len().saturating_sub(32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(lines: &[Value]) -> Transcript {
        let mut all = Transcript::default();
        for line in lines {
            all.read_line(line.to_string().as_bytes());
        }
        all.read_line(b"{\"type\":\"user\",\"mess");
        all
    }

    fn user(text: &str, id: &str) -> Value {
        json!({"type": "user", "isSidechain": false, "promptId": id, "message": {"role": "user", "content": text}})
    }

    fn says(id: &str, block: Value, stop: &str) -> Value {
        json!({"type": "assistant", "isSidechain": false, "message": {"id": id, "model": "claude-x", "content": [block],
            "stop_reason": stop, "usage": {"input_tokens": 100, "cache_read_input_tokens": 20, "cache_creation_input_tokens": 3, "output_tokens": 4}}})
    }

    fn text(text: &str) -> Value {
        json!({"type": "text", "text": text})
    }

    const MARK: &str = "[MC_TURN:7:cafe]";

    #[test]
    fn a_prompt_wrapped_as_a_paste_is_found_by_its_marker_and_its_answer_is_whole() {
        let all = read(&[
            json!({"type": "mode", "mode": "normal"}),
            user(
                &format!("\n\n<pasted_content id=\"6a\">\nLook at [MC_TURN:6:beef]\n\n{MARK}\n</pasted_content id=\"6a\">\n"),
                "p1",
            ),
            says("m1", text("Let me look"), "tool_use"),
            says("m1", json!({"type": "tool_use", "id": "t", "name": "Bash", "input": {}}), "tool_use"),
            json!({"type": "user", "message": {"content": [{"type": "tool_result", "content": "[MC_TURN:9:no]"}]}}),
            says("m2", json!({"type": "thinking", "thinking": "hm"}), "end_turn"),
            says("m2", text("It is **done**.\n- a"), "end_turn"),
        ]);
        let found = all.exchange(MARK).expect("it is there");
        assert_eq!((found.prompt_id.as_deref(), found.answer()), (Some("p1"), Some("It is **done**.\n- a")));
        assert_eq!(found.partial().as_deref(), Some("Let me look\n\nIt is **done**.\n- a"));
        assert_eq!(all.tokens, Some(127));
        assert_eq!(all.exchange("[MC_TURN:9:no]"), None, "the result of a tool is no prompt");
    }

    #[test]
    fn sub_agents_summaries_and_notes_are_passed_over() {
        let mut side = says("s", text("DONE: from a sub-agent"), "end_turn");
        side["isSidechain"] = json!(true);
        side["message"]["usage"]["input_tokens"] = json!(900_000);
        let mut summary = user(MARK, "p0");
        summary["isCompactSummary"] = json!(true);
        let all = read(&[summary, user(MARK, "p1"), side]);
        let found = all.exchange(MARK).expect("the prompt");
        assert_eq!((found.prompt_id.as_deref(), found.answer(), all.tokens), (Some("p1"), None, None));
    }

    #[test]
    fn escape_leaves_what_was_said_and_an_error_its_words() {
        let stop = json!({"type": "user", "message": {"content": [{"type": "text", "text": "[Request interrupted by user]"}]}});
        let error = json!({"type": "assistant", "isApiErrorMessage": true, "error": "billing_error",
            "message": {"id": "e", "model": "<synthetic>", "stop_reason": "stop_sequence", "content": [text("Credit balance is too low")], "usage": {"input_tokens": 0}}});
        let all = read(&[user(MARK, "p1"), says("m", text("half"), "tool_use"), stop, user("[MC_TURN:8:d]", "p2"), error]);
        let first = all.exchange(MARK).expect("there");
        assert!(first.interrupted && first.answer().is_none());
        assert_eq!(first.partial().as_deref(), Some("half"));
        let second = all.exchange("[MC_TURN:8:d]").expect("there");
        assert_eq!(second.error, Some(("billing_error".to_owned(), "Credit balance is too low".to_owned())));
        assert_eq!(second.answer(), None);
    }

    #[test]
    fn a_text_full_of_markers_ends_with_ours() {
        let many = "[MC_TURN:1:x]".repeat(500) + "[MC_TURN:unclosed " + &"y".repeat(100) + MARK;
        let found = markers(&many);
        assert_eq!((found.len(), found.last().map(String::as_str)), (32, Some(MARK)));
    }
}

//! The messages in Claude Code's stream: what the agent says, the tools it calls, and what they answer.

use crate::domain::run::Tokens;
use crate::domain::run::event::{EventKind, RESULT_CUT};
use crate::domain::run::progress::ApiError;
use crate::domain::run::verdict::prefix;
use crate::domain::text::{cut_chars, strip_control};
use crate::drivers::runtime::claude::stream::{Reader, is_auth, kept};
use crate::drivers::runtime::json_line::{Object, count, flat, number, string};
use crate::drivers::runtime::tool_words::{arguments, context, one_line};
use serde_json::Value;

/// Blocks of one message that become events of their own.
pub(crate) const BLOCKS: usize = 500;

impl Reader<'_> {
    pub(super) fn assistant(&mut self, object: &Object) {
        if self.progress.session_id.is_none() {
            self.progress.session_id = string(object, "session_id").map(|s| one_line(s, 200)).filter(|s| !s.is_empty());
        }
        let empty = Object::new();
        let message = object.get("message").and_then(Value::as_object).unwrap_or(&empty);
        let error = string(object, "error").map(|e| one_line(e, 100));
        let synthetic = string(message, "model") == Some("<synthetic>");
        if !synthetic && error.is_none() {
            self.usage(message);
            if self.sub_agent.is_none() {
                self.progress.note_service_well();
            }
        }
        match message.get("content") {
            Some(Value::Array(blocks)) => {
                for block in blocks.iter().take(BLOCKS) {
                    self.block(block, error.as_deref(), object);
                }
                if blocks.len() > BLOCKS {
                    self.event(EventKind::System, "cut", "").context =
                        Some(format!("{} more blocks on this line", blocks.len() - BLOCKS));
                }
            }
            Some(Value::String(text)) => self.said(text, error.as_deref(), object),
            Some(other) => self.block(other, error.as_deref(), object),
            None => {}
        }
    }

    pub(super) fn usage(&mut self, message: &Object) {
        let Some(usage) = message.get("usage").and_then(Value::as_object) else { return };
        let tokens = Tokens {
            input: count(usage.get("input_tokens")),
            output: count(usage.get("output_tokens")),
            cache_read: count(usage.get("cache_read_input_tokens")),
            cache_creation: count(usage.get("cache_creation_input_tokens")),
        };
        self.progress.meter.note(string(message, "id").unwrap_or_default(), tokens);
        if self.sub_agent.is_none() {
            self.progress.context_tokens = tokens.input + tokens.cache_read + tokens.cache_creation + tokens.output;
        }
    }

    pub(super) fn block(&mut self, block: &Value, error: Option<&str>, line: &Object) {
        let Some(object) = block.as_object() else {
            if let Some(text) = block.as_str() {
                self.said(text, error, line);
            } else {
                self.noise("assistant");
            }
            return;
        };
        match string(object, "type").unwrap_or("assistant") {
            "text" => self.said(string(object, "text").unwrap_or_default(), error, line),
            "tool_use" | "server_tool_use" | "mcp_tool_use" => self.tool_use(object),
            "thinking" => {
                self.event(EventKind::System, "thinking", string(object, "thinking").unwrap_or_default());
            }
            "redacted_thinking" => self.noise("thinking"),
            kind if kind.ends_with("tool_result") => self.tool_result(object),
            kind => self.noise(kind),
        }
    }

    /// The agent says something, or its program says for it that the service failed.
    pub(super) fn said(&mut self, text: &str, error: Option<&str>, line: &Object) {
        if let Some(kind) = error {
            let status = number(line.get("api_error_status"));
            let event = self.event(EventKind::Status, "api_error", text);
            event.is_error = true;
            event.context = Some(kind.to_owned());
            let text = one_line(text, 600);
            self.note_reset(&text);
            self.progress.auth_suspect |= is_auth(kind, status);
            self.progress.api_error = Some(ApiError { kind: kind.to_owned(), status, text });
            return;
        }
        if self.sub_agent.is_none() {
            let stripped = strip_control(text);
            if let Some((verdict, _)) = prefix(&stripped) {
                self.progress.note_asked(verdict);
            }
            self.progress.note_spoken(&stripped);
            self.progress.final_text = kept(&stripped);
        }
        self.event(EventKind::Text, "text", text).tool = None;
    }

    pub(super) fn tool_use(&mut self, block: &Object) {
        let name = one_line(string(block, "name").unwrap_or("tool"), 100);
        let call = string(block, "id").unwrap_or_default();
        let input = block.get("input").unwrap_or(&Value::Null);
        let (arguments, cut) = arguments(input);
        let context = context(&name, input, self.progress.cwd.as_deref());
        self.progress.tool_uses = self.progress.tool_uses.saturating_add(1);
        if !call.is_empty() {
            self.progress.remember_tool(call, &name);
        }
        let call = Some(one_line(call, 200)).filter(|c| !c.is_empty());
        let event = self.event(EventKind::ToolUse, &name, "");
        event.context = context;
        event.input = Some(arguments);
        event.truncated = cut;
        event.call_id = call;
    }

    pub(super) fn tool_result(&mut self, block: &Object) {
        let call = string(block, "tool_use_id").unwrap_or_default();
        let name = self.progress.take_tool(call);
        if !call.is_empty() {
            self.progress.open_tasks.retain(|_, of| of != call);
        }
        let mut text = String::new();
        if let Some(content) = block.get("content") {
            flat(content, &mut text);
        }
        let failed = block.get("is_error").and_then(Value::as_bool).unwrap_or(false);
        let call = Some(one_line(call, 200)).filter(|c| !c.is_empty());
        let event = self.event(EventKind::ToolResult, "", &text);
        let (short, more) = cut_chars(&event.content, RESULT_CUT);
        if more {
            event.content = short.to_owned();
            event.truncated = true;
        }
        event.tool = name;
        event.is_error = failed;
        event.call_id = call;
    }

    pub(super) fn user(&mut self, object: &Object) {
        let content = object.get("message").and_then(|m| m.get("content"));
        let replay = object.get("isReplay").and_then(Value::as_bool).unwrap_or(false);
        // Not a person: the program speaks to the model here, or repeats the prompt.
        let kind = match (replay, self.sub_agent.is_some()) {
            (true, _) => "replay",
            (false, true) => "prompt",
            (false, false) => "notice",
        };
        match content {
            Some(Value::Array(blocks)) => {
                for block in blocks.iter().take(BLOCKS) {
                    match block.as_object() {
                        Some(b) if string(b, "type").is_some_and(|t| t.ends_with("tool_result")) => self.tool_result(b),
                        Some(_) | None => self.notice(kind, block),
                    }
                }
                if blocks.len() > BLOCKS {
                    self.event(EventKind::System, "cut", "").context =
                        Some(format!("{} more blocks on this line", blocks.len() - BLOCKS));
                }
            }
            Some(other) => self.notice(kind, other),
            None => {}
        }
    }

    pub(super) fn notice(&mut self, kind: &str, value: &Value) {
        let mut text = String::new();
        flat(value, &mut text);
        self.event(EventKind::System, kind, &text);
    }
}

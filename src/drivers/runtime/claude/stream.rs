//! Reads one line of Claude Code's stream-json into events and into what is known of the run. Pure; never fails.
//!
//! Every line gives at least one event, whatever it holds, so that events and raw log can be compared line by line.

use crate::domain::run::Tokens;
use crate::domain::run::event::{CONTENT_CUT, EventKind, NewEvent, RESULT_CUT};
use crate::domain::run::failure_patterns;
use crate::domain::run::progress::{ApiError, Progress, ResultLine, TEXT_CUT};
use crate::domain::run::verdict::prefix;
use crate::domain::text::{cut_bytes, cut_chars, strip_control};
use crate::domain::time::Time;
use crate::drivers::runtime::claude::costs;
use crate::drivers::runtime::json_line::{Object, count, flat, json_of, number, parse, small, string};
use crate::drivers::runtime::tool_words::{arguments, clean, context, one_line};
use serde_json::Value;

/// Lines longer than this are not parsed: they give one `oversize` event and stay in the raw log.
pub const LINE_CAP: usize = 1024 * 1024;

/// A reset this long ago says nothing of the refusal that is read now.
const STALE_RESET_MS: i64 = 10 * 60_000;

/// Blocks of one message that become events of their own.
const BLOCKS: usize = 500;

/// Reads a whole line (without its line feed).
pub fn read_line(line: &[u8], line_no: i64, now: Time, progress: &mut Progress) -> Vec<NewEvent> {
    let text = String::from_utf8_lossy(line);
    let text = json_of(&text);
    if text.is_empty() {
        return vec![NewEvent::plain(line_no, EventKind::System, "empty", "")];
    }
    let object = match parse(text) {
        Ok(Value::Object(object)) => object,
        Ok(_) => return vec![unreadable(text, line_no, "it is JSON but not an object", progress)],
        Err(e) => return vec![unreadable(text, line_no, &e.to_string(), progress)],
    };
    let mut reader = Reader { line: line_no, now, sub_agent: None, progress, events: Vec::new() };
    reader.sub_agent = string(&object, "parent_tool_use_id").filter(|s| !s.is_empty()).map(|s| one_line(s, 200));
    reader.read(&object);
    if reader.events.is_empty() {
        let kind = string(&object, "subtype").or_else(|| string(&object, "type")).unwrap_or("unknown");
        reader.noise(kind);
    }
    reader.events
}

/// A line past [`LINE_CAP`], of which only the first bytes were kept.
pub fn read_oversize(line_no: i64, first_bytes: &[u8], len: u64, progress: &mut Progress) -> NewEvent {
    progress.oversize = progress.oversize.saturating_add(1);
    let head = String::from_utf8_lossy(first_bytes);
    let (head, _) = cut_bytes(&head, RESULT_CUT * 8);
    let clean = clean(head);
    let mut event = NewEvent::plain(line_no, EventKind::System, "oversize", cut_chars(&clean, RESULT_CUT).0);
    event.context = Some(format!("a line of {len} bytes; it is only in the raw log"));
    event.truncated = true;
    event.is_error = true;
    event
}

/// What stood after the last line feed when the run was over: whole or half a line.
pub fn read_unfinished(line: &[u8], line_no: i64, now: Time, progress: &mut Progress) -> Vec<NewEvent> {
    let mut events = read_line(line, line_no, now, progress);
    for event in &mut events {
        if event.tool.as_deref() == Some("unreadable") {
            event.tool = Some("unfinished".to_owned());
            event.context = Some("the output broke off in the middle of this line".to_owned());
        }
    }
    events
}

fn unreadable(text: &str, line: i64, why: &str, progress: &mut Progress) -> NewEvent {
    progress.unreadable = progress.unreadable.saturating_add(1);
    let (head, long) = cut_bytes(text, RESULT_CUT * 8);
    let clean = clean(head);
    let (short, more) = cut_chars(&clean, RESULT_CUT);
    let mut event = NewEvent::plain(line, EventKind::System, "unreadable", short);
    event.context = Some(one_line(why, 200));
    event.truncated = long || more;
    event.is_error = true;
    event
}

struct Reader<'a> {
    line: i64,
    now: Time,
    sub_agent: Option<String>,
    progress: &'a mut Progress,
    events: Vec<NewEvent>,
}

impl Reader<'_> {
    fn read(&mut self, object: &Object) {
        match string(object, "type").unwrap_or_default() {
            "system" => self.system(object),
            "assistant" => self.assistant(object),
            "user" => self.user(object),
            "result" => self.result(object),
            "rate_limit_event" => self.rate_limit(object),
            "" => self.noise("unknown"),
            other => self.noise(other),
        }
    }

    fn event(&mut self, kind: EventKind, tool: &str, text: &str) -> &mut NewEvent {
        let (head, long) = cut_bytes(text, CONTENT_CUT * 2);
        let clean = clean(head);
        let (content, more) = cut_bytes(&clean, CONTENT_CUT);
        let mut event = NewEvent::plain(self.line, kind, &one_line(tool, 100), content);
        event.truncated = long || more;
        event.sub_agent.clone_from(&self.sub_agent);
        self.events.push(event);
        let last = self.events.len() - 1;
        &mut self.events[last]
    }

    fn noise(&mut self, kind: &str) {
        self.event(EventKind::System, kind, "");
    }

    fn system(&mut self, object: &Object) {
        let subtype = string(object, "subtype").unwrap_or("system");
        match subtype {
            "init" => self.init(object),
            "api_retry" => self.api_retry(object),
            "permission_denied" => {
                let tool = string(object, "tool_name").unwrap_or("a tool").to_owned();
                self.progress.permission_denials = self.progress.permission_denials.saturating_add(1);
                let event = self.event(EventKind::Status, subtype, string(object, "message").unwrap_or_default());
                event.context = Some(one_line(&format!("{tool} was not permitted"), 200));
                event.is_error = true;
            }
            "task_started" | "task_progress" | "task_updated" | "task_notification" => self.task(subtype, object),
            "background_tasks_changed" => self.background(object),
            "compact_boundary" => {
                self.event(EventKind::Status, subtype, "").context = Some("the conversation was compacted".to_owned());
            }
            "informational" | "notification" | "hook_response" => {
                let text =
                    ["message", "content", "text", "stderr"].iter().find_map(|k| string(object, k).filter(|t| !t.is_empty()));
                let name = string(object, "hook_name").map(|n| one_line(n, 200));
                self.event(EventKind::System, subtype, text.unwrap_or_default()).context = name;
            }
            other => self.noise(other),
        }
    }

    fn init(&mut self, object: &Object) {
        let short = |key: &str, max: usize| string(object, key).map(|s| one_line(s, max)).filter(|s| !s.is_empty());
        let (session, model) = (short("session_id", 200), short("model", 200));
        // Compared with the expected place later: kept exactly.
        let cwd = string(object, "cwd").map(|c| cut_bytes(c, 4_096).0.to_owned()).filter(|c| !c.is_empty());
        let p = &mut *self.progress;
        let changed = session.is_some() && p.session_id.is_some() && p.session_id != session;
        p.inits = p.inits.saturating_add(1);
        p.session_id = session.clone().or_else(|| p.session_id.take());
        p.cwd = cwd.clone().or_else(|| p.cwd.take());
        p.model = model.clone().or_else(|| p.model.take());
        p.cli_version = short("claude_code_version", 100).or_else(|| p.cli_version.take());
        let place = cwd.map(|c| format!("in {}", one_line(&c, 300)));
        let what = [model, place].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let event = self.event(EventKind::Status, "init", &session.map(|s| format!("Session {s}")).unwrap_or_default());
        event.context = Some(if changed { format!("another session than before · {what}") } else { what });
    }

    fn api_retry(&mut self, object: &Object) {
        let status = number(object.get("error_status"));
        let kind = one_line(string(object, "error").unwrap_or("unknown"), 100);
        let tries = format!("attempt {} of {}", count(object.get("attempt")), count(object.get("max_retries")));
        let text = match status {
            Some(status) => format!("{status} {kind}, {tries}"),
            None => format!("connection lost ({kind}), {tries}"),
        };
        self.progress.auth_suspect |= is_auth(&kind, status);
        self.progress.last_retry = Some(ApiError { kind, status, text: text.clone() });
        let event = self.event(EventKind::Status, "api_retry", "");
        event.context = Some(text);
        event.is_error = true;
    }

    fn task(&mut self, subtype: &str, object: &Object) {
        let (Some(task), call) = (string(object, "task_id"), string(object, "tool_use_id").unwrap_or_default()) else {
            return self.noise(subtype);
        };
        let status = string(object, "status")
            .or_else(|| object.get("patch").and_then(|p| p.get("status")).and_then(Value::as_str))
            .unwrap_or_default();
        let ended = matches!(status, "completed" | "failed" | "killed" | "stopped" | "cancelled" | "error" | "timed_out");
        let background = |o: &Value| o.get("is_backgrounded").and_then(Value::as_bool);
        let patched = object.get("patch").and_then(background);
        match subtype {
            // Only a task in the foreground ends with its tool call.
            "task_started" if object.get("is_backgrounded").and_then(Value::as_bool) == Some(false) => {
                self.progress.open_task(task, call);
            }
            "task_started" => self.progress.open_task(task, ""),
            "task_updated" if patched == Some(true) && !ended => self.progress.open_task(task, ""),
            // A notification comes once, at the end, whatever word it uses.
            "task_notification" => self.progress.close_task(task),
            _ if ended => self.progress.close_task(task),
            _ => {}
        }
        let about = ["description", "summary", "task_type"].iter().find_map(|k| string(object, k)).unwrap_or(task);
        let about = one_line(&format!("{about} {status}"), 200);
        self.event(EventKind::System, subtype, "").context = Some(about);
    }

    /// The list of all background tasks there are: what is not on it any more has ended.
    fn background(&mut self, object: &Object) {
        if let Some(list) = ["tasks", "background_tasks"].iter().find_map(|k| object.get(*k).and_then(Value::as_array)) {
            let id = |t: &Value| t.get("task_id").or_else(|| t.get("id")).and_then(Value::as_str).map(str::to_owned);
            let there: Vec<String> = list.iter().filter_map(id).collect();
            self.progress.open_tasks.retain(|task, _| there.contains(task));
        }
        self.noise("background_tasks_changed");
    }

    fn rate_limit(&mut self, object: &Object) {
        let info = object.get("rate_limit_info").and_then(Value::as_object);
        let status = info.and_then(|i| string(i, "status")).unwrap_or("unknown");
        let reset = info.and_then(|i| number(i.get("resetsAt").or_else(|| i.get("resets_at"))));
        let rejected = status == "rejected";
        if let (true, Some(at)) = (rejected, reset) {
            // Seconds or milliseconds: no moment of this century is ambiguous.
            let at = if at > 100_000_000_000 { Time(at) } else { Time(at.saturating_mul(1000)) };
            if failure_patterns::is_believable(at, self.now) {
                self.progress.limit_reset_at = Some(at);
            }
        }
        let context = one_line(&format!("limit: {status}"), 200);
        let event = self.event(EventKind::Status, "rate_limit", "");
        event.context = Some(context);
        event.is_error = rejected;
    }

    fn assistant(&mut self, object: &Object) {
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

    /// A reset in words: they name the minute at best, so one that is known exactly stays.
    fn note_reset(&mut self, text: &str) {
        if self.progress.limit_reset_at.is_none_or(|at| self.now.since(at) > STALE_RESET_MS) {
            self.progress.limit_reset_at = failure_patterns::reset_time(text, self.now).or(self.progress.limit_reset_at);
        }
    }

    fn usage(&mut self, message: &Object) {
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

    fn block(&mut self, block: &Value, error: Option<&str>, line: &Object) {
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
    fn said(&mut self, text: &str, error: Option<&str>, line: &Object) {
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

    fn tool_use(&mut self, block: &Object) {
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

    fn tool_result(&mut self, block: &Object) {
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

    fn user(&mut self, object: &Object) {
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

    fn notice(&mut self, kind: &str, value: &Value) {
        let mut text = String::new();
        flat(value, &mut text);
        self.event(EventKind::System, kind, &text);
    }

    fn result(&mut self, object: &Object) {
        let is_error = object.get("is_error").and_then(Value::as_bool).unwrap_or(false);
        let text = string(object, "result").map(strip_control);
        let errors: Vec<String> = object
            .get("errors")
            .and_then(Value::as_array)
            .map(|list| list.iter().take(10).map(|e| one_line(e.as_str().unwrap_or("unknown"), 600)).collect())
            .unwrap_or_default();
        let status = number(object.get("api_error_status"));
        let subtype = one_line(string(object, "subtype").unwrap_or_default(), 100);
        let p = &mut *self.progress;
        p.results = p.results.saturating_add(1);
        p.queued = small(object.get("queued_turn_count"));
        let denials = object.get("permission_denials").and_then(Value::as_array).map_or(0, Vec::len);
        p.permission_denials = p.permission_denials.max(u32::try_from(denials).unwrap_or(u32::MAX));
        if !is_error && status.is_none() {
            p.note_service_well();
            if let Some((verdict, _)) = text.as_deref().and_then(prefix) {
                p.note_asked(verdict);
            }
        } else {
            p.auth_suspect |= matches!(status, Some(401 | 403));
        }
        if let Some(text) = text.as_deref().filter(|_| is_error) {
            self.note_reset(text);
        }
        let p = &mut *self.progress;
        let repeated =
            text.as_deref().is_none_or(|t| p.has_spoken(t) || p.api_error.as_ref().is_some_and(|e| e.text == one_line(t, 600)));
        costs::settle(object, self.progress);
        let shown = match (&text, repeated) {
            (Some(text), false) => text.clone(),
            (Some(_) | None, _) => errors.join("\n"),
        };
        let p = &mut *self.progress;
        p.last = Some(ResultLine {
            text: text.as_deref().map(kept),
            is_error,
            subtype: subtype.clone(),
            api_error_status: status,
            errors,
            terminal_reason: string(object, "terminal_reason").map(|s| one_line(s, 100)),
        });
        if text.is_some() {
            // The result carries it now; twice 64 KB would be stored with every step.
            p.final_text = String::new();
        }
        let turns = count(object.get("num_turns"));
        let outcome = if is_error { format!("failed ({subtype})") } else { "finished".to_owned() };
        let event = self.event(EventKind::Status, "result", &shown);
        event.context = Some(format!(
            "{outcome} · {turns} turn{} · {} s",
            if turns == 1 { "" } else { "s" },
            count(object.get("duration_ms")) / 1000
        ));
        event.is_error = is_error;
    }
}

fn is_auth(kind: &str, status: Option<i64>) -> bool {
    kind == "authentication_failed" || matches!(status, Some(401 | 403))
}

fn kept(text: &str) -> String {
    let (head, cut) = cut_bytes(text, TEXT_CUT);
    if !cut {
        return head.to_owned();
    }
    // The sentinel stands at the very end: a long text keeps its last lines.
    let (head, _) = cut_bytes(text, TEXT_CUT - 8 * 1024);
    let tail = &text[text.ceil_char_boundary(text.len() - 7 * 1024)..];
    format!("{head}\n\n[… cut …]\n\n{tail}")
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;

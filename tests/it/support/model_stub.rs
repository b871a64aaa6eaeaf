//! A model's service on loopback, as much of it as Claude Code asks for. What it answers stands in the prompt itself.
//!
//! A text that holds `MODEL: [ {…}, {…} ]` is a script: one step is one answer. The newest script of a conversation
//! counts, and its next step is told by how often the model has answered since: so a conversation that is resumed, or
//! a sub-agent with a prompt of its own, needs no state here.

use crate::ops::loopback::{Loopback, Request};
use mission_control::base::clock::pause;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const MARK: &str = "MODEL: ";

/// One answer.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Step {
    /// What the model says. `{nonce}` and `{ticket}` stand for those of the newest brief.
    text: String,
    /// Tools it calls, as name and input.
    tools: Vec<(String, Value)>,
    /// It refuses with this HTTP status …
    error: Option<u16>,
    /// … and these headers, …
    headers: BTreeMap<String, String>,
    /// … or breaks off in the middle of the answer, …
    cut: bool,
    /// … or begins an answer and never ends it, …
    hang: bool,
    /// … but only so many times; 0 = always.
    times: u32,
    /// Milliseconds before the answer.
    delay: u64,
    /// Tokens it says the conversation has; 0 = a few.
    tokens: u64,
}

/// A request that was answered.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The body as it came.
    pub body: Value,
    /// Whether it was a turn of an agent, not one of the program's own questions.
    pub turn: bool,
}

impl Asked {
    /// All that the user's side of the conversation says.
    pub fn said_by_user(&self) -> String {
        turns(&self.body).into_iter().filter(|t| t.0 == "user").map(|t| t.1).collect::<Vec<_>>().join("\n")
    }
}

#[derive(Default)]
struct Shared {
    asked: Mutex<Vec<Asked>>,
    tries: Mutex<HashMap<String, u32>>,
    over: AtomicBool,
}

/// The service; it ends when dropped.
pub struct ModelStub {
    service: Loopback,
    shared: Arc<Shared>,
}

impl ModelStub {
    pub fn start() -> ModelStub {
        let shared = Arc::new(Shared::default());
        let mine = shared.clone();
        ModelStub { service: Loopback::start(move |stream| serve(stream, &mine)), shared }
    }

    pub fn url(&self) -> String {
        self.service.url()
    }

    /// The turns asked for so far, oldest first.
    pub fn turns(&self) -> Vec<Asked> {
        lock(&self.shared.asked).iter().filter(|a| a.turn).cloned().collect()
    }
}

impl Drop for ModelStub {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A script as it is written into a ticket.
pub fn script(steps: &Value) -> String {
    format!("{MARK}{steps}")
}

/// Reads one request and answers it; every connection carries one.
fn serve(stream: &TcpStream, shared: &Shared) -> std::io::Result<()> {
    let Some(Request { method, target, body: raw }) = Request::read(&mut BufReader::new(stream))? else { return Ok(()) };
    let path = target.split('?').next().unwrap_or_default().to_owned();
    let body: Value = serde_json::from_slice(&raw).unwrap_or_default();
    let turn = path.ends_with("/messages") && body["tools"].as_array().is_some_and(|t| !t.is_empty());
    lock(&shared.asked).push(Asked { body: body.clone(), turn });
    let mut out = Out { stream };
    match (method.as_str(), path.as_str()) {
        ("POST", p) if p.ends_with("/messages/count_tokens") => out.json(200, &[], &json!({"input_tokens": raw.len() / 4})),
        ("POST", p) if p.ends_with("/messages") => {
            let (step, first_tries) = if turn { next_step(&body, shared) } else { (title(), false) };
            answer(&mut out, &step, first_tries, &body, &shared.over)
        }
        ("HEAD", _) => out.json(200, &[], &json!({})),
        _ => out.json(404, &[], &refusal(404)),
    }
}

/// The conversation as role and text; results of tools say nothing here, so that no script can come back in one.
fn turns(body: &Value) -> Vec<(String, String)> {
    let text = |content: &Value| match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => blocks.iter().filter_map(|b| b["text"].as_str()).collect::<Vec<_>>().join("\n"),
        _ => String::new(),
    };
    let messages = body["messages"].as_array().into_iter().flatten();
    messages.map(|m| (m["role"].as_str().unwrap_or_default().to_owned(), text(&m["content"]))).collect()
}

/// The script's next step, and whether it is still within the tries that fail.
fn next_step(body: &Value, shared: &Shared) -> (Step, bool) {
    let (mut found, mut answered, mut nonce) = (None, 0, String::new());
    let mut before = String::new();
    for (role, text) in turns(body) {
        if role == "user" {
            if let Some(newest) = scripts(&text).pop() {
                (found, answered) = (Some(newest), 0);
            }
            if let Some((_, rest)) = text.rsplit_once("\"nonce\":\"") {
                nonce = rest.split('"').next().unwrap_or_default().to_owned();
            }
        } else if role == "assistant" && before != role {
            answered += 1;
        }
        before = role;
    }
    let Some((key, steps)) = found else {
        return (Step { text: "REVIEW: there was no script".to_owned(), ..Step::default() }, false);
    };
    let over = Step { text: "REVIEW: the script is over".to_owned(), ..Step::default() };
    let mut step = steps.get(answered).cloned().unwrap_or(over);
    let ticket = nonce.split(':').nth(1).unwrap_or_default();
    step.text = step.text.replace("{nonce}", &nonce).replace("{ticket}", &format!("MC-{ticket}"));
    let mut tries = lock(&shared.tries);
    let tries = tries.entry(format!("{answered} {key}")).or_default();
    *tries += 1;
    let fails = step.times == 0 || *tries <= step.times;
    (step, fails)
}

/// The scripts in a text, each with its wording. One inside another's strings is part of it.
fn scripts(text: &str) -> Vec<(String, Vec<Step>)> {
    let mut all = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(MARK) {
        let mut reader = serde_json::Deserializer::from_str(after).into_iter::<Vec<Step>>();
        rest = match reader.next() {
            Some(Ok(steps)) => {
                let end = reader.byte_offset();
                all.push((after[..end].to_owned(), steps));
                &after[end..]
            }
            Some(Err(e)) if after.starts_with('[') => {
                let wrong = Step { text: format!("REVIEW: the script is wrong: {e}"), ..Step::default() };
                all.push((after.to_owned(), vec![wrong]));
                after
            }
            Some(Err(_)) | None => after,
        };
    }
    all
}

/// The program asks for titles and the like beside its turns.
fn title() -> Step {
    Step { text: r#"{"title":"A title"}"#.to_owned(), ..Step::default() }
}

fn answer(out: &mut Out<'_>, step: &Step, fails: bool, body: &Value, over: &AtomicBool) -> std::io::Result<()> {
    pause(Duration::from_millis(step.delay));
    if let Some(status) = step.error.filter(|_| fails) {
        let headers: Vec<_> = step.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        return out.json(status, &headers, &refusal(status));
    }
    let mut content = Vec::new();
    if !step.text.is_empty() {
        content.push(json!({"type": "text", "text": step.text}));
    }
    for (name, input) in &step.tools {
        content.push(json!({"type": "tool_use", "id": id("toolu_"), "name": name, "input": input}));
    }
    let reason = if step.tools.is_empty() { "end_turn" } else { "tool_use" };
    let cached = if step.tokens == 0 { 1000 } else { step.tokens.saturating_sub(190) };
    let usage =
        json!({"input_tokens": 120, "cache_creation_input_tokens": 30, "cache_read_input_tokens": cached, "output_tokens": 40});
    let message = json!({"id": id("msg_"), "type": "message", "role": "assistant", "model": body["model"], "content": content,
        "stop_reason": reason, "stop_sequence": null, "usage": usage});
    if body["stream"] != json!(true) {
        return out.json(200, &[], &message);
    }
    let mut opening = message.clone();
    (opening["content"], opening["stop_reason"]) = (json!([]), Value::Null);
    out.begin_events()?;
    out.event(&json!({"type": "message_start", "message": opening}))?;
    while step.hang && fails && !over.load(Ordering::SeqCst) {
        // Also notices a client that went away.
        out.event(&json!({"type": "ping"}))?;
        pause(Duration::from_millis(100));
    }
    for (index, block) in content.iter().enumerate() {
        let (mut empty, deltas) = pieces(block);
        empty["type"] = block["type"].clone();
        out.event(&json!({"type": "content_block_start", "index": index, "content_block": empty}))?;
        for (n, delta) in deltas.iter().enumerate() {
            if step.cut && fails && n > 0 {
                return out.cut();
            }
            out.event(&json!({"type": "content_block_delta", "index": index, "delta": delta}))?;
        }
        out.event(&json!({"type": "content_block_stop", "index": index}))?;
    }
    out.event(&json!({"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": null}, "usage": usage}))?;
    out.event(&json!({"type": "message_stop"}))?;
    out.end_events()
}

/// A block as it begins, and what is added to it piece by piece.
fn pieces(block: &Value) -> (Value, Vec<Value>) {
    let text = block["text"].as_str();
    let whole = text.map_or_else(|| block["input"].to_string(), str::to_owned);
    let chars: Vec<char> = whole.chars().collect();
    let parts = chars.chunks(chars.len().div_ceil(4).max(1)).map(|c| c.iter().collect::<String>());
    match text {
        Some(_) => (json!({"text": ""}), parts.map(|p| json!({"type": "text_delta", "text": p})).collect()),
        None => (
            json!({"id": block["id"], "name": block["name"], "input": {}}),
            parts.map(|p| json!({"type": "input_json_delta", "partial_json": p})).collect(),
        ),
    }
}

fn refusal(status: u16) -> Value {
    let (kind, message) = match status {
        400 => ("invalid_request_error", "Your credit balance is too low to access the API."),
        401 => ("authentication_error", "invalid x-api-key"),
        403 => ("permission_error", "OAuth token has been revoked."),
        404 => ("not_found_error", "there is nothing here"),
        429 => ("rate_limit_error", "This request would exceed your account's rate limit."),
        529 => ("overloaded_error", "Overloaded"),
        _ => ("api_error", "Internal server error"),
    };
    json!({"type": "error", "error": {"type": kind, "message": message}})
}

fn id(prefix: &str) -> String {
    format!("{prefix}{}", uuid::Uuid::new_v4().simple())
}

/// The answer on its way out.
struct Out<'a> {
    stream: &'a TcpStream,
}

impl Out<'_> {
    fn head(&mut self, status: u16, kind: &str, more: &[(&str, &str)]) -> std::io::Result<()> {
        let mut head =
            format!("HTTP/1.1 {status} -\r\ncontent-type: {kind}\r\nrequest-id: {}\r\nconnection: close\r\n", id("req_"));
        for (name, value) in more {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        self.stream.write_all(format!("{head}\r\n").as_bytes())
    }

    fn json(&mut self, status: u16, headers: &[(&str, &str)], body: &Value) -> std::io::Result<()> {
        let body = body.to_string();
        let length = body.len().to_string();
        let mut all = vec![("content-length", length.as_str())];
        all.extend(headers);
        self.head(status, "application/json", &all)?;
        self.stream.write_all(body.as_bytes())
    }

    fn begin_events(&mut self) -> std::io::Result<()> {
        self.head(200, "text/event-stream", &[("transfer-encoding", "chunked")])
    }

    fn event(&mut self, data: &Value) -> std::io::Result<()> {
        let event = format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap_or_default());
        self.stream.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes())
    }

    fn end_events(&mut self) -> std::io::Result<()> {
        self.stream.write_all(b"0\r\n\r\n")
    }

    /// Promises more than comes.
    fn cut(&mut self) -> std::io::Result<()> {
        self.stream.write_all(b"40\r\nevent: content_bl")?;
        self.stream.shutdown(std::net::Shutdown::Both)
    }
}

#[test]
fn a_script_is_found_by_its_own_brackets_and_the_newest_counts() {
    let inner = script(&json!([{"text": "DONE: inner"}]));
    let text =
        format!("go {} and {}", script(&json!([{"text": "first"}])), script(&json!([{"tools": [["Agent", {"prompt": inner}]]}])));
    let found = scripts(&text);
    assert_eq!(found.len(), 2);
    assert_eq!(found[1].1[0].tools[0].0, "Agent");
    let body = json!({"messages": [
        {"role": "user", "content": script(&json!([{"text": "a"}, {"text": "b"}]))},
        {"role": "assistant", "content": [{"type": "text", "text": "a"}]},
        {"role": "user", "content": [{"type": "tool_result", "content": inner}]},
    ]});
    assert_eq!(next_step(&body, &Shared::default()).0.text, "b");
}

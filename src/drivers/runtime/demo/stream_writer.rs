//! The stream of the demo agent: what it says and does, line by line as the real program writes them.

use crate::base::clock::pause;
use crate::drivers::runtime::demo::common::{FAILED, LIMITED, VERSION, shell};
use crate::drivers::runtime::demo::script::Memory;
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// What it says and does, written as lines of the stream.
pub(crate) struct StreamWriter<'a> {
    pub(crate) out: &'a mut dyn Write,
    pub(crate) session: String,
    pub(crate) state: PathBuf,
    pub(crate) pace_ms: u64,
    pub(crate) cwd: PathBuf,
    /// Tokens it says it has in its context.
    pub(crate) tokens: i64,
    pub(crate) said: u32,
    pub(crate) turns: u32,
}

impl StreamWriter<'_> {
    pub(crate) fn ends_well(&mut self, text: &str) -> u8 {
        self.say(text);
        self.result(json!({"subtype": "success", "is_error": false, "api_error_status": null, "terminal_reason": "completed", "result": text}));
        0
    }

    pub(crate) fn ends_in_failure(&mut self) -> u8 {
        self.result(
            json!({"subtype": "error_during_execution", "is_error": true, "terminal_reason": "error", "errors": [FAILED]}),
        );
        1
    }

    pub(crate) fn ends_at_limit(&mut self) -> u8 {
        self.line(json!({"type": "assistant", "error": "rate_limit", "api_error_status": 429, "is_api_error_message": true,
            "message": {"id": self.id("msg"), "role": "assistant", "model": "<synthetic>", "content": [{"type": "text", "text": LIMITED}]},
            "parent_tool_use_id": null}));
        self.result(json!({"subtype": "success", "is_error": true, "api_error_status": 429, "terminal_reason": "api_error", "result": LIMITED}));
        1
    }

    pub(crate) fn write(&mut self, path: &Path, content: &str) -> bool {
        let call = self.call("Write", json!({"file_path": path.to_string_lossy(), "content": content}));
        let outcome = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(path, content));
        let text = match &outcome {
            Ok(()) => format!("File created successfully at: {}", path.display()),
            Err(e) => format!("Error: {e}"),
        };
        self.answer(&call, &text, outcome.is_err());
        outcome.is_ok()
    }

    /// Runs a command of our own making; nothing that a person wrote ever stands in it.
    pub(crate) fn bash(&mut self, command: &str, description: &str) -> bool {
        let call = self.call("Bash", json!({"command": command, "description": description}));
        let (text, ok) = shell(command, &self.cwd);
        self.answer(&call, &text, !ok);
        ok
    }

    pub(crate) fn quiet(&self, command: &str) -> bool {
        let silent = Command::new("sh").args(["-c", command]).current_dir(&self.cwd).stdin(Stdio::null()).output();
        silent.is_ok_and(|o| o.status.success())
    }

    pub(crate) fn init(&mut self, model: &str) {
        let cwd = self.cwd.to_string_lossy().into_owned();
        self.line(json!({"type": "system", "subtype": "init", "cwd": cwd, "tools": ["Bash", "Write"], "model": model,
            "permissionMode": "default", "claude_code_version": VERSION}));
    }

    pub(crate) fn say(&mut self, text: &str) {
        self.assistant(json!({"type": "text", "text": text}));
    }

    fn call(&mut self, name: &str, input: Value) -> String {
        let id = format!("toolu_demo_{}_{}", &self.session[..8], self.said + 1);
        self.assistant(json!({"type": "tool_use", "id": id, "name": name, "input": input}));
        id
    }

    fn answer(&mut self, call: &str, text: &str, is_error: bool) {
        self.line(json!({"type": "user", "message": {"role": "user",
            "content": [{"type": "tool_result", "tool_use_id": call, "content": text, "is_error": is_error}]}, "parent_tool_use_id": null}));
        self.turns += 1;
        pause(Duration::from_millis(self.pace_ms));
    }

    fn assistant(&mut self, block: Value) {
        self.said += 1;
        self.line(json!({"type": "assistant", "message": {"id": self.id("msg"), "type": "message", "role": "assistant", "model": "demo",
            "content": [block], "stop_reason": null, "usage": {"input_tokens": self.tokens, "output_tokens": 0}}, "parent_tool_use_id": null}));
        pause(Duration::from_millis(self.pace_ms));
    }

    fn result(&mut self, mut fields: Value) {
        fields["type"] = json!("result");
        fields["usage"] = json!({"input_tokens": self.tokens, "output_tokens": 0});
        fields["num_turns"] = json!(self.turns + 1);
        fields["total_cost_usd"] = json!(0);
        fields["permission_denials"] = json!([]);
        fields["result_index"] = json!(0);
        fields["queued_turn_count"] = json!(0);
        self.line(fields);
    }

    pub(crate) fn unknown_session(&mut self) -> u8 {
        let why = format!("No conversation found with session ID: {}", self.session);
        eprintln!("{why}");
        self.result(json!({"subtype": "error_during_execution", "is_error": true, "errors": [why]}));
        1
    }

    fn id(&self, kind: &str) -> String {
        format!("{kind}_demo_{}_{}", &self.session[..8], self.said)
    }

    fn line(&mut self, mut value: Value) {
        value["session_id"] = json!(self.session);
        value["uuid"] = json!(uuid::Uuid::new_v4().to_string());
        let mut bytes = value.to_string().into_bytes();
        bytes.push(b'\n');
        // The raw log is a file; should it be full or gone, the work goes on.
        let _ = self.out.write_all(&bytes).and_then(|()| self.out.flush());
    }

    fn memory_file(&self) -> PathBuf {
        self.state.join(format!("{}.json", self.session))
    }

    pub(crate) fn recall(&self) -> Option<Memory> {
        serde_json::from_slice(&std::fs::read(self.memory_file()).ok()?).ok()
    }

    pub(crate) fn remember(&self, memory: &Memory) {
        let write = || {
            std::fs::create_dir_all(&self.state)?;
            let fresh = self.state.join(format!("{}.new", self.session));
            std::fs::write(&fresh, serde_json::to_vec(memory)?)?;
            std::fs::rename(fresh, self.memory_file())
        };
        if let Err(e) = write() {
            eprintln!("demo: the session cannot be remembered: {e}");
        }
    }
}

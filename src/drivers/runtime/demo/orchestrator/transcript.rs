//! The conversation's transcript, in the shape Claude Code keeps it: one JSON line for each thing said.

use crate::base::clock::{Clock, SystemClock};
use crate::domain::time::Time;
use crate::drivers::runtime::demo::common::VERSION;
use serde_json::{Value, json};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A transcript that is being written.
pub(crate) struct DemoTranscript {
    path: PathBuf,
    cwd: String,
    session: String,
    parent: Option<String>,
    clock: SystemClock,
}

impl DemoTranscript {
    /// Where the transcript of a session is: under the agent's configuration, named by the working folder.
    pub(crate) fn path(base: &Path, cwd: &Path, session: &str) -> PathBuf {
        let folder = cwd.to_string_lossy().replace(['/', '.'], "-");
        base.join("projects").join(folder).join(format!("{session}.jsonl"))
    }

    pub(crate) fn open(path: PathBuf, cwd: &Path, session: &str) -> DemoTranscript {
        DemoTranscript {
            path,
            cwd: cwd.to_string_lossy().into_owned(),
            session: session.to_owned(),
            parent: None,
            clock: SystemClock::new(),
        }
    }

    /// A person said this, or a tool.
    pub(crate) fn user(&mut self, prompt_id: &str, content: Value) {
        self.line(json!({"type": "user", "promptId": prompt_id, "message": {"role": "user", "content": content}}));
    }

    /// The agent said this.
    pub(crate) fn assistant(&mut self, block: Value, stop_reason: &str, tokens: i64) {
        let id = format!("msg_demo_{}", uuid::Uuid::new_v4().simple());
        let usage =
            json!({"input_tokens": tokens, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 0});
        self.line(json!({"type": "assistant", "message": {"id": id, "type": "message", "role": "assistant", "model": "demo",
            "content": [block], "stop_reason": stop_reason, "stop_sequence": null, "usage": usage}}));
    }

    /// The service failed.
    pub(crate) fn failure(&mut self, error: &str, status: Option<i64>, text: &str) {
        self.line(json!({"type": "assistant", "isApiErrorMessage": true, "error": error, "apiErrorStatus": status,
            "message": {"id": uuid::Uuid::new_v4().to_string(), "type": "message", "role": "assistant", "model": "<synthetic>",
                "content": [{"type": "text", "text": text}], "stop_reason": "stop_sequence",
                "usage": {"input_tokens": 0, "output_tokens": 0}}}));
    }

    /// A turn is over.
    pub(crate) fn turn_over(&mut self, ms: i64) {
        self.line(json!({"type": "system", "subtype": "turn_duration", "durationMs": ms, "isMeta": false}));
    }

    fn line(&mut self, mut value: Value) {
        let uuid = uuid::Uuid::new_v4().to_string();
        value["parentUuid"] = json!(self.parent.replace(uuid.clone()));
        value["uuid"] = json!(uuid);
        value["isSidechain"] = json!(false);
        value["timestamp"] = json!(rfc3339(self.clock.now()));
        value["cwd"] = json!(self.cwd);
        value["sessionId"] = json!(self.session);
        value["version"] = json!(VERSION);
        value["userType"] = json!("external");
        let write = || -> std::io::Result<()> {
            if let Some(folder) = self.path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(&self.path)?;
            file.write_all(format!("{value}\n").as_bytes())
        };
        // As with the real program: a conversation goes on where its transcript cannot be written.
        let _ = write();
    }
}

fn rfc3339(at: Time) -> String {
    let moment = chrono::DateTime::from_timestamp_millis(at.0).unwrap_or_default();
    moment.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_stands_there_line_by_line() {
        let tmp = tempfile::tempdir().expect("a temporary folder");
        let path = DemoTranscript::path(tmp.path(), Path::new("/home/op/.work"), "s-1");
        assert!(path.ends_with("projects/-home-op--work/s-1.jsonl"), "{}", path.display());
        let mut transcript = DemoTranscript::open(path.clone(), Path::new("/home/op/.work"), "s-1");
        transcript.user("p-1", json!("hello\n[MC_TURN:1:x]"));
        transcript.assistant(json!({"type": "text", "text": "good day"}), "end_turn", 3_100);
        let text = std::fs::read_to_string(path).expect("written");
        let lines: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
        assert_eq!(lines[0]["message"]["content"], "hello\n[MC_TURN:1:x]");
        assert_eq!(lines[1]["parentUuid"], lines[0]["uuid"]);
        assert_eq!(
            (&lines[1]["message"]["stop_reason"], &lines[1]["message"]["usage"]["input_tokens"]),
            (&json!("end_turn"), &json!(3_100))
        );
        assert!(lines[1]["timestamp"].as_str().is_some_and(|t| t.ends_with('Z')));
    }
}

//! Hooks of a settings file, run as Claude Code runs them: by a shell, the payload on standard input.

use crate::base::clock::{Deadline, pause};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// The longest a hook may take.
const LIMIT: Duration = Duration::from_secs(60);

/// The hooks of a settings file, and what every payload carries.
pub(crate) struct DemoHooks {
    commands: BTreeMap<String, Vec<String>>,
    cwd: PathBuf,
    session: String,
    transcript: PathBuf,
    /// Names the message that is being worked on.
    pub(crate) prompt_id: String,
}

impl DemoHooks {
    /// Those of this file; none where there is none.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn open(settings: Option<&Path>, cwd: &Path, session: &str, transcript: &Path) -> Result<DemoHooks, String> {
        let commands = match settings {
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|e| format!("Error: settings {}: {e}", path.display()))?;
                let value: Value = serde_json::from_str(&text).map_err(|e| format!("Error: settings {}: {e}", path.display()))?;
                commands(&value)
            }
            None => BTreeMap::new(),
        };
        let (session, transcript) = (session.to_owned(), transcript.to_owned());
        Ok(DemoHooks { commands, cwd: cwd.to_owned(), session, transcript, prompt_id: String::new() })
    }

    /// Runs those of an event, one after the other, to their end.
    pub(crate) fn run(&self, event: &str, more: Value) {
        let Some(commands) = self.commands.get(event) else { return };
        let mut payload = Map::from_iter([
            ("session_id".to_owned(), json!(self.session)),
            ("transcript_path".to_owned(), json!(self.transcript)),
            ("cwd".to_owned(), json!(self.cwd)),
            ("permission_mode".to_owned(), json!("default")),
            ("hook_event_name".to_owned(), json!(event)),
        ]);
        if !self.prompt_id.is_empty() {
            payload.insert("prompt_id".to_owned(), json!(self.prompt_id));
        }
        if let Value::Object(more) = more {
            payload.extend(more);
        }
        let payload = Value::Object(payload).to_string();
        for command in commands {
            run(command, &self.cwd, &payload);
        }
    }
}

/// `{"hooks":{"Stop":[{"hooks":[{"type":"command","command":"…"}]}]}}`, by event.
fn commands(settings: &Value) -> BTreeMap<String, Vec<String>> {
    let Some(events) = settings.get("hooks").and_then(Value::as_object) else { return BTreeMap::new() };
    let list = |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let of_event = |groups: &Value| {
        let groups = groups.as_array().cloned().unwrap_or_default();
        let hooks = groups.iter().flat_map(|group| list(group, "hooks"));
        hooks
            .filter(|hook| hook.get("type").and_then(Value::as_str).is_none_or(|t| t == "command"))
            .filter_map(|hook| hook.get("command").and_then(Value::as_str).map(str::to_owned))
            .collect()
    };
    events.iter().map(|(event, groups)| (event.clone(), of_event(groups))).collect()
}

/// A hook that fails, or takes too long, holds nothing up.
fn run(command: &str, cwd: &Path, payload: &str) {
    let spawned = Command::new("/bin/sh")
        .args(["-c", command])
        .current_dir(cwd)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = spawned else { return };
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not read its payload has closed the pipe: that is its business.
        let _ = stdin.write_all(payload.as_bytes());
    }
    let deadline = Deadline::after(LIMIT);
    while matches!(child.try_wait(), Ok(None)) {
        if deadline.is_over() {
            let _ = child.kill();
            let _ = child.wait();
            return;
        }
        pause(Duration::from_millis(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hooks_of_an_event_get_its_payload_in_order() {
        let tmp = tempfile::tempdir().expect("a temporary folder");
        let settings = tmp.path().join("settings.json");
        let hook = |command: &str| json!({"type": "command", "command": command});
        let groups = json!({"hooks": {"Stop": [{"hooks": [hook("cat > first.json")]}, {"matcher": "", "hooks": [hook("exit 3"), hook("cp first.json second.json")]}]}});
        std::fs::write(&settings, groups.to_string()).expect("writes");
        let mut hooks = DemoHooks::open(Some(&settings), tmp.path(), "s-1", Path::new("/t.jsonl")).expect("good");
        hooks.prompt_id = "p-1".to_owned();
        hooks.run("SessionStart", json!({}));
        assert!(!tmp.path().join("first.json").exists(), "not its event");
        hooks.run("Stop", json!({"last_assistant_message": "x".repeat(200_000)}));
        let text = std::fs::read_to_string(tmp.path().join("second.json")).expect("the second ran after the first");
        let seen: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(
            (&seen["session_id"], &seen["prompt_id"], &seen["hook_event_name"]),
            (&json!("s-1"), &json!("p-1"), &json!("Stop"))
        );
        assert_eq!(seen["last_assistant_message"].as_str().map(str::len), Some(200_000));
        assert!(DemoHooks::open(Some(Path::new("/nowhere")), tmp.path(), "s", Path::new("/t")).is_err());
    }
}

//! What an agent told by its hooks, as it stands in its session's `hooks.jsonl`. Pure.

use crate::domain::time::Time;
use crate::drivers::runtime::claude::transcript::markers;
use crate::drivers::runtime::tool_words;
use serde::Deserialize;
use serde_json::Value;
use std::collections::VecDeque;

/// Moments that are remembered.
const KEPT: usize = 2_000;

/// Something the agent told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It has a prompt with these markers.
    Submitted(Vec<String>),
    /// It uses a tool, in a few words.
    Uses(String),
    /// It is through with a tool.
    Used,
    /// It has answered; none where the answer was too long to be kept.
    Stopped(Option<String>),
    /// It could not answer: the kind of trouble and its words.
    Failed(String, String),
}

/// A moment of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// The agent's own id of the prompt it was about.
    pub prompt_id: Option<String>,
    /// When, by the wall clock.
    pub at: Time,
    /// What.
    pub said: Said,
}

/// All of it, as far as it is remembered.
#[derive(Debug, Clone, Default)]
pub struct Hooks {
    token: String,
    moments: VecDeque<Moment>,
    /// Where the agent writes its transcript.
    pub transcript: Option<String>,
    /// The id its conversation goes by.
    pub session: Option<String>,
    /// Lines that did not carry the session's token.
    pub foreign: u64,
}

#[derive(Deserialize)]
struct Kept {
    token: String,
    at: i64,
    payload: Value,
}

impl Hooks {
    /// Believes lines with this token alone.
    #[must_use]
    pub fn new(token: &str) -> Hooks {
        Hooks { token: token.to_owned(), ..Hooks::default() }
    }

    /// Reads one line.
    pub fn read_line(&mut self, line: &[u8]) {
        let Ok(kept) = serde_json::from_slice::<Kept>(line) else { return };
        if self.token.is_empty() || kept.token != self.token {
            self.foreign += 1;
            return;
        }
        let text = |key: &str| kept.payload.get(key).and_then(Value::as_str);
        if let Some(path) = text("transcript_path") {
            self.transcript = Some(path.to_owned());
        }
        if let Some(id) = text("session_id") {
            self.session = Some(id.to_owned());
        }
        let whole = kept.payload.get("mc_cut").is_none();
        // What a sub-agent does is part of the tool that started it.
        let inner = text("agent_id").is_some();
        let said = match text("hook_event_name") {
            Some("UserPromptSubmit") => Said::Submitted(markers(text("prompt").unwrap_or_default())),
            Some("PreToolUse") if !inner => Said::Uses(in_words(&kept.payload)),
            Some("PostToolUse") if !inner => Said::Used,
            Some("Stop") => Said::Stopped(text("last_assistant_message").filter(|_| whole).map(str::to_owned)),
            Some("StopFailure") => Said::Failed(
                text("error").unwrap_or_default().to_owned(),
                text("last_assistant_message").unwrap_or_default().to_owned(),
            ),
            _ => return,
        };
        self.moments.push_back(Moment { prompt_id: text("prompt_id").map(str::to_owned), at: Time(kept.at), said });
        while self.moments.len() > KEPT {
            self.moments.pop_front();
        }
    }

    /// The moment the agent had a prompt with this marker.
    #[must_use]
    pub fn submitted(&self, marker: &str) -> Option<&Moment> {
        self.place(marker).and_then(|at| self.moments.get(at))
    }

    /// How a prompt ended: told of that prompt by its id; where there are no ids, told next after `marker` came in.
    #[must_use]
    pub fn end_of(&self, prompt_id: Option<&str>, marker: &str) -> Option<&Moment> {
        let from = self.place(marker);
        self.moments.iter().enumerate().filter(|(at, _)| from.is_none_or(|from| *at > from)).map(|(_, m)| m).find(|m| {
            let is_end = matches!(m.said, Said::Stopped(_) | Said::Failed(..));
            let is_ours = match (prompt_id, m.prompt_id.as_deref()) {
                (Some(wanted), Some(id)) => wanted == id,
                (None, _) | (_, None) => from.is_some(),
            };
            is_end && is_ours
        })
    }

    /// What it does for the prompt with this marker, in a few words.
    #[must_use]
    pub fn activity(&self, marker: &str) -> Option<String> {
        let from = self.place(marker)?;
        match &self.moments.iter().skip(from + 1).next_back()?.said {
            Said::Uses(words) => Some(words.clone()),
            Said::Submitted(_) | Said::Used | Said::Stopped(_) | Said::Failed(..) => None,
        }
    }

    /// When the agent last began something and has not said since that it is through with it.
    #[must_use]
    pub fn busy_since(&self) -> Option<Time> {
        let last = self.moments.back()?;
        match last.said {
            Said::Submitted(_) | Said::Uses(_) | Said::Used => Some(last.at),
            Said::Stopped(_) | Said::Failed(..) => None,
        }
    }

    fn place(&self, marker: &str) -> Option<usize> {
        self.moments.iter().position(|m| matches!(&m.said, Said::Submitted(found) if found.iter().any(|f| f == marker)))
    }
}

/// `reading src/app.rs`
fn in_words(payload: &Value) -> String {
    let text = |key: &str| payload.get(key).and_then(Value::as_str);
    let tool = text("tool_name").unwrap_or("a tool");
    let input = payload.get("tool_input").unwrap_or(&Value::Null);
    let about = tool_words::context(tool, input, text("cwd"));
    let doing = match tool {
        "Read" | "NotebookRead" => "reading",
        "Edit" | "MultiEdit" | "NotebookEdit" => "editing",
        "Write" => "writing",
        "Bash" => "running",
        "Grep" | "Glob" => "looking for",
        "WebFetch" => "fetching",
        "WebSearch" => "searching the web for",
        "Task" | "Agent" => "has a helper at work:",
        "AskUserQuestion" => return "asks a question in the console".to_owned(),
        other => {
            let name = tool_words::one_line(other, 60);
            return about.map_or_else(|| format!("using {name}"), |a| format!("using {name}: {a}"));
        }
    };
    about.map_or_else(|| format!("using {tool}"), |a| format!("{doing} {a}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const MARK: &str = "[MC_TURN:7:cafe]";

    fn line(token: &str, payload: &Value) -> Vec<u8> {
        json!({"token": token, "at": 5, "payload": payload}).to_string().into_bytes()
    }

    fn read(payloads: &[Value]) -> Hooks {
        let mut hooks = Hooks::new("right");
        for payload in payloads {
            hooks.read_line(&line("right", payload));
        }
        hooks
    }

    fn submit(prompt: &str, id: &str) -> Value {
        json!({"hook_event_name": "UserPromptSubmit", "prompt": prompt, "prompt_id": id, "transcript_path": "/t.jsonl", "session_id": "s"})
    }

    fn stop(text: &str, id: &str) -> Value {
        json!({"hook_event_name": "Stop", "last_assistant_message": text, "prompt_id": id})
    }

    #[test]
    fn an_answer_is_tied_to_its_prompt_by_the_prompts_id() {
        let hooks = read(&[
            submit("one", "p1"),
            submit(&format!("\n<pasted>\n{MARK}\n</pasted>"), "p1"),
            stop("first", "p1"),
            stop("second", "p2"),
        ]);
        assert_eq!(hooks.submitted(MARK).map(|m| m.at), Some(Time(5)));
        let end = |id| hooks.end_of(id, MARK).map(|m| m.said.clone());
        assert_eq!(end(Some("p2")), Some(Said::Stopped(Some("second".into()))), "the id that the transcript names");
        assert_eq!(end(None), Some(Said::Stopped(Some("first".into()))), "the next one");
        assert_eq!(end(Some("p3")), None);
        assert_eq!(hooks.end_of(None, "[MC_TURN:8:x]"), None, "nothing is known of that prompt");
        assert_eq!((hooks.transcript.as_deref(), hooks.session.as_deref()), (Some("/t.jsonl"), Some("s")));
    }

    #[test]
    fn a_wrong_token_is_believed_nothing() {
        let mut hooks = Hooks::new("right");
        for token in ["wrong", "", "rightt"] {
            hooks.read_line(&line(token, &submit(MARK, "p")));
        }
        hooks.read_line(b"half a li");
        assert_eq!((hooks.submitted(MARK), hooks.foreign), (None, 3));
        let mut none = Hooks::new("");
        none.read_line(&line("", &submit(MARK, "p")));
        assert_eq!(none.submitted(MARK), None, "no token is no token");
    }

    #[test]
    fn what_it_does_is_said_in_a_few_words() {
        let uses = |tool: &str, input: Value| json!({"hook_event_name": "PreToolUse", "tool_name": tool, "tool_input": input, "cwd": "/w"});
        let mut hooks = read(&[submit(MARK, "p")]);
        for (tool, input, words) in [
            ("Read", json!({"file_path": "/w/src/app.rs"}), "reading src/app.rs"),
            ("Bash", json!({"command": "cargo test"}), "running cargo test"),
            ("mcp__x__y", json!({}), "using mcp__x__y"),
        ] {
            hooks.read_line(&line("right", &uses(tool, input)));
            assert_eq!(hooks.activity(MARK).as_deref(), Some(words));
        }
        assert_eq!(hooks.busy_since(), Some(Time(5)));
        hooks.read_line(&line("right", &json!({"hook_event_name": "PostToolUse", "tool_name": "Bash"})));
        assert_eq!(hooks.activity(MARK), None);
        hooks.read_line(&line("right", &json!({"hook_event_name": "StopFailure", "error": "billing_error", "last_assistant_message": "no credit", "prompt_id": "p"})));
        assert_eq!(
            hooks.end_of(Some("p"), MARK).map(|m| m.said.clone()),
            Some(Said::Failed("billing_error".into(), "no credit".into()))
        );
        assert_eq!(hooks.busy_since(), None);
    }

    #[test]
    fn an_answer_that_was_cut_is_not_taken_for_whole() {
        let mut cut = stop("beginning…end", "p");
        cut["mc_cut"] = json!(true);
        assert_eq!(read(&[submit(MARK, "p"), cut]).end_of(Some("p"), MARK).map(|m| m.said.clone()), Some(Said::Stopped(None)));
    }
}

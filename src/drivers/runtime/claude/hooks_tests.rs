//! What each of Claude Code's hooks tells, and who is believed.

use super::*;
use crate::domain::time::Time;
use crate::drivers::runtime::live::hook_log::HookLog;
use serde_json::json;

const MARK: &str = "[MC_TURN:7:cafe]";

fn line(token: &str, payload: &Value) -> Vec<u8> {
    json!({"token": token, "at": 5, "payload": payload}).to_string().into_bytes()
}

fn told(payloads: &[Value]) -> HookLog {
    let mut hooks = HookLog::new("right");
    for payload in payloads {
        hooks.read_line(&line("right", payload), read);
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
    let hooks = told(&[
        submit("one", "p1"),
        submit(&format!("\n<pasted>\n{MARK}\n</pasted>"), "p1"),
        stop("first", "p1"),
        stop("second", "p2"),
    ]);
    assert_eq!(hooks.submitted(MARK).map(|m| m.at), Some(Time(5)));
    let end = |id| hooks.end_of(id, MARK).map(|m| m.event.clone());
    assert_eq!(end(Some("p2")), Some(HookEvent::Stopped(Some("second".into()))), "the id that the transcript names");
    assert_eq!(end(None), Some(HookEvent::Stopped(Some("first".into()))), "the next one");
    assert_eq!(end(Some("p3")), None);
    assert_eq!(hooks.end_of(None, "[MC_TURN:8:x]"), None, "nothing is known of that prompt");
    assert_eq!((hooks.transcript.as_deref(), hooks.session.as_deref()), (Some("/t.jsonl"), Some("s")));
}

#[test]
fn a_wrong_token_is_believed_nothing() {
    let mut hooks = HookLog::new("right");
    for token in ["wrong", "", "rightt"] {
        hooks.read_line(&line(token, &submit(MARK, "p")), read);
    }
    hooks.read_line(b"half a li", read);
    assert_eq!((hooks.submitted(MARK), hooks.foreign), (None, 3));
    let mut none = HookLog::new("");
    none.read_line(&line("", &submit(MARK, "p")), read);
    assert_eq!(none.submitted(MARK), None, "no token is no token");
}

#[test]
fn what_it_does_is_said_in_a_few_words() {
    let uses =
        |tool: &str, input: Value| json!({"hook_event_name": "PreToolUse", "tool_name": tool, "tool_input": input, "cwd": "/w"});
    let mut hooks = told(&[submit(MARK, "p")]);
    for (tool, input, words) in [
        ("Read", json!({"file_path": "/w/src/app.rs"}), "reading src/app.rs"),
        ("Bash", json!({"command": "cargo test"}), "running cargo test"),
        ("mcp__x__y", json!({}), "using mcp__x__y"),
    ] {
        hooks.read_line(&line("right", &uses(tool, input)), read);
        assert_eq!(hooks.activity(MARK).as_deref(), Some(words));
    }
    assert_eq!(hooks.busy_since(), Some(Time(5)));
    hooks.read_line(&line("right", &json!({"hook_event_name": "PostToolUse", "tool_name": "Bash"})), read);
    assert_eq!(hooks.activity(MARK), None);
    hooks.read_line(&line("right", &json!({"hook_event_name": "StopFailure", "error": "billing_error", "last_assistant_message": "no credit", "prompt_id": "p"})), read);
    assert_eq!(
        hooks.end_of(Some("p"), MARK).map(|m| m.event.clone()),
        Some(HookEvent::Failed("billing_error".into(), "no credit".into()))
    );
    assert_eq!(hooks.busy_since(), None);
}

#[test]
fn an_answer_that_was_cut_is_not_taken_for_whole() {
    let mut cut = stop("beginning…end", "p");
    cut["mc_cut"] = json!(true);
    assert_eq!(told(&[submit(MARK, "p"), cut]).end_of(Some("p"), MARK).map(|m| m.event.clone()), Some(HookEvent::Stopped(None)));
}

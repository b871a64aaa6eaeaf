//! Transcripts as Claude Code writes them.

use super::*;
use crate::drivers::runtime::live::transcript::markers;
use serde_json::json;

fn read(lines: &[Value]) -> Transcript {
    let mut all = Transcript::default();
    for line in lines {
        read_line(line.to_string().as_bytes(), &mut all);
    }
    read_line(b"{\"type\":\"user\",\"mess", &mut all);
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
        user(&format!("\n\n<pasted_content id=\"6a\">\nLook at [MC_TURN:6:beef]\n\n{MARK}\n</pasted_content id=\"6a\">\n"), "p1"),
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

//! The stream of one turn as Claude Code gives it: its reply, byte for byte, and what it does meanwhile.

use crate::domain::time::Time;
use crate::drivers::runtime::claude::Claude;
use crate::drivers::runtime::interface::Reply;
use crate::drivers::runtime::turn_stream::TurnStream;
use serde_json::{Value, json};

const NOW: Time = Time(1_795_262_400_000);

fn read(lines: &[Value]) -> TurnStream {
    let mut stream = TurnStream::new(&Claude);
    lines.iter().for_each(|line| stream.line(line.to_string().as_bytes(), NOW));
    stream
}

fn result(text: &str, is_error: bool) -> Value {
    json!({"num_turns": 1, "is_error": is_error, "result": text, "type": "result", "usage": {"input_tokens": 7, "output_tokens": 2}})
}

#[test]
fn the_last_reply_in_good_order_counts_byte_for_byte() {
    let nasty = "a\u{1b}[31m\r\n\tb \u{202e}c\n\n  ";
    assert_eq!(read(&[result("first", false), result(nasty, false)]).reply.expect("a reply").text, nasty);
    let kept = read(&[result("good", false), result("API Error", true)]);
    assert_eq!(kept.reply.expect("kept"), Reply { text: "good".to_owned(), context_tokens: Some(9) });
    assert_eq!(read(&[result("API Error", true)]).reply, None);
}

#[test]
fn a_reply_behind_a_byte_order_mark_is_none_the_less_a_reply() {
    let mut stream = TurnStream::new(&Claude);
    stream.line(format!("\u{feff}{}\r", result("good", false)).as_bytes(), NOW);
    assert_eq!(stream.reply.map(|r| r.text).as_deref(), Some("good"));
}

#[test]
fn a_reply_longer_than_a_line_may_be_comes_whole() {
    let long = "0123456789\n".repeat(200_000);
    assert_eq!(read(&[result(&long, false)]).reply.expect("a reply").text, long);
}

#[test]
fn what_it_does_is_told_in_words() {
    let call = |name: &str, input: Value| {
        json!({"type": "assistant", "message": {"id": "m", "usage": {"input_tokens": 100, "cache_read_input_tokens": 11},
            "content": [{"type": "tool_use", "id": "t", "name": name, "input": input}]}})
    };
    let init = json!({"type": "system", "subtype": "init", "cwd": "/srv", "session_id": "s"});
    for (name, input, words) in [
        ("Read", json!({"file_path": "/srv/src/app.rs"}), "reading src/app.rs"),
        ("Edit", json!({"file_path": "/srv/a.rs", "old_string": "x", "new_string": "y"}), "editing a.rs"),
        ("Bash", json!({"command": "ls"}), "running ls"),
        ("Odd", json!({}), "using Odd"),
    ] {
        let stream = read(&[init.clone(), call(name, input)]);
        assert_eq!(stream.activity.as_deref(), Some(words));
        assert_eq!(stream.progress.context_tokens, 111);
    }
}

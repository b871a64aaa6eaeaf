//! What each tool's call is about, and what is kept of its arguments.

use super::*;
use serde_json::json;

#[test]
fn each_tool_says_what_it_is_about() {
    let cwd = Some("/home/op/repo");
    for (tool, input, wanted) in [
        ("Bash", json!({"command": "cargo test\ngit status", "description": "d"}), "cargo test …"),
        ("Bash", json!({"command": "\n  ls -l  \n"}), "ls -l"),
        ("Read", json!({"file_path": "/home/op/repo/src/app.rs"}), "src/app.rs"),
        ("Read", json!({"file_path": "/etc/hosts"}), "/etc/hosts"),
        (
            "Edit",
            json!({"file_path": "/home/op/repo/src/app.rs", "old_string": "a\nb\nc\nd", "new_string": "a\nX\nd"}),
            "src/app.rs +1 −2",
        ),
        ("Edit", json!({"file_path": "x.rs", "old_string": "", "new_string": "1\n2\n"}), "x.rs +2 −0"),
        (
            "MultiEdit",
            json!({"file_path": "x.rs", "edits": [{"old_string": "a", "new_string": "b"}, {"old_string": "c\nd", "new_string": "c"}]}),
            "x.rs +1 −2",
        ),
        ("Write", json!({"file_path": "out.txt", "content": "a\nb\n"}), "out.txt +2 −0"),
        ("Grep", json!({"pattern": "fn main", "path": "/home/op/repo/src"}), "fn main in src"),
        ("Glob", json!({"pattern": "**/*.rs"}), "**/*.rs"),
        ("Task", json!({"description": "look at tests", "prompt": "long"}), "look at tests"),
        ("WebFetch", json!({"url": "https://example.org", "prompt": "x"}), "https://example.org"),
        ("TodoWrite", json!({"todos": [1, 2, 3]}), "3 items"),
        ("mcp__db__query", json!({"limit": 3, "sql": "select 1"}), "select 1"),
    ] {
        assert_eq!(context(tool, &input, cwd).as_deref(), Some(wanted), "{tool}");
    }
}

#[test]
fn strange_arguments_give_no_context_and_no_panic() {
    for input in [json!(null), json!([1]), json!({}), json!({"command": 3}), json!({"file_path": {"a": 1}}), json!("\u{1b}[31m")]
    {
        for tool in ["Bash", "Edit", "MultiEdit", "Write", "Grep", "TodoWrite", ""] {
            assert_eq!(context(tool, &input, None), None, "{tool} {input}");
        }
    }
    assert_eq!(relative("/a/bc/d", Some("/a/b")), "/a/bc/d");
}

#[test]
fn arguments_are_a_bounded_object_without_secrets() {
    let (text, cut) = arguments(&json!({"command": "curl -H sk-ant-REDACTED", "n": 1}));
    assert_eq!(text, r#"{"command":"curl -H sk-…hidden","n":1}"#);
    assert!(!cut);
    let (text, cut) = arguments(&json!({"content": "x".repeat(5_000)}));
    assert!(cut && text.len() < 2_100, "{}", text.len());
    let many: Vec<String> = (0..3_000).map(|n| format!("{n}{}", "y".repeat(300))).collect();
    let (text, cut) = arguments(&json!({ "list": many }));
    assert!(cut && text.len() <= CONTENT_CUT);
    assert!(serde_json::from_str::<Value>(&text).expect("stays JSON").is_object());
    assert_eq!(arguments(&json!([1, 2])).0, r#"{"value":[1,2]}"#);
    assert_eq!(arguments(&json!(null)).0, "{}");
}

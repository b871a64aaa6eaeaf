//! Streams of the real program (three of them written by hand, see tests/streams) and everything else a line can hold.

use super::*;
use crate::domain::ids::TicketId;
use crate::domain::run::Tokens;
use crate::domain::run::conclude::{Conclusion, Ending, conclude};
use crate::domain::run::{ExitCause, ExitRecord, FailureCode, RunState, Verdict};
use crate::drivers::runtime::claude::stream_message::BLOCKS;
use crate::drivers::runtime::json_line::MAX_TOKENS;
use crate::drivers::runtime::raw_line::{oversize, unfinished};
use proptest::prelude::*;

const NOW: Time = Time(1_795_262_400_000);

macro_rules! stream {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/streams/", $name, ".jsonl"))
    };
}

const STREAMS: &[&str] = &[
    stream!("plain"),
    stream!("tool-allowed"),
    stream!("tool-default"),
    stream!("subagent"),
    stream!("bgtask"),
    stream!("err401-max1"),
    stream!("err429-limit"),
    stream!("err529-once"),
    stream!("resume"),
    stream!("resume-unknown"),
    stream!("worktree"),
    stream!("kill-term-stream"),
    stream!("maxturns"),
    stream!("cut-once"),
    stream!("nokey"),
    stream!("partial"),
    stream!("sigint"),
    stream!("limit-subscriber"),
];

fn read_all(stream: &str) -> (Progress, Vec<NewEvent>) {
    let mut progress = Progress::default();
    let mut events = Vec::new();
    for (n, line) in (1..).zip(stream.lines()) {
        let found = read_line(line.as_bytes(), n, NOW, &mut progress);
        assert!(!found.is_empty() && found.iter().all(|e| e.line == n), "{line}");
        events.extend(found);
    }
    (progress, events)
}

fn one(line: &str) -> (Progress, NewEvent) {
    let mut progress = Progress::default();
    let mut events = read_line(line.as_bytes(), 1, NOW, &mut progress);
    assert_eq!(events.len(), 1, "{line}: {events:?}");
    (progress, events.remove(0))
}

fn exit(code: Option<i32>, signal: Option<i32>) -> ExitRecord {
    ExitRecord {
        cause: ExitCause::Exited,
        exit_code: code,
        signal,
        text: None,
        started_at: NOW,
        ended_at: NOW,
        log_bytes: 0,
        strays: 0,
    }
}

fn judge(stream: &str, code: i32, resumed: bool) -> Conclusion {
    let (progress, _) = read_all(stream);
    let exit = exit(Some(code), None);
    conclude(&Ending {
        ticket: TicketId(101),
        nonce: "MC_TICKET_TURN:101:1:00000001",
        progress: &progress,
        reports: &[],
        exit: Some(&exit),
        stop_wanted: false,
        lingering_stopped: false,
        resumed,
        expected_cwd: None,
        log_lost: false,
        stderr_tail: "",
        now: NOW,
    })
}

fn brief_of(events: &[NewEvent]) -> Vec<String> {
    events
        .iter()
        .map(|e| {
            let who = if e.sub_agent.is_some() { "sub " } else { "" };
            let mark = if e.is_error { "!" } else { "" };
            let what = e.context.as_deref().unwrap_or("-");
            format!("{who}{}{mark} {} [{what}] {}", e.kind, e.tool.as_deref().unwrap_or("-"), e.content.replace('\n', "⏎"))
        })
        .collect()
}

#[test]
fn a_recorded_run_with_tools_becomes_these_events() {
    let (progress, events) = read_all(stream!("tool-allowed"));
    assert_eq!(
        brief_of(&events),
        [
            "status init [claude-opus-5-5 in /home/op/repo] Session 9742ed24-e7c1-43ea-8e2b-2afb6f72a0f7",
            "system thinking_tokens [-] ",
            "system thinking [-] hmm let me run it",
            "text - [-] I will run it.",
            "tool_use Bash [echo hi; echo err >&2; exit 3] ",
            "tool_result! Bash [-] Exit code 3⏎hi⏎err",
            "tool_use Write [out.txt +1 −0] ",
            "tool_result Write [-] The file /home/op/repo/out.txt has been updated successfully. (file state is current in your context — no need to Read it back)",
            "text - [-] DONE: wrote out.txt",
            "status result [finished · 3 turns · 0 s] ",
        ]
    );
    assert_eq!(events[4].input.as_deref(), Some(r#"{"command":"echo hi; echo err >&2; exit 3","description":"say hi"}"#));
    assert_eq!(events[4].call_id, events[5].call_id);
    assert_eq!(progress.tokens(), Tokens { input: 37_955, output: 126, ..Tokens::default() });
    assert!((progress.cost_usd - 0.15434).abs() < 1e-9);
    assert_eq!((progress.tool_uses, progress.inits, progress.results, progress.context_tokens), (2, 1, 1, 12_758));
    assert_eq!(progress.cli_version.as_deref(), Some("2.1.330"));
}

#[test]
fn a_resumed_session_counts_only_its_own_tokens_and_cost() {
    let (progress, _) = read_all(stream!("resume"));
    assert_eq!(progress.tokens(), Tokens { input: 12_517, output: 42, ..Tokens::default() });
    assert!((progress.cost_usd - 0.050_908).abs() < 1e-9, "{}", progress.cost_usd);
}

#[test]
fn a_sub_agents_done_is_not_the_agents_and_review_said_first_wins() {
    let (progress, events) = read_all(stream!("subagent"));
    // Both results come at the very end, after the second turn has begun and spoken.
    assert_eq!((progress.inits, progress.results, progress.tool_uses), (2, 2, 2));
    assert_eq!(progress.asked, Some(Verdict::Review));
    assert!(progress.open_tasks.is_empty() && progress.is_at_rest());
    assert_eq!(events.iter().filter(|e| e.sub_agent.is_some()).count(), 3, "{:#?}", brief_of(&events));
    let judged = judge(stream!("subagent"), 0, false);
    assert_eq!((judged.state, judged.verdict), (RunState::Finished, Some(Verdict::Review)));
    assert_eq!(progress.context_tokens, 1_190);
    let results: Vec<&NewEvent> = events.iter().filter(|e| e.tool.as_deref() == Some("result")).collect();
    assert!(results.iter().all(|e| e.content.is_empty()), "what was said is not said again: {results:?}");
}

#[test]
fn a_background_task_keeps_the_run_open_after_its_first_result() {
    let mut progress = Progress::default();
    let mut rests = Vec::new();
    for (n, line) in (1..).zip(stream!("bgtask").lines()) {
        read_line(line.as_bytes(), n, NOW, &mut progress);
        rests.push(progress.is_at_rest());
    }
    assert_eq!(rests, [false, false, false, false, false, false, false, true, true, true, false, false, true], "{progress:?}");
    assert_eq!(judge(stream!("bgtask"), 0, false).verdict, Some(Verdict::Review), "it said so first");
}

#[test]
fn a_subscribers_limit_is_known_to_the_second_though_its_words_name_the_minute() {
    let (progress, events) = read_all(stream!("limit-subscriber"));
    assert_eq!(progress.limit_reset_at, Some(Time(1_795_275_125_000)));
    assert!(events.iter().any(|e| e.content.contains("You've hit your 5-hour limit")));
    assert_eq!(judge(stream!("limit-subscriber"), 1, false).failure.expect("failed").retry_at, Some(Time(1_795_275_125_000)));
}

#[test]
fn each_stream_comes_to_its_conclusion() {
    let failure = |stream, code, resumed| {
        let c = judge(stream, code, resumed);
        (c.state, c.failure.expect("failed").code)
    };
    assert_eq!(judge(stream!("plain"), 0, false).verdict, Some(Verdict::Review), "DONE without a tool call goes to review");
    assert_eq!(judge(stream!("tool-allowed"), 0, false).verdict, Some(Verdict::Done));
    assert_eq!(judge(stream!("worktree"), 0, false).verdict, Some(Verdict::Done));
    assert_eq!(judge(stream!("tool-default"), 0, false).notes, ["2 of its tool calls were not permitted."]);
    for stream in [stream!("cut-once"), stream!("err529-once"), stream!("resume"), stream!("partial")] {
        assert_eq!(judge(stream, 0, false).state, RunState::Finished);
    }
    assert_eq!(failure(stream!("err401-max1"), 1, false), (RunState::Failed, FailureCode::AuthFailure));
    assert_eq!(failure(stream!("nokey"), 1, false), (RunState::Failed, FailureCode::AuthFailure));
    assert_eq!(failure(stream!("err429-limit"), 1, false), (RunState::Failed, FailureCode::RateLimit));
    assert_eq!(failure(stream!("maxturns"), 1, false), (RunState::Failed, FailureCode::TurnLimit));
    assert_eq!(failure(stream!("resume-unknown"), 1, true), (RunState::Failed, FailureCode::UnknownSession));
    assert_eq!(failure(stream!("resume-unknown"), 1, false), (RunState::Failed, FailureCode::AgentError));
    assert_eq!(failure(stream!("kill-term-stream"), 143, false), (RunState::Failed, FailureCode::Killed));
    assert_eq!(failure(stream!("sigint"), 0, false), (RunState::Failed, FailureCode::Interrupted), "exit code 0 is not success");
}

#[test]
fn a_refused_login_is_suspected_at_the_first_retry() {
    let first_two: Vec<&str> = stream!("err401-max1").lines().take(2).collect();
    let (progress, events) = read_all(&first_two.join("\n"));
    assert!(progress.auth_suspect);
    assert_eq!(events[1].context.as_deref(), Some("401 authentication_failed, attempt 1 of 1"));
    let (overcome, _) = read_all(stream!("err529-once"));
    assert!(!overcome.auth_suspect && overcome.last_retry.is_none());
}

#[test]
fn a_session_is_taken_from_its_first_line_and_never_from_a_failed_result() {
    assert_eq!(read_all(stream!("resume-unknown")).0.session_id, None);
    let (progress, events) = read_all(
        "{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"one\",\"cwd\":\"/a\"}\n{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"two\"}",
    );
    assert_eq!((progress.session_id.as_deref(), progress.cwd.as_deref()), (Some("two"), Some("/a")));
    assert!(events[1].context.as_deref().is_some_and(|c| c.starts_with("another session")));
}

#[test]
fn tool_results_of_any_shape_are_cut_at_500_characters() {
    let long = "é".repeat(600);
    let line = |content: &str| {
        format!(r#"{{"type":"user","message":{{"content":[{{"type":"tool_result","tool_use_id":"t","content":{content}}}]}}}}"#)
    };
    let (_, event) = one(&line(&format!("\"{long}\"")));
    assert_eq!((event.kind, event.content.chars().count(), event.truncated), (EventKind::ToolResult, 500, true));
    let (_, event) = one(&line(
        r#"[{"type":"text","text":"a"},[{"type":"image","source":{"data":"AAAA"}}],{"type":"x","content":[{"text":"b"}]},7,null]"#,
    ));
    assert_eq!((event.content.as_str(), event.truncated), ("a\n[image]\nb\n7", false));
    assert_eq!(one(&line("null")).1.content, "");
}

#[test]
fn secrets_and_terminal_control_are_taken_out_everywhere() {
    let secret = "sk-ant-REDACTED";
    let line = format!(
        r#"{{"type":"assistant","message":{{"content":[{{"type":"text","text":"{secret} \u001b]52;c;aGk=\u0007x"}},{{"type":"tool_use","id":"1","name":"Bash\u001b[31m","input":{{"command":"export K={secret}"}}}},{{"type":"thinking","thinking":"{secret}"}}]}}}}"#
    );
    let mut progress = Progress::default();
    let events = read_line(line.as_bytes(), 1, NOW, &mut progress);
    assert_eq!(events.len(), 3);
    let all = format!("{events:?}");
    assert!(!all.contains("0123456789") && !all.contains("\\u{1b}"), "{all}");
    assert_eq!(events[0].content, "sk-…hidden x");
    assert_eq!(events[1].tool.as_deref(), Some("Bash"));
}

#[test]
fn half_an_emoji_does_not_lose_the_line() {
    let (_, event) =
        one(r#"{"type":"assistant","message":{"content":[{"type":"text","text":"a\ud83d b \\ud83d \ud83d\ude00 c\udc00"}]}}"#);
    assert_eq!(event.content, "a\u{fffd} b \\ud83d 😀 c\u{fffd}");
}

#[test]
fn what_cannot_be_read_is_an_event_all_the_same() {
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let nested = format!(r#"{{"type":"assistant","message":{deep}}}"#);
    for line in [
        "no JSON",
        "{",
        "{\"type\":\"assistant\"",
        "[]",
        "\"DONE: x\"",
        "null",
        "\0\0",
        "{\"n\":1e999}",
        "{\"a\":\"\u{1}\"}",
        &deep,
        &nested,
    ] {
        let (progress, event) = one(line);
        assert_eq!((event.kind, event.tool.as_deref(), event.is_error), (EventKind::System, Some("unreadable"), true), "{line}");
        assert_eq!(progress.unreadable, 1);
        assert!(progress.last.is_none() && progress.final_text.is_empty());
    }
    for line in ["", " ", "\r", "\u{feff}\r\n"] {
        assert_eq!(one(line).1.tool.as_deref(), Some("empty"), "{line:?}");
    }
    let mut progress = Progress::default();
    let event = &unfinished(read_line(br#"{"type":"assist"#, 9, NOW, &mut progress))[0];
    assert_eq!((event.tool.as_deref(), event.line), (Some("unfinished"), 9));
    let whole = unfinished(read_line(br#"{"type":"assistant","message":{"content":"DONE: x"}}"#, 9, NOW, &mut progress));
    assert_eq!((whole[0].kind, whole[0].content.as_str()), (EventKind::Text, "DONE: x"));
    let event = oversize(3, b"{\"type\":\"\xff", 50_000_000, &mut progress);
    assert_eq!((event.tool.as_deref(), event.truncated, progress.oversize), (Some("oversize"), true, 1));
    assert!(event.context.is_some_and(|c| c.contains("50000000 bytes")));
}

#[test]
fn strange_lines_change_nothing_they_should_not() {
    let (progress, event) = one("\u{feff}{\"type\":\"assistant\",\"message\":{\"content\":\"DONE: as a string\"}}\r\n");
    assert_eq!((event.kind, progress.final_text.as_str()), (EventKind::Text, "DONE: as a string"));
    assert_eq!(one(r#"{"type":"brand_new","x":1}"#).1.tool.as_deref(), Some("brand_new"));
    assert_eq!(one("{}").1.tool.as_deref(), Some("unknown"));
    assert_eq!(one(r#"{"type":7}"#).1.tool.as_deref(), Some("unknown"));
    assert_eq!(one(r#"{"type":"assistant"}"#).1.tool.as_deref(), Some("assistant"));
    assert_eq!(one(r#"{"type":"assistant","message":{"content":[]}}"#).1.tool.as_deref(), Some("assistant"));
    assert_eq!(one(r#"{"type":"system"}"#).1.tool.as_deref(), Some("system"));
    let (progress, event) =
        one(r#"{"type":"user","type":"assistant","message":{"content":[{"type":"text","text":"a","text":"b"}]}}"#);
    assert_eq!((event.content.as_str(), progress.final_text.as_str()), ("b", "b"), "of duplicate keys the last counts");
    let (progress, _) = one(r#"{"type":"result","is_error":false,"result":"DONE: x"}"#);
    assert!(progress.ended_well() && progress.session_id.is_none());
    let (progress, _) = one(
        r#"{"type":"assistant","message":{"id":"m","usage":{"input_tokens":-5,"output_tokens":1e300,"cache_read_input_tokens":"x"},"content":"t"}}"#,
    );
    assert_eq!(progress.tokens(), Tokens { output: MAX_TOKENS, ..Tokens::default() });
}

#[test]
fn a_done_in_a_tool_result_or_a_prompt_is_no_word_of_the_agent() {
    let (progress, _) = read_all(concat!(
        r#"{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t","content":"QUESTION: x"}]}}"#,
        "\n",
        r#"{"type":"user","message":{"content":"QUESTION: when you need an answer"},"isReplay":true}"#,
        "\n",
        r#"{"type":"assistant","parent_tool_use_id":"toolu_9","message":{"content":[{"type":"text","text":"QUESTION: from a sub-agent"}]}}"#,
    ));
    assert_eq!((progress.asked, progress.final_text.as_str()), (None, ""));
}

#[test]
fn a_reset_is_taken_from_the_limit_notice() {
    let (progress, event) = one(
        r#"{"type":"rate_limit_event","rate_limit_info":{"status":"rejected","resetsAt":1795266000,"rateLimitType":"five_hour"}}"#,
    );
    assert_eq!(progress.limit_reset_at, Some(Time(1_795_266_000_000)));
    assert!(event.is_error);
    assert_eq!(
        one(r#"{"type":"rate_limit_event","rate_limit_info":{"status":"allowed","resetsAt":1795266000}}"#).0.limit_reset_at,
        None
    );
}

#[test]
fn a_reset_that_cannot_be_is_not_believed() {
    for at in ["1900000000", "253402300800", "9223372036854775807", "-9223372036854775808", "1e300", "1", "\"soon\""] {
        let line = format!(r#"{{"type":"rate_limit_event","rate_limit_info":{{"status":"rejected","resetsAt":{at}}}}}"#);
        let (progress, event) = one(&line);
        assert_eq!(progress.limit_reset_at, None, "{at}");
        assert!(event.is_error);
    }
}

#[test]
fn a_cost_beyond_all_reason_can_be_stored_and_read_back() {
    let mut progress = Progress::default();
    for line in [
        r#"{"type":"result","result":"x","model_usage_since_last_result":{"a":{"costUSD":1e308},"b":{"costUSD":1e308}}}"#,
        r#"{"type":"result","result":"x","total_cost_usd":1e308}"#,
        r#"{"type":"result","result":"x","total_cost_usd":0}"#,
        r#"{"type":"result","result":"x","total_cost_usd":1e308}"#,
    ] {
        read_line(line.as_bytes(), 1, Time(0), &mut progress);
        let stored = serde_json::to_string(&progress).expect("plain data");
        let back: Progress = serde_json::from_str(&stored).expect("what cannot be read back would stop the run for good");
        assert!(back.cost_usd.is_finite() && back.cost_usd >= 0.0);
    }
}

#[test]
fn a_long_answer_keeps_its_beginning_and_its_last_line() {
    let text = format!("DONE: {}\nlast line", "long ".repeat(60_000));
    let line = serde_json::json!({"type": "result", "is_error": false, "result": text}).to_string();
    let (progress, _) = one(&line);
    assert!(progress.answer().starts_with("DONE:") && progress.answer().ends_with("last line"));
    assert!(progress.answer().len() <= TEXT_CUT);
}

#[test]
fn thousands_of_blocks_on_one_line_stay_bounded() {
    let blocks = vec![r#"{"type":"text","text":"x"}"#; 5_000].join(",");
    let line = format!(r#"{{"type":"assistant","message":{{"content":[{blocks}]}}}}"#);
    let events = read_line(line.as_bytes(), 1, NOW, &mut Progress::default());
    assert_eq!(events.len(), BLOCKS + 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_give_events_and_never_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut progress = Progress::default();
        let events = read_line(&bytes, 1, NOW, &mut progress);
        prop_assert!(!events.is_empty());
        prop_assert!(progress.last.is_none());
    }

    #[test]
    fn any_mutation_of_a_real_line_gives_events_and_never_a_panic(
        stream in 0..STREAMS.len(),
        line in 0usize..12,
        edits in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>(), 0..3), 0..6),
    ) {
        let lines: Vec<&str> = STREAMS[stream].lines().collect();
        let mut bytes = lines[line % lines.len()].as_bytes().to_vec();
        for (at, byte, how) in edits {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => bytes.truncate(at.max(1)),
            }
        }
        let mut progress = Progress::default();
        let events = read_line(&bytes, 1, NOW, &mut progress);
        prop_assert!(!events.is_empty());
        let tame = events.iter().all(|e| e.content.len() <= CONTENT_CUT && !e.content.contains('\u{1b}'));
        prop_assert!(tame);
        let stored = serde_json::to_string(&progress).expect("plain data");
        prop_assert_eq!(serde_json::from_str::<Progress>(&stored).expect("reads back"), progress);
    }
}

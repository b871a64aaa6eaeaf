//! A run's raw log: every line gives events, all of them bounded and clean, and a server that is killed and started
//! again between any two lines reads the same as one that was not.

use super::plain::{assert_line, assert_plain};
use super::{FARTHEST_MS, NOW};
use mission_control::domain::ids::TicketId;
use mission_control::domain::run::conclude::{Conclusion, Ending, conclude};
use mission_control::domain::run::event::{CONTENT_CUT, EventKind, NewEvent, RESULT_CUT};
use mission_control::domain::run::progress::{Progress, TEXT_CUT};
use mission_control::domain::run::{ExitCause, ExitRecord, RunState, Verdict};
use mission_control::drivers::runtime::claude::stream::read_line;
use mission_control::drivers::runtime::raw_line::{LINE_CAP, oversize, unfinished};

/// Bytes of what is stored of a run beside its offset.
const STORED: usize = 600_000;

/// Reads a log as the engine does, whole lines and what stands behind the last of them.
pub fn stream(data: &[u8]) {
    let mut straight = Progress::default();
    let mut stored = store(&straight);
    let mut lines: Vec<&[u8]> = data.split(|b| *b == b'\n').collect();
    let rest = lines.pop().unwrap_or_default();
    let mut number = 0;
    for line in lines {
        number += 1;
        let events = read(line, number, &mut straight);
        let mut anew = fetch(&stored);
        assert_eq!(read(line, number, &mut anew), events, "a server that was started again reads something else");
        assert_same(&anew, &straight);
        stored = store(&anew);
        events.iter().for_each(|e| assert_event(e, number));
        assert!(!events.is_empty() && events.len() <= 502, "line {number} gives {} events", events.len());
    }
    if !rest.is_empty() {
        let events = unfinished(read_line(rest, number + 1, NOW, &mut straight));
        assert!(!events.is_empty(), "half a line gives nothing");
        events.iter().for_each(|e| assert_event(e, number + 1));
    }
    assert_progress(&straight);
    for exit_code in [Some(0), Some(1), None] {
        assert_concluded(&straight, exit_code);
    }
}

fn read(line: &[u8], number: i64, progress: &mut Progress) -> Vec<NewEvent> {
    if line.len() > LINE_CAP {
        let first = &line[..4096];
        return vec![oversize(number, first, line.len() as u64, progress)];
    }
    read_line(line, number, NOW, progress)
}

fn store(progress: &Progress) -> String {
    serde_json::to_string(progress).expect("plain data")
}

fn fetch(stored: &str) -> Progress {
    serde_json::from_str(stored).expect("what was stored is read back")
}

/// The same, but for what a fraction loses on its way through text.
pub fn assert_same(a: &Progress, b: &Progress) {
    let close = |x: f64, y: f64| x == y || (x - y).abs() <= 1e-9 * x.abs().max(y.abs());
    assert!(close(a.cost_usd, b.cost_usd) && close(a.session_cost_usd, b.session_cost_usd), "the costs differ");
    let mut a = a.clone();
    (a.cost_usd, a.session_cost_usd) = (b.cost_usd, b.session_cost_usd);
    assert_eq!(&a, b);
}

fn assert_event(event: &NewEvent, line: i64) {
    assert_eq!(event.line, line);
    assert_plain(&event.content, "an event's content");
    assert!(event.content.len() <= CONTENT_CUT, "content of {} bytes", event.content.len());
    if event.kind == EventKind::ToolResult {
        assert!(event.content.chars().count() <= RESULT_CUT);
    }
    for (what, text, most) in [
        ("an event's tool", &event.tool, 110),
        ("an event's context", &event.context, 600),
        ("an event's sub-agent", &event.sub_agent, 201),
        ("an event's call", &event.call_id, 201),
    ] {
        if let Some(text) = text {
            assert_line(text, most, what);
        }
    }
    if let Some(input) = &event.input {
        assert!(input.len() <= CONTENT_CUT, "arguments of {} bytes", input.len());
        let read: serde_json::Value = serde_json::from_str(input).expect("arguments are JSON");
        assert!(read.is_object(), "arguments are no object: {input}");
    }
}

/// What is known of a run stays small and makes sense.
pub fn assert_progress(p: &Progress) {
    let size = store(p).len();
    assert!(size <= STORED, "{size} bytes are stored");
    assert!(p.cost_usd.is_finite() && p.cost_usd >= 0.0, "it cost {}", p.cost_usd);
    let t = p.tokens();
    assert!(t.input >= 0 && t.output >= 0 && t.cache_read >= 0 && t.cache_creation >= 0 && p.context_tokens >= 0);
    assert!(p.final_text.len() <= TEXT_CUT && p.answer().len() <= TEXT_CUT);
    assert_eq!(mission_control::domain::text::strip_control(p.answer()), p.answer());
    assert_ne!(p.asked, Some(Verdict::Done));
    if let Some(at) = p.limit_reset_at {
        assert!(at.0.saturating_sub(NOW.0) <= FARTHEST_MS, "a limit until {}", at.0);
    }
}

/// What a run that ended by itself comes to, whatever its log said: bounded words.
pub fn concluded(progress: &Progress, exit_code: Option<i32>, nonce: &str) -> Conclusion {
    let exit = ExitRecord {
        cause: ExitCause::Exited,
        exit_code,
        signal: None,
        text: None,
        started_at: NOW,
        ended_at: NOW,
        log_bytes: 0,
        strays: 0,
    };
    let end = conclude(&Ending {
        ticket: TicketId(7),
        nonce,
        progress,
        reports: &[],
        exit: Some(&exit),
        stop_wanted: false,
        lingering_stopped: false,
        resumed: false,
        expected_cwd: None,
        log_lost: false,
        stderr_tail: "",
        now: NOW,
    });
    assert_conclusion(&end);
    end
}

fn assert_concluded(progress: &Progress, exit_code: Option<i32>) {
    let end = concluded(progress, exit_code, "MC_TICKET_TURN:7:1795262400000:feedbeef");
    if end.verdict == Some(Verdict::Done) {
        assert!(progress.ended_well() && progress.tool_uses > 0 && exit_code == Some(0), "done without proof");
        assert_eq!(progress.asked, None, "done, though it asked before");
    }
}

/// A conclusion hangs together.
fn assert_conclusion(end: &Conclusion) {
    assert_plain(&end.payload, "a payload");
    end.notes.iter().for_each(|n| assert_plain(n, "a note"));
    assert_eq!(end.verdict.is_some(), end.state == RunState::Finished);
    assert_eq!(end.failure.is_some(), matches!(end.state, RunState::Failed | RunState::Lost));
    if let Some(failure) = &end.failure {
        assert_line(&failure.text, 601, "a failure");
        if let Some(at) = failure.retry_at {
            assert!(at > NOW && at.since(NOW) <= FARTHEST_MS, "tried again at {}", at.0);
        }
    }
}

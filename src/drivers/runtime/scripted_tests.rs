//! The scripted agents, run for real and judged: so that the integration tests can rely on what each of them means.

use crate::domain::ids::TicketId;
use crate::domain::run::conclude::{Conclusion, Ending, conclude};
use crate::domain::run::progress::Progress;
use crate::domain::run::{ExitCause, ExitRecord, FailureCode, RunState, Verdict};
use crate::domain::time::Time;
use crate::drivers::runtime::claude::stream::read_line;
use crate::drivers::runtime::raw_line::{LINE_CAP, oversize, unfinished};
use std::io::Write;
use std::process::{Command, Stdio};

const NOW: Time = Time(1_795_262_400_000);
const NONCE: &str = "MC_TICKET_TURN:7:1795262400000:feedbeef";
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/agents/agent.py");

fn play(mode: &str, env: &[(&str, &str)], resume: bool) -> (Progress, Conclusion, String) {
    let id = "2b0c1f6e-6a3e-4d8a-9d51-0f6f5c1f7a10";
    let mut child = Command::new("python3")
        .args([SCRIPT, if resume { "--resume" } else { "--session-id" }, id])
        .env("AGENT_MODE", mode)
        .envs(env.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3 is there");
    let prompt = format!("{{\"ticket\":\"MC-7\",\"nonce\":\"{NONCE}\"}}\nBEGIN q9 reply by Ann\nus-east-1\nEND q9\n");
    child.stdin.take().expect("piped").write_all(prompt.as_bytes()).expect("the prompt is taken");
    let output = child.wait_with_output().expect("ends");
    let mut progress = Progress::default();
    let (whole, rest) = match output.stdout.iter().rposition(|b| *b == b'\n') {
        Some(at) => (&output.stdout[..at], &output.stdout[at + 1..]),
        None => (&[][..], &output.stdout[..]),
    };
    let mut line_no = 0;
    let mut texts = String::new();
    for line in whole.split(|b| *b == b'\n').filter(|_| !whole.is_empty()) {
        line_no += 1;
        let events = if line.len() > LINE_CAP {
            vec![oversize(line_no, &line[..1_000], line.len() as u64, &mut progress)]
        } else {
            read_line(line, line_no, NOW, &mut progress)
        };
        assert!(!events.is_empty());
        events.iter().for_each(|e| texts.push_str(&format!("{}|", e.content)));
    }
    if !rest.is_empty() {
        assert!(!unfinished(read_line(rest, line_no + 1, NOW, &mut progress)).is_empty());
    }
    let exit = ExitRecord {
        cause: ExitCause::Exited,
        exit_code: output.status.code(),
        signal: None,
        text: None,
        started_at: NOW,
        ended_at: NOW,
        log_bytes: 0,
        strays: 0,
    };
    let conclusion = conclude(&Ending {
        ticket: TicketId(7),
        nonce: NONCE,
        progress: &progress,
        reports: &[],
        exit: Some(&exit),
        stop_wanted: false,
        lingering_stopped: false,
        resumed: resume,
        expected_cwd: (mode == "wrongplace").then_some("/home/op/repo"),
        log_lost: false,
        stderr_tail: &String::from_utf8_lossy(&output.stderr),
        now: NOW,
    });
    (progress, conclusion, texts)
}

#[test]
fn each_scripted_agent_ends_as_its_name_says() {
    for (mode, verdict) in [
        ("instant", Verdict::Done),
        ("question", Verdict::Question),
        ("review", Verdict::Review),
        ("none", Verdict::Review),
        ("empty", Verdict::Review),
        ("longline", Verdict::Done),
        ("badutf8", Verdict::Done),
        ("twice", Verdict::Review),
        ("subagent", Verdict::Review),
        ("talker", Verdict::Done),
    ] {
        let (_, c, _) = play(mode, &[("LONG_MB", "3"), ("TALK_LINES", "50"), ("TALK_PAUSE_MS", "0")], false);
        assert_eq!((c.state, c.verdict), (RunState::Finished, Some(verdict)), "{mode}: {c:?}");
    }
    for (mode, code) in [
        ("garbage", FailureCode::NoResult),
        ("noresult", FailureCode::NoResult),
        ("halfline", FailureCode::ExitCode),
        ("code1", FailureCode::ExitCode),
        ("code137", FailureCode::Killed),
        ("auth", FailureCode::AuthFailure),
        ("limit", FailureCode::RateLimit),
        ("wrongplace", FailureCode::WrongPlace),
    ] {
        let (_, c, _) = play(mode, &[], false);
        assert_eq!(c.failure.map(|f| f.code), Some(code), "{mode}");
    }
}

#[test]
fn scripted_agents_resume_fork_and_forget() {
    let (_, done, _) = play("question", &[], true);
    assert_eq!((done.verdict, done.payload.as_str()), (Some(Verdict::Done), "DONE: went on with: us-east-1"));
    let (forked, _, _) = play("fork", &[], true);
    assert!(forked.session_id.is_some_and(|s| s != "2b0c1f6e-6a3e-4d8a-9d51-0f6f5c1f7a10"));
    let (_, lost, _) = play("unknown", &[], true);
    assert_eq!(lost.failure.map(|f| f.code), Some(FailureCode::UnknownSession));
}

#[test]
fn a_talker_says_every_line_and_a_sentinel_is_taken_off() {
    let (_, _, texts) = play("talker", &[("TALK_LINES", "300"), ("TALK_PAUSE_MS", "0")], false);
    for n in 1..=300 {
        assert!(texts.contains(&format!("line {n}|")), "{n}");
    }
    let (_, c, _) = play("instant", &[("AGENT_SENTINEL", "1")], false);
    assert_eq!((c.verdict, c.payload.as_str(), c.notes.len()), (Some(Verdict::Done), "DONE: instantly", 0), "{c:?}");
}

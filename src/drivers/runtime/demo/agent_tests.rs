//! The demo agent, played through in a real repository and read back by the stream reader.

use super::*;
use crate::domain::ids::TicketId;
use crate::domain::run::brief::{BriefParts, Opening, Said, brief};
use crate::domain::run::conclude::{Conclusion, Ending as RunEnding, conclude};
use crate::domain::run::progress::Progress;
use crate::domain::run::{ExitCause, ExitRecord, FailureCode, Verdict};
use crate::domain::ticket::{Role, WorkClass};
use crate::domain::time::Time;
use crate::drivers::runtime::demo::Demo;
use crate::drivers::runtime::interface::Runtime;
use std::path::Path;
use std::process::Command;

const SESSION: &str = "2b0c1f6e-6a3e-4d8a-9d51-0f6f5c1f7a10";
const NOW: Time = Time(1_795_262_400_000);

struct Scene {
    dir: tempfile::TempDir,
}

impl Scene {
    fn new() -> Scene {
        let scene = Scene { dir: tempfile::tempdir().expect("a temporary folder") };
        std::fs::create_dir(scene.repo()).expect("creates");
        for args in [
            vec!["init", "-q", "-b", "main"],
            vec!["-c", "user.name=Ann", "-c", "user.email=ann@localhost", "commit", "-q", "--allow-empty", "-m", "first"],
        ] {
            assert!(Command::new("git").args(args).current_dir(scene.repo()).status().expect("git runs").success());
        }
        scene
    }

    fn repo(&self) -> PathBuf {
        self.dir.path().join("repo")
    }

    fn play(&self, flags: &[&str], description: &str, opening: Opening<'_>) -> (u8, Progress, Conclusion, String) {
        let text = brief(&BriefParts {
            role: &Role::default(),
            ticket: TicketId(7),
            title: "Say hello'; rm -rf $(id)",
            description,
            work_class: WorkClass::Code,
            project: "",
            branch: Some("worktree-mc-mc-7"),
            nonce: "MC_TICKET_TURN:7:1795262400000:feedbeef",
            delimiter: "q7Yt2kPz9w",
            opening,
        });
        let args: Vec<String> = ["-p", "--output-format", "stream-json", "--verbose", "--worktree", "mc-mc-7"]
            .iter()
            .chain(flags)
            .map(|a| (*a).to_owned())
            .collect();
        let mut out = Vec::new();
        let place = WorkPlace { cwd: self.repo(), state: self.dir.path().join("state"), pace_ms: 0 };
        let code = run(&args, &text, place, &mut out);
        let mut progress = Progress::default();
        let lines: Vec<&[u8]> = out.strip_suffix(b"\n").unwrap_or(&out).split(|b| *b == b'\n').collect();
        let mut shown = String::new();
        for (n, line) in (1..).zip(lines) {
            for event in Demo.read_line(line, n, NOW, &mut progress) {
                assert_ne!(event.tool.as_deref(), Some("unreadable"));
                shown.push_str(&format!("{} {}\n", event.context.as_deref().unwrap_or_default(), event.content));
            }
        }
        let exit = ExitRecord {
            cause: ExitCause::Exited,
            exit_code: Some(i32::from(code)),
            signal: None,
            text: None,
            started_at: NOW,
            ended_at: NOW,
            log_bytes: 0,
            strays: 0,
        };
        let expected = self.repo().join(".claude/worktrees/mc-mc-7").canonicalize().ok();
        let conclusion = conclude(&RunEnding {
            ticket: TicketId(7),
            nonce: "MC_TICKET_TURN:7:1795262400000:feedbeef",
            progress: &progress,
            reports: &[],
            exit: Some(&exit),
            stop_wanted: false,
            lingering_stopped: false,
            resumed: flags.contains(&"--resume"),
            expected_cwd: expected.as_deref().and_then(Path::to_str),
            log_lost: false,
            stderr_tail: "",
            now: NOW,
        });
        (code, progress, conclusion, shown)
    }
}

const COLD: Opening<'static> = Opening::Cold { history: &[], replies: &[] };
const NEW: [&str; 2] = ["--session-id", SESSION];
const AGAIN: [&str; 2] = ["--resume", SESSION];

fn reply(text: &str) -> Said {
    Said { author: "Ann".to_owned(), at: NOW, body: text.to_owned() }
}

#[test]
fn it_writes_checks_and_commits_a_note_in_its_worktree() {
    let scene = Scene::new();
    let (code, progress, conclusion, _) = scene.play(&NEW, "Please greet.", COLD);
    assert_eq!((code, conclusion.verdict), (0, Some(Verdict::Done)), "{conclusion:?}");
    assert!(conclusion.payload.contains("demo: wrote and committed"), "{}", conclusion.payload);
    assert_eq!(progress.session_id.as_deref(), Some(SESSION));
    assert_eq!(progress.tool_uses, 4);
    let log =
        Command::new("git").args(["log", "--oneline", "worktree-mc-mc-7"]).current_dir(scene.repo()).output().expect("git runs");
    assert!(String::from_utf8_lossy(&log.stdout).contains("MC-7: note by the demo agent"));
    assert!(scene.repo().join(".claude/worktrees/mc-mc-7/notes/mc-7.md").exists());
    assert!(!scene.repo().join("notes").exists(), "the main checkout stays clean");
}

#[test]
fn it_asks_and_goes_on_with_the_answer_in_the_same_session() {
    let scene = Scene::new();
    let ticket = "[demo: ask Which region? | eu-central-1 | us-east-1]";
    let (_, _, asked, _) = scene.play(&NEW, ticket, COLD);
    assert_eq!(asked.verdict, Some(Verdict::Question));
    let options = crate::domain::run::question::read(&asked.payload).options;
    assert_eq!(options, ["eu-central-1", "us-east-1"]);
    let (_, progress, done, shown) = scene.play(&AGAIN, ticket, Opening::Resume { replies: &[reply("us-east-1")] });
    assert_eq!(done.verdict, Some(Verdict::Done), "{done:?}");
    assert!(done.payload.contains("us-east-1"), "{}", done.payload);
    assert!(shown.contains("this session began with"), "{shown}");
    assert_eq!(progress.session_id.as_deref(), Some(SESSION));
}

#[test]
fn a_cold_start_with_the_answer_does_not_ask_again() {
    let scene = Scene::new();
    let opening = Opening::Cold { history: &[], replies: &[reply("eu")] };
    let (_, _, done, _) = scene.play(&NEW, "[demo: ask Which? | eu | us]", opening);
    assert_eq!(done.verdict, Some(Verdict::Done));
}

#[test]
fn an_unknown_session_is_told_as_the_real_program_does() {
    let scene = Scene::new();
    let (code, progress, lost, _) = scene.play(&AGAIN, "", Opening::Resume { replies: &[reply("yes")] });
    assert_eq!(code, 1);
    assert_eq!(lost.failure.expect("failed").code, FailureCode::UnknownSession);
    assert_eq!(progress.session_id, None, "a session that is not there is not taken for one");
}

#[test]
fn it_acts_failure_limit_review_and_steps() {
    let scene = Scene::new();
    let (code, _, failed, _) = scene.play(&NEW, "[demo: fail]", COLD);
    assert_eq!((code, failed.failure.expect("failed").code), (1, FailureCode::AgentError));
    let (_, _, mended, _) = scene.play(&AGAIN, "", Opening::Resume { replies: &[reply("now go on")] });
    assert_eq!(mended.verdict, Some(Verdict::Done));

    let scene = Scene::new();
    let (_, _, limited, _) = scene.play(&NEW, "[demo: limit]", COLD);
    let limit = limited.failure.expect("failed");
    assert_eq!((limit.code, limit.retry_at), (FailureCode::RateLimit, Some(NOW.plus_ms(120_000))));
    let (_, _, after, _) = scene.play(&AGAIN, "", Opening::Retry { why: "limit", replies: &[] });
    assert_eq!(after.verdict, Some(Verdict::Done), "the limit comes once");

    let scene = Scene::new();
    let (_, progress, review, shown) = scene.play(&NEW, "[demo: steps 5 every 0ms] [demo: say good day] [demo: review]", COLD);
    assert_eq!(review.verdict, Some(Verdict::Review));
    assert_eq!(progress.tool_uses, 9);
    assert!(shown.contains("step 5 of 5") && shown.contains("good day"), "{shown}");
}

#[test]
fn nothing_a_ticket_says_reaches_a_shell() {
    let scene = Scene::new();
    let evil = "x'; touch pwned; $(touch pwned) `touch pwned`\n[demo: say '; touch pwned]";
    let (_, _, done, _) = scene.play(&NEW, evil, COLD);
    assert_eq!(done.verdict, Some(Verdict::Done));
    let dir = scene.repo().join(".claude/worktrees/mc-mc-7");
    assert!(!dir.join("pwned").exists() && !scene.repo().join("pwned").exists());
}

#[test]
fn bad_flags_are_refused() {
    let place = || WorkPlace { cwd: std::env::temp_dir(), state: std::env::temp_dir(), pace_ms: 0 };
    for args in [&["--frobnicate"][..], &["--resume"], &["--resume", "../../etc/passwd"], &["--session-id", "no-uuid"]] {
        let args: Vec<String> = args.iter().map(|a| (*a).to_owned()).collect();
        let mut out = Vec::new();
        assert_eq!(run(&args, "", place(), &mut out), 1, "{args:?}");
        assert!(out.is_empty());
    }
    let mut out = Vec::new();
    assert_eq!(run(&["--help".to_owned()], "", place(), &mut out), 0);
    let help = String::from_utf8(out).expect("text");
    assert!(["--worktree", "--effort", "--session-id", "--resume"].iter().all(|f| help.contains(f)));
}

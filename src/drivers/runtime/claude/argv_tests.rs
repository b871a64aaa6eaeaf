//! The arguments of a run, and what never becomes one.

use super::*;
use crate::domain::profile::RuntimeKind;
use crate::drivers::runtime;
use crate::drivers::runtime::claude::Claude;
use crate::drivers::runtime::interface::Runtime;
use std::path::Path;
use std::time::Duration;

const UUID: &str = "2b0c1f6e-6a3e-4d8a-9d51-0f6f5c1f7a10";

fn all() -> Probe {
    Probe { worktree: true, effort: true, session_id: true, version: None, note: None }
}

fn profile() -> Profile {
    let mut profile = Profile::new("claude_opus", RuntimeKind::Claude);
    profile.command = vec!["/usr/local/bin/claude".to_owned()];
    profile.model = Some("opus[1m]".to_owned());
    profile.effort = Some("max".to_owned());
    profile.permission_mode = Some(BYPASS.to_owned());
    profile
}

fn launch(profile: &Profile, probe: &Probe, parts: &RunParts<'_>) -> Result<Launch, Failure> {
    Claude.launch_run(profile, probe, parts)
}

fn parts(session: SessionPlan) -> RunParts<'static> {
    RunParts { session, worktree_name: Some("mc-mc-7"), is_root: false, own_exe: Path::new("/usr/local/bin/mission-control") }
}

fn new() -> RunParts<'static> {
    parts(SessionPlan::New(UUID.to_owned()))
}

#[test]
fn a_first_run_names_its_worktree_effort_model_and_session() {
    let first = launch(&profile(), &all(), &new()).expect("may start");
    assert_eq!(
        first.argv.join(" "),
        format!(
            "/usr/local/bin/claude -p --output-format stream-json --verbose --worktree mc-mc-7 --effort max \
             --model opus[1m] --dangerously-skip-permissions --session-id {UUID}"
        )
    );
    assert!(first.enters_worktree && first.notes.is_empty());
    let resumed = launch(&profile(), &all(), &parts(SessionPlan::Resume(UUID.to_owned()))).expect("may start");
    assert!(resumed.argv.ends_with(&["--resume".to_owned(), UUID.to_owned()]));
    assert!(!resumed.argv.contains(&"--session-id".to_owned()));
}

#[test]
fn an_old_agent_is_started_with_less_and_a_note_for_each() {
    let launch = launch(&profile(), &Probe::default(), &new()).expect("may start");
    assert!(!launch.enters_worktree);
    assert_eq!(launch.notes.len(), 3, "{:?}", launch.notes);
    for flag in ["--worktree", "--effort", "--session-id"] {
        assert!(!launch.argv.contains(&flag.to_owned()), "{flag}");
    }
}

#[test]
fn root_needs_the_sandbox_word_in_the_profile() {
    let as_root = RunParts { is_root: true, ..new() };
    let refusal = launch(&profile(), &all(), &as_root).expect_err("refused");
    assert_eq!(refusal.code, FailureCode::Refused);
    assert!(refusal.text.contains("IS_SANDBOX"), "{}", refusal.text);
    let mut sandboxed = profile();
    sandboxed.env.insert("IS_SANDBOX".to_owned(), "1".to_owned());
    assert_eq!(launch(&sandboxed, &all(), &as_root).expect("allowed").env["IS_SANDBOX"], "1");
    let mut asking = profile();
    asking.permission_mode = Some("acceptEdits".to_owned());
    let asking = launch(&asking, &all(), &as_root).expect("allowed");
    assert!(asking.argv.windows(2).any(|w| w == ["--permission-mode", "acceptEdits"]));
}

#[test]
fn no_value_can_become_a_flag() {
    for bad in ["-x", "--dangerously-skip-permissions", "", "a\nb", "a\0b"] {
        let mut model = profile();
        model.model = Some(bad.to_owned());
        let mut effort = profile();
        effort.effort = Some(bad.to_owned());
        let mut mode = profile();
        mode.permission_mode = Some(bad.to_owned());
        for profile in [model, effort, mode] {
            assert_eq!(launch(&profile, &all(), &new()).expect_err("refused").code, FailureCode::Refused, "{bad:?}");
        }
    }
    for bad in ["--fork-session-now", "", "short", "../../etc/passwd", "11111111 2222"] {
        let plan = parts(SessionPlan::Resume(bad.to_owned()));
        assert_eq!(launch(&profile(), &all(), &plan).expect_err("refused").code, FailureCode::UnknownSession, "{bad:?}");
    }
    for bad in ["-b", "", "../x", "a b", "A"] {
        let plan = RunParts { worktree_name: Some(bad), ..new() };
        assert!(launch(&profile(), &all(), &plan).is_err(), "{bad:?}");
    }
}

#[test]
fn the_demo_agent_is_our_own_program() {
    let profile = Profile::new("demo", RuntimeKind::Demo);
    let demo = runtime::of(RuntimeKind::Demo);
    let probe = demo.probe(&profile, Duration::from_secs(1)).expect("built in");
    let launch = demo.launch_run(&profile, &probe, &RunParts { is_root: true, ..new() }).expect("may start");
    assert_eq!(launch.argv[..3], ["/usr/local/bin/mission-control", "demo-agent", "-p"]);
    assert!(launch.enters_worktree);
}

#[test]
fn a_profile_without_a_program_says_what_is_missing() {
    let mut missing = profile();
    missing.command = vec!["/nonexistent/claude".to_owned()];
    assert_eq!(Claude.probe(&missing, Duration::from_secs(1)).expect_err("not there").code, FailureCode::SpawnFailed);
}

//! The arguments of a turn and of a conversation in a terminal, and the settings of its hooks.

use crate::domain::profile::{Profile, RuntimeKind};
use crate::domain::run::{Failure, FailureCode};
use crate::drivers::runtime::claude::Claude;
use crate::drivers::runtime::claude::argv::BRIEF_MAX;
use crate::drivers::runtime::claude::settings::{HOOKS, settings};
use crate::drivers::runtime::interface::Runtime;
use crate::drivers::runtime::launch::{Launch, LiveParts, Probe, SessionPlan, TurnParts};
use crate::drivers::runtime::live::LiveSession;
use std::path::Path;

const UUID: &str = "2b0c1f6e-6a3e-4d8a-9d51-0f6f5c1f7a10";

fn profile(effort: Option<&str>) -> Profile {
    let mut profile = Profile::new("claude", RuntimeKind::Claude);
    profile.command = vec!["/usr/local/bin/claude".to_owned()];
    profile.model = Some("opus".to_owned());
    profile.effort = effort.map(str::to_owned);
    profile.permission_mode = Some("bypassPermissions".to_owned());
    profile
}

fn all() -> Probe {
    Probe { worktree: true, effort: true, session_id: true, version: None, note: None }
}

fn turn(session: SessionPlan, brief: &str, is_root: bool) -> Result<Launch, Failure> {
    let parts = TurnParts { session, brief, is_root, own_exe: Path::new("/bin/mc") };
    Claude.launch_turn(&profile(Some("max")), &all(), &parts)
}

fn live(session: SessionPlan, brief: &str, is_root: bool) -> Result<Launch, Failure> {
    let settings = Path::new("/d/settings.json");
    let parts = LiveParts { session, brief, settings, is_root, own_exe: Path::new("/bin/mc") };
    LiveSession::launch(&Claude, &profile(None), &all(), &parts)
}

#[test]
fn a_turn_names_its_session_and_carries_the_brief_and_no_worktree() {
    let first = turn(SessionPlan::New(UUID.to_owned()), "You are Luci\nof MC", false).expect("may start");
    let start =
        "/usr/local/bin/claude -p --output-format stream-json --verbose --effort max --model opus --dangerously-skip-permissions";
    assert_eq!(first.argv.join(" "), format!("{start} --session-id {UUID} --append-system-prompt You are Luci\nof MC"));
    let later = turn(SessionPlan::Resume(UUID.to_owned()), " ", false).expect("may start");
    assert_eq!(later.argv.join(" "), format!("{start} --resume {UUID}"));
}

#[test]
fn what_cannot_be_passed_is_refused_or_left_out() {
    let new = || SessionPlan::New(UUID.to_owned());
    assert_eq!(turn(new(), &"x".repeat(BRIEF_MAX + 1), false).expect_err("too long").code, FailureCode::Refused);
    assert_eq!(turn(new(), "x", true).expect_err("root").code, FailureCode::Refused);
    let launch = turn(new(), "a\0b", false).expect("may start");
    assert_eq!(launch.argv.last().map(String::as_str), Some("ab"));
}

#[test]
fn a_conversation_is_begun_and_gone_on_with_without_the_flags_of_unattended_runs() {
    let start = "/usr/local/bin/claude --settings /d/settings.json --model opus --dangerously-skip-permissions";
    let first = live(SessionPlan::New(UUID.to_owned()), "You are Luci", false).expect("may start");
    assert_eq!(first.argv.join(" "), format!("{start} --session-id {UUID} --append-system-prompt You are Luci"));
    let later = live(SessionPlan::Resume(UUID.to_owned()), "", false).expect("may start");
    assert_eq!(later.argv.join(" "), format!("{start} --resume {UUID}"));
}

#[test]
fn bypassed_permissions_as_root_are_refused_in_words() {
    let refused = live(SessionPlan::New(UUID.to_owned()), "", true).expect_err("root");
    assert_eq!(refused.code, FailureCode::Refused);
    assert!(refused.text.contains("IS_SANDBOX"), "{}", refused.text);
}

#[test]
fn the_program_of_the_hooks_is_quoted_for_the_shell() {
    let settings = settings(Path::new("/opt/it's here/mission-control")).expect("a name");
    let call = settings["hooks"]["Stop"][0]["hooks"][0]["command"].as_str().expect("a command");
    assert_eq!(shell_words::split(call).expect("whole"), ["/opt/it's here/mission-control", "hook"]);
    assert!(HOOKS.iter().all(|h| settings["hooks"][h][0]["hooks"][0]["type"] == "command"));
}

//! The arguments of a conversation in a terminal, and the settings by which its agent tells us what it does.

use crate::domain::profile::Profile;
use crate::domain::run::Failure;
use crate::drivers::runtime::claude::argv;
use crate::drivers::runtime::{Capabilities, Launch, LaunchParts, SessionPlan, command, refused, tell};
use serde_json::{Value, json};
use std::path::Path;

/// The moments of a conversation at which the agent calls us.
const HOOKS: &[&str] =
    &["SessionStart", "UserPromptSubmit", "PreToolUse", "PostToolUse", "Stop", "StopFailure", "Notification", "SessionEnd"];

/// What a conversation's launch needs to know beside the profile.
#[derive(Debug, Clone)]
pub struct TerminalParts<'a> {
    /// Which conversation.
    pub session: SessionPlan,
    /// What the agent is told beyond what is typed; may be empty.
    pub brief: &'a str,
    /// The file with [`settings`].
    pub settings: &'a Path,
    /// We run as root.
    pub is_root: bool,
    /// Our own program, for the demo agent.
    pub own_exe: &'a Path,
}

/// How the agent is started in a terminal.
///
/// # Errors
/// It must not or cannot be started so; the failure says what to change.
pub fn terminal_launch(profile: &Profile, caps: &Capabilities, parts: TerminalParts<'_>) -> Result<Launch, Failure> {
    let settings = parts.settings.to_str().ok_or_else(|| refused("the data folder lies at a path that is not UTF-8"))?;
    let general = LaunchParts { session: parts.session, worktree_name: None, is_root: parts.is_root, own_exe: parts.own_exe };
    let leading = ["--settings", settings];
    let launch = argv::launch_as(&leading, profile, caps, &general, command(profile, parts.own_exe)?)?;
    tell(launch, parts.brief)
}

/// Settings whose hooks call `mission-control hook`.
///
/// # Errors
/// Our own program cannot be named.
pub fn settings(own_exe: &Path) -> Result<Value, Failure> {
    let exe = own_exe.to_str().ok_or_else(|| refused("our own program lies at a path that is not UTF-8"))?;
    // The agent hands this to a shell.
    let call = format!("{} hook", shell_words::quote(exe));
    let hooks = HOOKS.iter().map(|name| {
        let entry = json!({"hooks": [{"type": "command", "command": call, "timeout": 10}]});
        ((*name).to_owned(), json!([entry]))
    });
    Ok(json!({"hooks": hooks.collect::<serde_json::Map<_, _>>()}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::profile::RuntimeKind;
    use crate::domain::run::FailureCode;

    const UUID: &str = "2b0c1f6e-6a3e-4d8a-9d51-0f6f5c1f7a10";

    fn plan(session: SessionPlan, brief: &str, is_root: bool) -> Result<Launch, Failure> {
        let mut profile = Profile::new("claude", RuntimeKind::Claude);
        profile.command = vec!["/usr/local/bin/claude".to_owned()];
        profile.model = Some("opus".to_owned());
        profile.permission_mode = Some("bypassPermissions".to_owned());
        let caps = Capabilities { worktree: true, effort: true, session_id: true, version: None, note: None };
        let parts =
            TerminalParts { session, brief, settings: Path::new("/d/settings.json"), is_root, own_exe: Path::new("/bin/mc") };
        terminal_launch(&profile, &caps, parts)
    }

    #[test]
    fn a_conversation_is_begun_and_gone_on_with_without_the_flags_of_unattended_runs() {
        let start = "/usr/local/bin/claude --settings /d/settings.json --model opus --dangerously-skip-permissions";
        let first = plan(SessionPlan::New(UUID.to_owned()), "You are Luci", false).expect("may start");
        assert_eq!(first.argv.join(" "), format!("{start} --session-id {UUID} --append-system-prompt You are Luci"));
        let later = plan(SessionPlan::Resume(UUID.to_owned()), "", false).expect("may start");
        assert_eq!(later.argv.join(" "), format!("{start} --resume {UUID}"));
    }

    #[test]
    fn bypassed_permissions_as_root_are_refused_in_words() {
        let refused = plan(SessionPlan::New(UUID.to_owned()), "", true).expect_err("root");
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
}

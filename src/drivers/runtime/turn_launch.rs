//! The arguments of one unattended turn of a persistent conversation. The prompt goes to standard input.

use crate::domain::profile::Profile;
use crate::domain::run::Failure;
use crate::drivers::runtime::{Capabilities, Launch, LaunchParts, SessionPlan, launch, tell};
use std::path::Path;

/// What a turn's launch needs to know beside the profile.
#[derive(Debug, Clone)]
pub struct TurnParts<'a> {
    /// Which conversation.
    pub session: SessionPlan,
    /// What the agent is told beyond the turns; may be empty.
    pub brief: &'a str,
    /// We run as root.
    pub is_root: bool,
    /// Our own program, for the demo agent.
    pub own_exe: &'a Path,
}

/// How one turn is started.
///
/// # Errors
/// It must not or cannot be started so; the failure says what to change.
pub fn turn_launch(profile: &Profile, caps: &Capabilities, parts: TurnParts<'_>) -> Result<Launch, Failure> {
    let general = LaunchParts { session: parts.session, worktree_name: None, is_root: parts.is_root, own_exe: parts.own_exe };
    let launch = launch(profile, caps, &general)?;
    tell(launch, parts.brief)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::profile::RuntimeKind;
    use crate::domain::run::FailureCode;
    use crate::drivers::runtime::BRIEF_MAX;

    const UUID: &str = "2b0c1f6e-6a3e-4d8a-9d51-0f6f5c1f7a10";

    fn plan(session: SessionPlan, brief: &str, is_root: bool) -> Result<Launch, Failure> {
        let mut profile = Profile::new("claude", RuntimeKind::Claude);
        profile.command = vec!["/usr/local/bin/claude".to_owned()];
        profile.model = Some("opus".to_owned());
        profile.effort = Some("max".to_owned());
        profile.permission_mode = Some("bypassPermissions".to_owned());
        let caps = Capabilities { worktree: true, effort: true, session_id: true, version: None, note: None };
        turn_launch(&profile, &caps, TurnParts { session, brief, is_root, own_exe: Path::new("/bin/mc") })
    }

    #[test]
    fn a_turn_names_its_session_and_carries_the_brief_and_no_worktree() {
        let first = plan(SessionPlan::New(UUID.to_owned()), "You are Luci\nof MC", false).expect("may start");
        let start = "/usr/local/bin/claude -p --output-format stream-json --verbose --effort max --model opus --dangerously-skip-permissions";
        assert_eq!(first.argv.join(" "), format!("{start} --session-id {UUID} --append-system-prompt You are Luci\nof MC"));
        let later = plan(SessionPlan::Resume(UUID.to_owned()), " ", false).expect("may start");
        assert_eq!(later.argv.join(" "), format!("{start} --resume {UUID}"));
    }

    #[test]
    fn what_cannot_be_passed_is_refused_or_left_out() {
        let new = || SessionPlan::New(UUID.to_owned());
        assert_eq!(plan(new(), &"x".repeat(BRIEF_MAX + 1), false).expect_err("too long").code, FailureCode::Refused);
        assert_eq!(plan(new(), "x", true).expect_err("root").code, FailureCode::Refused);
        let launch = plan(new(), "a\0b", false).expect("may start");
        assert_eq!(launch.argv.last().map(String::as_str), Some("ab"));
    }
}

//! Claude Code: the arguments of one unattended run, or of a conversation in a terminal.

use crate::domain::profile::{Profile, RuntimeKind};
use crate::domain::run::{Failure, FailureCode};
use crate::drivers::runtime::{Capabilities, Launch, LaunchParts, SessionPlan, refused};

/// The permission mode that asks nobody.
const BYPASS: &str = "bypassPermissions";

/// What makes a run an unattended one.
const UNATTENDED: &[&str] = &["-p", "--output-format", "stream-json", "--verbose"];

/// The arguments for `command` (program and leading arguments).
///
/// # Errors
/// A value of the profile cannot be passed, or bypassed permissions are refused as root.
pub fn launch(profile: &Profile, caps: &Capabilities, parts: &LaunchParts<'_>, command: Vec<String>) -> Result<Launch, Failure> {
    launch_as(UNATTENDED, profile, caps, parts, command)
}

/// As [`launch`], with other leading arguments.
pub(crate) fn launch_as(
    leading: &[&str],
    profile: &Profile,
    caps: &Capabilities,
    parts: &LaunchParts<'_>,
    command: Vec<String>,
) -> Result<Launch, Failure> {
    let bypass = profile.permission_mode.as_deref() == Some(BYPASS);
    let sandboxed = profile.env.get("IS_SANDBOX").is_some_and(|v| v == "1");
    if bypass && parts.is_root && !sandboxed && profile.runtime == RuntimeKind::Claude {
        return Err(refused(format!(
            "bypassed permissions as root are refused: if this machine is a sandbox, set IS_SANDBOX = \"1\" in the env of profile {}; \
             otherwise run the server as another user or choose another permission_mode",
            profile.name
        )));
    }
    let mut argv = command;
    let mut notes: Vec<String> = caps.note.iter().cloned().collect();
    argv.extend(leading.iter().map(|a| (*a).to_owned()));
    let mut enters_worktree = false;
    if let Some(name) = parts.worktree_name {
        let safe = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !safe || name.starts_with('-') {
            return Err(refused("the worktree's name is no name"));
        }
        if caps.worktree {
            push(&mut argv, "--worktree", name);
            enters_worktree = true;
        } else {
            notes.push("This agent does not know --worktree: it is started inside the worktree.".to_owned());
        }
    }
    if let Some(effort) = &profile.effort {
        let effort = value("effort", effort)?;
        if caps.effort {
            push(&mut argv, "--effort", effort);
        } else {
            notes.push(format!("This agent does not know --effort: {effort} is not passed."));
        }
    }
    if let Some(model) = &profile.model {
        push(&mut argv, "--model", value("model", model)?);
    }
    match profile.permission_mode.as_deref() {
        Some(BYPASS) => argv.push("--dangerously-skip-permissions".to_owned()),
        Some(mode) => push(&mut argv, "--permission-mode", value("permission_mode", mode)?),
        None => {}
    }
    match &parts.session {
        SessionPlan::Resume(id) => push(&mut argv, "--resume", session(id)?),
        SessionPlan::New(id) if caps.session_id => push(&mut argv, "--session-id", session(id)?),
        SessionPlan::New(_) => {
            notes.push("This agent does not know --session-id: it chooses the id of its session itself.".to_owned())
        }
    }
    Ok(Launch { argv, env: profile.env.clone(), enters_worktree, notes })
}

fn push(argv: &mut Vec<String>, flag: &str, value: &str) {
    argv.push(flag.to_owned());
    argv.push(value.to_owned());
}

/// A value of the profile that can stand behind its flag and be taken for nothing else.
fn value<'a>(name: &str, text: &'a str) -> Result<&'a str, Failure> {
    if text.is_empty() || text.starts_with('-') || text.chars().any(char::is_control) || text.len() > 200 {
        return Err(refused(format!(
            "the profile's {name} cannot be passed to the agent: {:?}",
            text.chars().take(40).collect::<String>()
        )));
    }
    Ok(text)
}

/// A session id came out of an agent's stream once: it must look like one.
fn session(id: &str) -> Result<&str, Failure> {
    let safe = (8..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if !safe || id.starts_with('-') {
        return Err(Failure {
            code: FailureCode::UnknownSession,
            text: "the stored session id does not look like one".to_owned(),
            retry_at: None,
        });
    }
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drivers::runtime::{capabilities, launch};
    use std::path::Path;
    use std::time::Duration;

    const UUID: &str = "2b0c1f6e-6a3e-4d8a-9d51-0f6f5c1f7a10";

    fn all() -> Capabilities {
        Capabilities { worktree: true, effort: true, session_id: true, version: None, note: None }
    }

    fn profile() -> Profile {
        let mut profile = Profile::new("claude_opus", RuntimeKind::Claude);
        profile.command = vec!["/usr/local/bin/claude".to_owned()];
        profile.model = Some("opus[1m]".to_owned());
        profile.effort = Some("max".to_owned());
        profile.permission_mode = Some(BYPASS.to_owned());
        profile
    }

    fn parts(session: SessionPlan) -> LaunchParts<'static> {
        LaunchParts {
            session,
            worktree_name: Some("mc-mc-7"),
            is_root: false,
            own_exe: Path::new("/usr/local/bin/mission-control"),
        }
    }

    fn new() -> LaunchParts<'static> {
        parts(SessionPlan::New(UUID.to_owned()))
    }

    #[test]
    fn a_first_run_names_its_worktree_effort_model_and_session() {
        let launch = launch(&profile(), &all(), &new()).expect("may start");
        assert_eq!(
            launch.argv.join(" "),
            format!(
                "/usr/local/bin/claude -p --output-format stream-json --verbose --worktree mc-mc-7 --effort max \
                 --model opus[1m] --dangerously-skip-permissions --session-id {UUID}"
            )
        );
        assert!(launch.enters_worktree && launch.notes.is_empty());
        let resumed =
            crate::drivers::runtime::launch(&profile(), &all(), &parts(SessionPlan::Resume(UUID.to_owned()))).expect("may start");
        assert!(resumed.argv.ends_with(&["--resume".to_owned(), UUID.to_owned()]));
        assert!(!resumed.argv.contains(&"--session-id".to_owned()));
    }

    #[test]
    fn an_old_agent_is_started_with_less_and_a_note_for_each() {
        let launch = launch(&profile(), &Capabilities::default(), &new()).expect("may start");
        assert!(!launch.enters_worktree);
        assert_eq!(launch.notes.len(), 3, "{:?}", launch.notes);
        for flag in ["--worktree", "--effort", "--session-id"] {
            assert!(!launch.argv.contains(&flag.to_owned()), "{flag}");
        }
    }

    #[test]
    fn root_needs_the_sandbox_word_in_the_profile() {
        let as_root = LaunchParts { is_root: true, ..new() };
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
            let plan = LaunchParts { worktree_name: Some(bad), ..new() };
            assert!(launch(&profile(), &all(), &plan).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_demo_agent_is_our_own_program() {
        let demo = Profile::new("demo", RuntimeKind::Demo);
        let caps = capabilities(&demo, Duration::from_secs(1)).expect("built in");
        let launch = launch(&demo, &caps, &new()).expect("may start");
        assert_eq!(launch.argv[..3], ["/usr/local/bin/mission-control", "demo-agent", "-p"]);
        assert!(launch.enters_worktree);
    }

    #[test]
    fn a_profile_without_a_program_says_what_is_missing() {
        let mut missing = profile();
        missing.command = vec!["/nonexistent/claude".to_owned()];
        assert_eq!(capabilities(&missing, Duration::from_secs(1)).expect_err("not there").code, FailureCode::SpawnFailed);
    }
}

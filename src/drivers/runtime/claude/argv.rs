//! Claude Code: the arguments of an unattended run, of one turn, and of a conversation in a terminal.

use crate::domain::profile::Profile;
use crate::domain::run::{Failure, FailureCode};
use crate::drivers::runtime::launch::{Launch, LiveParts, Probe, RunParts, SessionPlan, TurnParts, refused};

/// The permission mode that asks nobody.
const BYPASS: &str = "bypassPermissions";

/// What makes a run an unattended one.
const UNATTENDED: &[&str] = &["-p", "--output-format", "stream-json", "--verbose"];

/// The arguments of an unattended run.
///
/// # Errors
/// A value of the profile cannot be passed.
pub fn run(command: Vec<String>, profile: &Profile, probe: &Probe, parts: &RunParts<'_>) -> Result<Launch, Failure> {
    arguments(command, UNATTENDED, profile, probe, parts.worktree_name, &parts.session)
}

/// The arguments of one unattended turn of a persistent conversation.
///
/// # Errors
/// A value of the profile, or what the agent is told, cannot be passed.
pub fn turn(command: Vec<String>, profile: &Profile, probe: &Probe, parts: &TurnParts<'_>) -> Result<Launch, Failure> {
    tell(arguments(command, UNATTENDED, profile, probe, None, &parts.session)?, parts.brief)
}

/// The arguments of a conversation in a terminal.
///
/// # Errors
/// A value of the profile, or what the agent is told, cannot be passed.
pub fn live(command: Vec<String>, profile: &Profile, probe: &Probe, parts: &LiveParts<'_>) -> Result<Launch, Failure> {
    let settings = parts.settings.to_str().ok_or_else(|| refused("the data folder lies at a path that is not UTF-8"))?;
    tell(arguments(command, &["--settings", settings], profile, probe, None, &parts.session)?, parts.brief)
}

/// Whether this profile's agent asks nobody before it acts.
#[must_use]
pub fn bypasses(profile: &Profile) -> bool {
    profile.permission_mode.as_deref() == Some(BYPASS)
}

/// Whether Claude Code itself refuses to be started so: bypassed permissions as root, where nothing says that this machine
/// is a sandbox.
#[must_use]
pub fn refuses_root(profile: &Profile, is_root: bool) -> bool {
    is_root && bypasses(profile) && profile.env.get("IS_SANDBOX").is_none_or(|v| v != "1")
}

/// The same as a failure.
///
/// # Errors
/// It refuses.
pub fn check_root(profile: &Profile, is_root: bool) -> Result<(), Failure> {
    if !refuses_root(profile, is_root) {
        return Ok(());
    }
    Err(refused(format!(
        "bypassed permissions as root are refused: if this machine is a sandbox, set IS_SANDBOX = \"1\" in the env of profile {}; \
         otherwise run the server as another user or choose another permission_mode",
        profile.name
    )))
}

fn arguments(
    command: Vec<String>,
    leading: &[&str],
    profile: &Profile,
    probe: &Probe,
    worktree_name: Option<&str>,
    plan: &SessionPlan,
) -> Result<Launch, Failure> {
    let mut argv = command;
    let mut notes: Vec<String> = probe.note.iter().cloned().collect();
    argv.extend(leading.iter().map(|a| (*a).to_owned()));
    let mut enters_worktree = false;
    if let Some(name) = worktree_name {
        let safe = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !safe || name.starts_with('-') {
            return Err(refused("the worktree's name is no name"));
        }
        if probe.worktree {
            push(&mut argv, "--worktree", name);
            enters_worktree = true;
        } else {
            notes.push("This agent does not know --worktree: it is started inside the worktree.".to_owned());
        }
    }
    if let Some(effort) = &profile.effort {
        let effort = value("effort", effort)?;
        if probe.effort {
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
    match plan {
        SessionPlan::Resume(id) => push(&mut argv, "--resume", session(id)?),
        SessionPlan::New(id) if probe.session_id => push(&mut argv, "--session-id", session(id)?),
        SessionPlan::New(_) => {
            notes.push("This agent does not know --session-id: it chooses the id of its session itself.".to_owned())
        }
    }
    Ok(Launch { argv, env: profile.env.clone(), enters_worktree, notes })
}

/// The kernel takes no argument of 128 KB or more.
pub(crate) const BRIEF_MAX: usize = 120_000;

/// Adds what the agent is told beyond the turns, if anything, to the arguments of a persistent conversation.
fn tell(mut launch: Launch, brief: &str) -> Result<Launch, Failure> {
    if brief.len() > BRIEF_MAX {
        return Err(refused(format!(
            "what the agent is to be told beyond the turns is longer than {BRIEF_MAX} bytes: shorten the role's contract"
        )));
    }
    // A NUL ends an argument: with one in it nothing could be started at all.
    let brief = brief.replace('\0', "");
    if !brief.trim().is_empty() {
        launch.argv.extend(["--append-system-prompt".to_owned(), brief]);
    }
    Ok(launch)
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
#[path = "argv_tests.rs"]
mod tests;

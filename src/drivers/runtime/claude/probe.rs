//! Asks an agent's program for its version and flags, without letting it hang, speak to us, or leave anything behind.

use crate::domain::run::{Failure, FailureCode};
use crate::domain::text::strip_control;
use crate::drivers::exec;
use crate::drivers::exec::{Bounds, ExecFault};
use crate::drivers::runtime::launch::Probe;
use std::process::Command;
use std::time::Duration;

/// Bytes read of a help text.
const HELP_CAP: usize = 256 * 1024;

/// The variables a probe is started with; nothing else of ours is passed.
const PASSED: &[&str] =
    &["PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "USER", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"];

/// Runs `<command> --version` and `<command> --help`. One that hangs or says nothing is used with as little as possible.
///
/// # Errors
/// The program is not there or cannot be started.
pub fn probe(command: &[String], timeout: Duration) -> Result<Probe, Failure> {
    let version = ask(command, "--version", timeout)?;
    // A program that hangs on the first question is not asked the second.
    let help = match &version {
        Some(_) => ask(command, "--help", timeout)?,
        None => None,
    };
    let version =
        version.as_deref().and_then(|v| v.lines().map(str::trim).find(|l| !l.is_empty())).map(|l| l.chars().take(80).collect());
    let Some(help) = help else {
        let note =
            "The agent did not answer --version and --help in time: it is used without --worktree, --effort and --session-id.";
        return Ok(Probe { version, note: Some(note.to_owned()), ..Probe::default() });
    };
    let knows = |flag: &str| help.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').any(|word| word == flag);
    let note = (!knows("--output-format"))
        .then(|| "The agent's --help does not mention --output-format: is it the right program?".to_owned());
    Ok(Probe { worktree: knows("--worktree"), effort: knows("--effort"), session_id: knows("--session-id"), version, note })
}

/// What it prints when asked; none where it does not answer in time.
fn ask(command: &[String], flag: &str, timeout: Duration) -> Result<Option<String>, Failure> {
    let failed = |text: String| Failure { code: FailureCode::SpawnFailed, text, retry_at: None };
    let (program, leading) = command.split_first().ok_or_else(|| failed("the profile's command is empty".to_owned()))?;
    let mut ask = Command::new(program);
    ask.args(leading).arg(flag).env_clear().envs(PASSED.iter().filter_map(|name| Some((*name, std::env::var_os(name)?))));
    let bounds = Bounds { time: timeout, held_open: timeout, output: HELP_CAP, leave_nothing: true };
    match exec::run(ask, None, bounds) {
        // Whatever it left behind to hold its output may have more to say: that is no answer in time.
        Ok(done) if done.held => Ok(None),
        Ok(done) => Ok(Some(strip_control(&String::from_utf8_lossy(&done.stdout)))),
        Err(ExecFault::TimedOut(_)) => Ok(None),
        Err(ExecFault::NotStarted(e) | ExecFault::Lost(e)) => Err(failed(format!("{program} cannot be started: {e}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(mode: &str) -> Vec<String> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/agents/agent.py");
        vec!["python3".to_owned(), script.to_owned(), mode.to_owned()]
    }

    #[test]
    fn an_agent_tells_what_it_can_do() {
        let caps = probe(&agent("instant"), Duration::from_secs(20)).expect("starts");
        assert!(caps.worktree && caps.effort && caps.session_id, "{caps:?}");
        assert_eq!(caps.note, None);
        assert!(caps.version.expect("prints one").contains("scripted agent"));
    }

    #[test]
    fn an_old_agent_lacks_flags() {
        let caps = probe(&agent("old"), Duration::from_secs(20)).expect("starts");
        assert!(!caps.worktree && !caps.effort && !caps.session_id, "{caps:?}");
    }

    #[test]
    fn an_agent_that_hangs_is_used_with_a_note() {
        let began = std::time::Instant::now();
        let caps = probe(&["sleep".to_owned(), "600".to_owned(), "600".to_owned()], Duration::from_millis(300));
        // `sleep 600 600 --version` ends at once with an error and no text: nothing is known of it.
        assert!(!caps.expect("starts").worktree);
        let caps = probe(&agent("hang-probe"), Duration::from_millis(300)).expect("starts");
        assert!(caps.note.expect("says so").contains("did not answer"));
        assert!(began.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_missing_program_is_a_spawn_failure() {
        for command in [vec!["/nonexistent/agent".to_owned()], vec!["no-such-agent-on-path".to_owned()], vec![]] {
            assert_eq!(probe(&command, Duration::from_secs(1)).expect_err("not there").code, FailureCode::SpawnFailed);
        }
    }
}

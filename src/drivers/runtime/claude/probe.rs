//! Asks an agent's program for its version and flags, without letting it hang, speak to us, or leave anything behind.

use crate::base::clock::{Deadline, pause};
use crate::domain::run::{Failure, FailureCode};
use crate::domain::text::strip_control;
use crate::drivers::runtime::Capabilities;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Bytes read of a help text.
const HELP_CAP: u64 = 256 * 1024;

/// The variables a probe is started with; nothing else of ours is passed.
const PASSED: &[&str] =
    &["PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "USER", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"];

/// Runs `<command> --version` and `<command> --help`. One that hangs or says nothing is used with as little as possible.
///
/// # Errors
/// The program is not there or cannot be started.
pub fn probe(command: &[String], timeout: Duration) -> Result<Capabilities, Failure> {
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
        return Ok(Capabilities { version, note: Some(note.to_owned()), ..Capabilities::default() });
    };
    let knows = |flag: &str| help.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').any(|word| word == flag);
    let note = (!knows("--output-format"))
        .then(|| "The agent's --help does not mention --output-format: is it the right program?".to_owned());
    Ok(Capabilities {
        worktree: knows("--worktree"),
        effort: knows("--effort"),
        session_id: knows("--session-id"),
        version,
        note,
    })
}

/// What it prints when asked; none where it does not answer in time.
fn ask(command: &[String], flag: &str, timeout: Duration) -> Result<Option<String>, Failure> {
    let failed = |text: String| Failure { code: FailureCode::SpawnFailed, text, retry_at: None };
    let (program, leading) = command.split_first().ok_or_else(|| failed("the profile's command is empty".to_owned()))?;
    let mut child = Command::new(program)
        .args(leading)
        .arg(flag)
        .env_clear()
        .envs(PASSED.iter().filter_map(|name| Some((*name, std::env::var_os(name)?))))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|e| failed(format!("{program} cannot be started: {e}")))?;
    let group = i32::try_from(child.id()).ok().map(Pid::from_raw);
    let deadline = Deadline::after(timeout);
    let (send, receive) = mpsc::channel();
    if let Some(out) = child.stdout.take() {
        // A thread of its own: a grandchild may hold the pipe open for ever.
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            // What came before an error is still an answer.
            let _ = out.take(HELP_CAP).read_to_end(&mut bytes);
            let _ = send.send(bytes);
        });
    }
    let printed = receive.recv_timeout(timeout).ok();
    let ended = wait(&mut child, deadline);
    if let Some(group) = group {
        // Already gone is as good as killed.
        let _ = killpg(group, Signal::SIGKILL);
    }
    let _ = child.wait();
    let Some(printed) = printed.filter(|_| ended) else { return Ok(None) };
    Ok(Some(strip_control(&String::from_utf8_lossy(&printed))))
}

fn wait(child: &mut Child, deadline: Deadline) -> bool {
    loop {
        match child.try_wait() {
            Ok(Some(_)) => return true,
            Ok(None) if !deadline.is_over() => pause(Duration::from_millis(5)),
            Ok(None) | Err(_) => return false,
        }
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

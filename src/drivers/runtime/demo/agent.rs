//! The built-in demo agent: speaks Claude's stream-json and really works with git and a shell, but thinks nothing.
//!
//! `mission-control demo-agent -p …` so that a newcomer without any agent program sees a ticket through. Everything it
//! says is labelled "demo". Directives in the ticket's text (`[demo: ask …]`) make it act the other endings. Spoken to as
//! the orchestrator it stands in for Luci; without `-p` it does so in a terminal.

use crate::drivers::runtime::demo::common::{VERSION, WorkPlace, flags};
use crate::drivers::runtime::demo::orchestrator;
use crate::drivers::runtime::demo::orchestrator::{live, turn};
use crate::drivers::runtime::demo::script::{Memory, words};
use crate::drivers::runtime::demo::stream_writer::StreamWriter;
use crate::drivers::runtime::demo::worker::enter_worktree;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

const HELP: &str = "\
The demo agent of Mission Control: acts an agent's part without any model.

Usage: mission-control demo-agent -p [options]   (the brief comes on standard input)
       mission-control demo-agent [options]      (in a terminal, in the orchestrator's place)

  -p, --print                     one unattended run
      --output-format <format>    stream-json
      --verbose                   accepted
      --worktree <name>           work in .claude/worktrees/<name> of this repository
      --session-id <uuid>         id of the new session
      --resume <id>               go on with a session
      --append-system-prompt <text>   said to the orchestrator, it answers in its place
      --settings <file>           hooks to run, in a terminal
      --effort, --model, --permission-mode <value>, --dangerously-skip-permissions   accepted
      --version, --help
";

/// Bytes of a brief that are read.
const BRIEF_CAP: u64 = 4 * 1024 * 1024;

/// Runs the demo agent with these arguments (without the program's name and the subcommand).
#[must_use]
pub fn main(args: &[String]) -> ExitCode {
    let mut brief = Vec::new();
    let asks = args.iter().any(|a| a == "--help" || a == "-h" || a == "--version");
    let unattended = args.iter().any(|a| a == "-p" || a == "--print");
    let pace = std::env::var("MC_DEMO_PACE_MS").ok().and_then(|v| v.parse().ok()).unwrap_or(150);
    let place = WorkPlace { cwd: std::env::current_dir().unwrap_or_default(), state: state_dir(), pace_ms: pace };
    if !asks && !unattended {
        return ExitCode::from(live::run(args, place));
    }
    if !asks && std::io::stdin().lock().take(BRIEF_CAP).read_to_end(&mut brief).is_err() {
        eprintln!("Error: the brief cannot be read from standard input");
        return ExitCode::FAILURE;
    }
    let mut out = std::io::stdout().lock();
    ExitCode::from(run(args, &String::from_utf8_lossy(&brief), place, &mut out))
}

fn state_dir() -> PathBuf {
    let from = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    from("MC_DEMO_STATE")
        .or_else(|| from("XDG_STATE_HOME").map(|p| p.join("mission-control/demo")))
        .or_else(|| from("HOME").map(|p| p.join(".local/state/mission-control/demo")))
        .unwrap_or_else(|| std::env::temp_dir().join("mission-control-demo"))
}

fn run(args: &[String], brief: &str, mut place: WorkPlace, out: &mut dyn Write) -> u8 {
    if args.iter().any(|a| a == "--help" || a == "-h") {
        return u8::from(out.write_all(HELP.as_bytes()).is_err());
    }
    if args.iter().any(|a| a == "--version") {
        return u8::from(writeln!(out, "{VERSION}").is_err());
    }
    let (flags, session) = match flags(args).and_then(|flags| Ok((flags.session()?, flags))) {
        Ok((session, flags)) => (flags, session),
        Err(why) => {
            eprintln!("{why}");
            return 1;
        }
    };
    let (state, pace_ms, cwd) = (place.state.clone(), place.pace_ms, place.cwd.clone());
    let mut writer = StreamWriter { out, session, state, pace_ms, cwd, tokens: 0, said: 0, turns: 0 };
    let model = flags.model.as_deref().unwrap_or("demo");
    if orchestrator::is_luci(flags.brief.as_deref(), brief) {
        return turn::play(&mut writer, flags.resume.is_some(), model, brief);
    }
    let words = words(brief);
    let memory = match flags.resume {
        Some(_) => match writer.recall() {
            Some(memory) => memory,
            None => return writer.unknown_session(),
        },
        None => Memory { ticket: words.ticket, text: words.text.clone().unwrap_or_default(), ..Memory::default() },
    };
    if let Some(name) = &flags.worktree {
        match enter_worktree(&place.cwd, name) {
            Ok(dir) => place.cwd = dir,
            Err(why) => {
                eprintln!("Error: {why}");
                return 1;
            }
        }
    }
    writer.cwd = place.cwd;
    // A reader that is gone is no reason to stop working, as with the real program: write errors are ignored below.
    writer.init(model);
    writer.act(memory, &words)
}

#[cfg(test)]
#[path = "agent_tests.rs"]
mod tests;

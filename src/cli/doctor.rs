//! `doctor`: says what is missing and what to do about it.

use crate::base::error::Result;
use crate::config::data_dir::DataDir;
use crate::config::{Config, DEMO};
use crate::drivers::supervise::process;
use crate::drivers::{exec, git, runtime};
use nix::unistd::geteuid;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// How well a thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Good,
    /// Works without it, less well.
    Note,
    /// Something will not work.
    Bad,
}

struct Finding {
    mark: Mark,
    what: String,
    todo: String,
}

/// Where the documentation puts the unit.
const UNIT: &str = "/etc/systemd/system/mission-control.service";
/// Lines a systemd unit needs so that workers survive a restart of the server.
pub const UNIT_LINES: &[&str] = &["KillMode=process", "OOMPolicy=continue", "OOMScoreAdjust=-600"];

/// Examines the machine and the configuration.
///
/// # Errors
/// The data folder cannot be opened.
pub fn run(config: &Config, unit: Option<&Path>) -> Result<ExitCode> {
    let mut found = Vec::new();
    programs(&mut found);
    agents(config, &mut found);
    folders(config, &mut found)?;
    machine(&mut found);
    match unit {
        Some(unit) => systemd(unit, &mut found),
        None if Path::new(UNIT).exists() => systemd(Path::new(UNIT), &mut found),
        None => {}
    }
    let mut bad = false;
    for f in &found {
        let sign = match f.mark {
            Mark::Good => "ok  ",
            Mark::Note => "note",
            Mark::Bad => "BAD ",
        };
        bad |= f.mark == Mark::Bad;
        println!("{sign}  {}", f.what);
        if !f.todo.is_empty() {
            println!("      → {}", f.todo);
        }
    }
    Ok(if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn add(found: &mut Vec<Finding>, mark: Mark, what: impl Into<String>, todo: impl Into<String>) {
    found.push(Finding { mark, what: what.into(), todo: todo.into() });
}

fn programs(found: &mut Vec<Finding>) {
    match git::version() {
        Some(version) => add(found, Mark::Good, format!("git: {version}"), ""),
        None => add(found, Mark::Bad, "git is not there: no worktrees", "apt-get install git"),
    }
    match exec::find_on_path("tmux") {
        Some(path) => add(found, Mark::Good, format!("tmux: {}", path.display()), ""),
        None => add(found, Mark::Note, "tmux is not there: not needed for workers", "apt-get install tmux"),
    }
}

fn agents(config: &Config, found: &mut Vec<Finding>) {
    for profile in config.profiles() {
        let runtime = runtime::of(profile.runtime);
        if runtime.program(profile).is_ok_and(|command| command.is_empty()) {
            continue;
        }
        if let Some(fault) = runtime.setup_fault(profile, geteuid().is_root()) {
            add(found, Mark::Bad, fault.what, fault.todo);
        }
        match runtime.probe(profile, Duration::from_secs(10)) {
            Ok(probe) => {
                let version = probe.version.unwrap_or_else(|| "version unknown".to_owned());
                add(found, Mark::Good, format!("profile {}: {version}", profile.name), probe.note.unwrap_or_default());
            }
            Err(f) => add(found, Mark::Bad, format!("profile {}: {}", profile.name, f.text), f.code.advice()),
        }
    }
    if config.default_profile() == DEMO {
        add(
            found,
            Mark::Note,
            "tickets are done by the built-in demo agent",
            "install an agent CLI and choose its profile under Settings, or set [defaults] profile in config.toml",
        );
    }
}

fn folders(config: &Config, found: &mut Vec<Finding>) -> Result<()> {
    let data = DataDir::open(&config.data)?;
    let probe = data.path().join(".doctor");
    match std::fs::write(&probe, b"x").and_then(|()| std::fs::remove_file(&probe)) {
        Ok(()) => add(found, Mark::Good, format!("data folder: {}", data.path().display()), ""),
        Err(e) => add(found, Mark::Bad, format!("data folder {}: {e}", data.path().display()), "make it writable for this user"),
    }
    match config.check_listen() {
        Ok(()) => add(found, Mark::Good, format!("listens on {}", config.listen), ""),
        Err(e) => add(found, Mark::Bad, e.to_string(), ""),
    }
    let workspace = config.workspace.display();
    if !config.workspace.exists() {
        add(found, Mark::Note, format!("workspace {workspace} is not there yet"), "it is made at the first start");
    } else if git::is_git(&config.workspace) {
        add(found, Mark::Good, format!("workspace: {workspace}"), "");
    } else {
        add(found, Mark::Note, format!("workspace {workspace} is no git repository: work there has no worktree"), "git init");
    }
    Ok(())
}

fn machine(found: &mut Vec<Finding>) {
    let me = i32::try_from(std::process::id()).unwrap_or(0);
    match process::set_oom_score_adj(me, -600) {
        Ok(()) => add(found, Mark::Good, "the server may ask to be killed late when memory runs out", ""),
        Err(_) => add(
            found,
            Mark::Note,
            "the server may not lower its OOM score (not root)",
            "set OOMScoreAdjust=-600 in the systemd unit",
        ),
    }
    if std::process::id() == 1 || Path::new("/.dockerenv").exists() {
        add(
            found,
            Mark::Note,
            "in a container workers live as long as its first process",
            "run with an init (docker run --init) and let it, not the server, be restarted",
        );
    }
}

fn systemd(path: &Path, found: &mut Vec<Finding>) {
    match std::fs::read_to_string(path) {
        Ok(text) => {
            for (mark, what, todo) in unit_faults(&text) {
                add(found, mark, what, todo);
            }
        }
        Err(e) => add(found, Mark::Bad, format!("{}: {e}", path.display()), ""),
    }
}

fn unit_faults(text: &str) -> Vec<(Mark, String, String)> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut found = Vec::new();
    for wanted in UNIT_LINES {
        if lines.contains(wanted) {
            found.push((Mark::Good, format!("unit has {wanted}"), String::new()));
        } else {
            found.push((
                Mark::Bad,
                format!("unit lacks {wanted}: a restart would end the workers"),
                format!("add {wanted} under [Service]"),
            ));
        }
    }
    if lines.iter().any(|l| l.to_lowercase().starts_with("privatetmp=") && !l.to_lowercase().ends_with("=no")) {
        found.push((
            Mark::Bad,
            "unit has PrivateTmp: workers of the old server lose their /tmp".to_owned(),
            "remove it".to_owned(),
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_unit_lets_workers_live() {
        let text = include_str!("../../docs/operations.md");
        let unit = text.split("```ini").nth(1).and_then(|t| t.split("```").next()).expect("the page shows a unit");
        assert!(unit_faults(unit).iter().all(|(mark, ..)| *mark == Mark::Good), "{unit}");
        assert!(!unit.contains("PrivateTmp"));
    }

    #[test]
    fn a_default_unit_is_found_out() {
        let faults = unit_faults("[Service]\nExecStart=/usr/bin/mission-control serve\nPrivateTmp=yes\n");
        assert_eq!(faults.iter().filter(|(mark, ..)| *mark == Mark::Bad).count(), 4);
    }
}

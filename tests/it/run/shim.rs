//! What a shim writes down of its agent, and what it gives it.

use crate::run::shim_rig::{EXE, Rig, until};
use mission_control::domain::run::ExitCause;
use mission_control::drivers::supervise::process;
use mission_control::drivers::supervise::run_dir::{MARKER, Voided};
use mission_control::drivers::supervise::stop;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

#[test]
fn an_agent_that_ends_leaves_its_exit_code_and_its_output() {
    let rig = Rig::new("cat; echo oops >&2; exit 7", |_| {});
    let exit = rig.play();
    assert_eq!((exit.cause, exit.exit_code, exit.signal, exit.strays), (ExitCause::Exited, Some(7), None, 0));
    assert_eq!(rig.raw(), "Fix the login page.\n", "the prompt is its stdin");
    assert_eq!(exit.log_bytes, 20);
    assert_eq!(fs::read_to_string(rig.dir.stderr()).unwrap(), "oops\n");
    assert!(exit.ended_at >= exit.started_at);
}

#[test]
fn an_agent_that_is_killed_leaves_the_signal() {
    let exit = Rig::new("kill -9 $$", |_| {}).play();
    assert_eq!((exit.cause, exit.exit_code, exit.signal), (ExitCause::Exited, None, Some(9)));
}

#[test]
fn a_signal_without_a_name_is_a_signal_all_the_same() {
    let exit = Rig::new("kill -40 $$", |_| {}).play();
    assert_eq!((exit.cause, exit.exit_code), (ExitCause::Exited, None));
    assert!(exit.signal.is_some());
}

#[test]
fn an_agent_that_cannot_be_started_says_why() {
    let missing = Rig::new("", |s| s.argv = vec!["no-such-agent".to_owned()]).play();
    assert_eq!(missing.cause, ExitCause::SpawnFailed);
    assert!(missing.text.expect("a reason").contains("no-such-agent cannot be started"));

    let nowhere = Rig::new("true", |s| s.cwd = PathBuf::from("/no/such/folder")).play();
    assert_eq!(nowhere.cause, ExitCause::SpawnFailed);
    assert_eq!(nowhere.text.as_deref(), Some("/no/such/folder is no folder"));

    let nothing = Rig::new("", |s| s.argv = Vec::new()).play();
    assert_eq!(nothing.text.as_deref(), Some("there is no program to start"));
}

#[test]
fn of_two_shims_on_one_folder_one_starts_an_agent() {
    let rig = Rig::new("echo started; while [ ! -e go ]; do sleep 0.01; done", |_| {});
    let pids = [rig.launch(), rig.launch()];
    rig.says("started");
    fs::write(rig.tmp.path().join("go"), "").unwrap();
    rig.exit();
    until("both gone", || pids.iter().all(|p| process::start_time(*p).is_none()).then_some(()));
    assert_eq!(rig.raw(), "started\n");
    assert_eq!(rig.dir.void().unwrap(), Voided::AlreadyStarted);
}

#[test]
fn nothing_starts_from_a_voided_folder() {
    let rig = Rig::new("echo started", |_| {});
    assert_eq!(rig.dir.void().unwrap(), Voided::Yes);
    let pid = rig.launch();
    until("the shim gives up", || process::start_time(pid).is_none().then_some(()));
    assert_eq!((rig.raw().as_str(), rig.dir.exit(), rig.dir.pids()), ("", None, None));
    assert!(!rig.dir.file("exit.json.tmp").exists());
}

#[test]
fn stopping_a_run_that_has_not_begun_voids_it() {
    let rig = Rig::new("echo started", |_| {});
    assert!(stop::stop_run(&rig.dir, Duration::ZERO).verified);
    assert_eq!(rig.dir.void().unwrap(), Voided::Yes);
}

#[test]
fn the_agent_gets_its_marker_its_group_its_place_and_its_variables() {
    let script =
        "env; echo score=$(cat /proc/self/oom_score_adj); echo group=$(cut -d' ' -f5 /proc/$$/stat) pid=$$; ls -l /proc/$$/fd";
    let rig = Rig::new(script, |s| {
        s.env.insert("MC_TOKEN".to_owned(), "one-time".to_owned());
        s.oom_score_adj = 700;
    });
    rig.play();
    let raw = rig.raw();
    let line = |start: &str| raw.lines().find(|l| l.starts_with(start)).unwrap_or_default().to_owned();
    assert_eq!(line("MC_RUN_DIR="), format!("{MARKER}={}", rig.dir.path().display()));
    assert_eq!(line("MC_TOKEN="), "MC_TOKEN=one-time");
    assert_eq!(line("score="), "score=700");
    let group = line("group=").replace(' ', "");
    let (pgid, pid) = group.trim_start_matches("group=").split_once("pid=").unwrap();
    assert_eq!(pgid, pid);
    assert!(!raw.contains("run/lock"), "the lock is not the agent's: {raw}");
    assert!(!raw.contains("pipe:"), "a pipe of ours would tie it to us: {raw}");
}

#[test]
fn what_the_server_left_open_is_closed_for_the_agent() {
    let rig = Rig::new("ls -l /proc/$$/fd", |_| {});
    let leaky = "exec 9</dev/zero; exec \"$0\" shim \"$1\"";
    assert!(Command::new("sh").args(["-c", leaky, EXE]).arg(rig.dir.path()).status().unwrap().success());
    assert_eq!(rig.exit().exit_code, Some(0));
    assert!(rig.raw().contains("prompt.txt") && !rig.raw().contains("/dev/zero"), "{}", rig.raw());
}

#[test]
fn every_file_of_a_run_is_private() {
    let rig = Rig::new("echo out; echo err >&2", |_| {});
    rig.play();
    let mode = |p: &Path| fs::metadata(p).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&rig.spec.raw_log), 0o600);
    for entry in fs::read_dir(rig.dir.path()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
    }
    assert_eq!(mode(rig.dir.path()), 0o700);
}

#[test]
fn a_shim_that_is_over_is_no_zombie_of_ours() {
    let rig = Rig::new("true", |_| {});
    let pid = rig.launch();
    rig.exit();
    until("reaped", || process::state(pid).is_none().then_some(()));
}

#[test]
fn an_instant_agent_is_over_in_an_instant() {
    let rig = Rig::new("true", |_| {});
    let exit = rig.play();
    assert!(exit.ended_at.since(exit.started_at) < 400, "{exit:?}");
}

#[test]
fn a_full_disk_does_not_swallow_how_a_run_ended() {
    let tmp = tempfile::tempdir().unwrap();
    let disk = tmp.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"]).arg(&disk).output();
    if !mount.is_ok_and(|m| m.status.success()) {
        eprintln!("SKIPPED: no small disk can be mounted here");
        return;
    }
    let disk_of = Unmount(disk.clone());
    {
        let rig = Rig::at(tmp, &disk, "yes || exit 28", |_| {});
        let exit = rig.play();
        assert_eq!((exit.cause, exit.exit_code), (ExitCause::Exited, Some(28)));
        assert!(exit.log_bytes > 100_000);
        assert!(fs::write(disk.join("more"), [1; 8192]).is_err(), "the disk is full");
        drop(disk_of);
    }
}

/// Frees a mounted folder before its parent is removed.
struct Unmount(PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        let _done = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

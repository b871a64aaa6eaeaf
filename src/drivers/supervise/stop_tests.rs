//! Ending what belongs to a run, and nobody else.

use super::*;
use crate::drivers::supervise::process::boot_id;
use crate::drivers::supervise::run_dir::PidRecord;
use std::process::{Child, Command};

fn sleeper(marker: &Path) -> Child {
    Command::new("sleep").arg("600").env(MARKER, marker).spawn().unwrap()
}

fn id(child: &Child) -> i32 {
    i32::try_from(child.id()).unwrap()
}

#[test]
fn ending_by_marker_leaves_everybody_else_alone() {
    let (ours, theirs) = (Path::new("/nowhere/run-a"), Path::new("/nowhere/run-b"));
    let (mut a, mut b) = (sleeper(ours), sleeper(theirs));
    assert!(gone_within(KILL_LIMIT, || with_marker(MARKER, ours) == [id(&a)]));
    let ended = end_tree(&EndTree { pgid: None, marker_dir: ours, adopter: None, exclude: &[], grace: Duration::ZERO });
    assert_eq!(ended, Ended { strays: 1, verified: true });
    assert!(is_same(id(&b), start_time(id(&b)).unwrap()));
    b.kill().unwrap();
    a.wait().unwrap();
    b.wait().unwrap();
}

#[test]
fn a_reused_pid_is_a_stranger_and_lives() {
    let tmp = tempfile::tempdir().unwrap();
    let mut stranger = sleeper(Path::new("/nowhere/else"));
    let (pid, start) = (id(&stranger), start_time(id(&stranger)).unwrap());
    let dir = RunDir::open(tmp.path());
    assert!(dir.begin("shim 1").unwrap());
    dir.set_pids(&PidRecord {
        shim_pid: pid,
        shim_start: start + 1,
        agent_pid: Some(pid),
        agent_start: Some(start + 1),
        pgid: Some(pid),
        boot: boot_id(),
    })
    .unwrap();
    let held = dir.lock().unwrap();
    assert!(!ask_to_stop(&dir), "even with the lock held by somebody");
    drop(held);
    let ended = stop_run(&dir, Duration::from_millis(10));
    assert_eq!(ended, Ended { strays: 0, verified: true });
    assert!(is_same(pid, start));
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

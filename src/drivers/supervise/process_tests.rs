//! Who is who among processes.

use super::*;
use crate::base::clock::{Deadline, pause};
use nix::unistd::Pid;
use std::process::{Child, Command};
use std::time::Duration;

const MARKER: &str = "MC_TEST_MARKER";

fn soon(is: impl Fn() -> bool) -> bool {
    let until = Deadline::after(Duration::from_secs(20));
    while !is() && !until.is_over() {
        pause(Duration::from_millis(5));
    }
    is()
}

fn me() -> i32 {
    Pid::this().as_raw()
}

fn sleeper(marker: &Path) -> Child {
    Command::new("sleep").arg("600").env(MARKER, marker).spawn().unwrap()
}

fn id(child: &Child) -> i32 {
    i32::try_from(child.id()).unwrap()
}

#[test]
fn a_program_name_with_brackets_and_blanks_is_read_past() {
    let line = "42 (a) Z (b) S 7 41 41 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 987654 1 1";
    assert_eq!(parse_stat(line), Some(Stat { pid: 42, state: 'S', ppid: 7, pgid: 41, threads: 1, start: 987_654 }));
    assert_eq!(parse_stat("42 (half"), None);
}

#[test]
fn a_process_is_known_by_pid_and_start_time_together() {
    let start = start_time(me()).unwrap();
    assert!(is_same(me(), start));
    assert!(!is_same(me(), start + 1));
    assert_eq!(start_time(i32::MAX), None);
}

#[test]
fn a_zombie_is_not_alive() {
    let mut child = Command::new("true").spawn().unwrap();
    let start = start_time(id(&child)).unwrap();
    assert!(soon(|| state(id(&child)) == Some('Z')));
    assert!(!is_same(id(&child), start));
    child.wait().unwrap();
}

#[test]
fn a_process_whose_first_thread_has_ended_is_alive() {
    let script = "import ctypes, threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()\n\
                  ctypes.CDLL(None).pthread_exit(None)";
    let mut child = Command::new("python3").args(["-c", script]).spawn().unwrap();
    let start = start_time(id(&child)).unwrap();
    assert!(soon(|| state(id(&child)) == Some('Z')));
    assert!(is_same(id(&child), start));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!is_same(id(&child), start));
}

#[test]
fn the_marker_is_matched_whole() {
    let mut child = sleeper(Path::new("/nowhere/run-12"));
    assert!(soon(|| with_marker(MARKER, Path::new("/nowhere/run-12")) == [id(&child)]));
    assert!(with_marker(MARKER, Path::new("/nowhere/run-1")).is_empty(), "a prefix is another run");
    assert!(descendants(me()).contains(&id(&child)));
    child.kill().unwrap();
    child.wait().unwrap();
}

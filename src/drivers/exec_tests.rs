//! Programs that end, hang, talk too much and leave others behind.

use super::*;
use crate::base::clock::{Clock, SystemClock};

const BOUNDS: Bounds =
    Bounds { time: Duration::from_secs(20), held_open: Duration::from_millis(100), output: 1 << 20, leave_nothing: true };

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

#[test]
fn only_executable_files_in_absolute_folders_are_programs() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(dir.path().join("plain"), "x").expect("writes");
    std::fs::create_dir(dir.path().join("folder")).expect("creates");
    let path = std::ffi::OsString::from(format!(":.:{}:/bin:/usr/bin", dir.path().display()));
    assert_eq!(find_in("plain", &path), None);
    assert_eq!(find_in("folder", &path), None);
    assert_eq!(find_in("../bin/sh", &path), None);
    assert!(find_in("sh", &path).is_some());
}

#[test]
fn a_program_gets_its_input_and_both_its_streams_and_its_end_come_back() {
    let done = run(shell("cat; echo no >&2; exit 3"), Some("all\nof it"), BOUNDS).expect("it ends");
    assert_eq!((done.stdout.as_slice(), done.stderr.as_slice()), (&b"all\nof it"[..], &b"no\n"[..]));
    assert_eq!((done.status.code(), done.cut, done.held), (Some(3), false, false));
}

#[test]
fn a_program_that_hangs_is_killed_with_what_it_started() {
    let marker = "615.073";
    let bounds = Bounds { time: Duration::from_millis(200), ..BOUNDS };
    let fault = run(shell(&format!("sleep {marker} & sleep {marker}")), None, bounds).expect_err("it hangs");
    assert!(matches!(fault, ExecFault::TimedOut(_)), "{fault}");
    let alive = || crate::drivers::supervise::process::any_with_argument(marker);
    let until = Deadline::after(Duration::from_secs(10));
    while alive() {
        assert!(!until.is_over(), "something of it is left");
        pause(STEP);
    }
}

#[test]
fn of_a_program_that_says_too_much_the_beginning_stays_and_it_still_ends() {
    let done = run(shell("head -c 3000000 /dev/zero"), None, Bounds { output: 1000, ..BOUNDS }).expect("it ends");
    assert_eq!((done.stdout.len(), done.cut, done.status.success()), (1000, true, true));
}

#[test]
fn output_that_a_child_left_behind_holds_open_is_not_waited_for() {
    let clock = SystemClock::new();
    let done = run(shell("echo mine; sleep 600 &"), None, BOUNDS).expect("it ends");
    assert_eq!((done.stdout.as_slice(), done.held), (&b"mine\n"[..], true));
    assert!(clock.mono_ms() < 10_000);
}

#[test]
fn a_program_that_is_not_there_is_told_apart() {
    let fault = run(Command::new("/nonexistent/program"), None, BOUNDS).expect_err("not there");
    assert!(matches!(fault, ExecFault::NotStarted(_)), "{fault}");
}

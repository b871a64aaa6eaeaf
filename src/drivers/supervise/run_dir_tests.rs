//! Run folders: who begins, who lives, what half files are.

use super::*;
use std::os::unix::fs::PermissionsExt;

fn fresh() -> (tempfile::TempDir, RunDir) {
    let tmp = tempfile::tempdir().unwrap();
    let dir = RunDir::create(&tmp.path().join("runs/41-1"), &RunSpec::sample(), "do it").unwrap();
    (tmp, dir)
}

#[test]
fn a_run_folder_is_private_and_used_once() {
    let (_tmp, dir) = fresh();
    let mode = |p: &Path| fs::metadata(p).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(dir.path()), 0o700);
    assert_eq!(mode(&dir.file("spool")), 0o700);
    assert_eq!(mode(&dir.file("spec.json")), 0o600);
    assert_eq!(mode(&dir.prompt()), 0o600);
    assert_eq!(dir.spec().unwrap(), RunSpec::sample());
    assert!(matches!(RunDir::create(dir.path(), &RunSpec::sample(), "again"), Err(Error::Conflict(_))));
    assert_eq!(fs::read_to_string(dir.prompt()).unwrap(), "do it");
}

#[test]
fn of_a_shim_and_a_voiding_server_one_wins_and_stays_the_winner() {
    let (_tmp, dir) = fresh();
    assert_eq!(dir.void().unwrap(), Voided::Yes);
    assert_eq!(dir.void().unwrap(), Voided::Yes, "asking again changes nothing");
    assert!(!dir.begin("shim 1").unwrap());

    let (_tmp, dir) = fresh();
    assert!(dir.begin("shim 1").unwrap());
    assert_eq!(dir.void().unwrap(), Voided::AlreadyStarted);
    assert!(!dir.begin("shim 2").unwrap());
}

#[test]
fn a_start_file_without_content_is_a_writer_that_died_unless_a_shim_lives() {
    let (_tmp, dir) = fresh();
    File::create(dir.file("started")).unwrap();
    let held = dir.lock().unwrap();
    assert_eq!(dir.void().unwrap(), Voided::AlreadyStarted, "it may be writing just now");
    drop(held);
    assert_eq!(dir.void().unwrap(), Voided::Yes);
    assert!(!dir.begin("shim 1").unwrap(), "and nobody begins any more");
}

#[test]
fn held_means_alive_and_asking_does_not_disturb() {
    let (_tmp, dir) = fresh();
    assert!(!dir.is_alive(), "no lock file yet");
    let held = dir.lock().unwrap();
    assert!(dir.is_alive());
    assert!(dir.is_alive());
    drop(held);
    assert!(!dir.is_alive());
    let other_who_asks = File::open(dir.file("lock")).unwrap();
    other_who_asks.try_lock_shared().unwrap();
    assert!(!dir.is_alive(), "two who ask do not take each other for a shim");
}

#[test]
fn half_files_are_no_files() {
    let (_tmp, dir) = fresh();
    assert_eq!(dir.exit(), None);
    fs::write(dir.file("exit.json"), "{\"cause\":\"exi").unwrap();
    fs::write(dir.file("pid.json"), "").unwrap();
    assert_eq!(dir.exit(), None);
    assert_eq!(dir.pids(), None);
}

#[test]
fn pids_from_before_a_reboot_are_none() {
    let (_tmp, dir) = fresh();
    let mut pids =
        PidRecord { shim_pid: 1, shim_start: 2, agent_pid: None, agent_start: None, pgid: None, boot: process::boot_id() };
    dir.set_pids(&pids).unwrap();
    assert_eq!(dir.pids(), Some(pids.clone()));
    pids.boot = "another".to_owned();
    dir.set_pids(&pids).unwrap();
    assert_eq!(dir.pids(), None);
}

#[test]
fn spooled_reports_come_back_in_order_without_the_half_written() {
    let (_tmp, dir) = fresh();
    assert!(dir.spooled().is_empty());
    fs::write(dir.file("spool/1000000000000-b.json"), r#"{"n":1}"#).unwrap();
    let second = dir.spool(&serde_json::json!({"n": 2})).unwrap();
    fs::write(dir.file("spool/2000000000000-c.tmp"), "{").unwrap();
    fs::write(dir.file("spool/2000000000001-d.json"), "{").unwrap();
    let found = dir.spooled();
    assert_eq!(found.iter().map(|(_, v)| v["n"].as_i64().unwrap()).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(found[1].0, second);
    assert_eq!(fs::metadata(&second).unwrap().permissions().mode() & 0o777, 0o600);
}

//! Real shims with small shell scripts as agents.

use mission_control::base::clock::{Clock, SystemClock, pause};
use mission_control::domain::run::{ExitCause, ExitRecord};
use mission_control::drivers::supervise::process;
use mission_control::drivers::supervise::run_dir::{MARKER, RunDir, RunSpec, Voided};
use mission_control::drivers::supervise::shim::spawn_shim;
use mission_control::drivers::supervise::stop;
use mission_control::drivers::supervise::stop::Ended;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const EXE: &str = env!("CARGO_BIN_EXE_mission-control");

/// A run folder with an agent that is a shell script; nothing of it survives the test.
struct Rig {
    tmp: tempfile::TempDir,
    spec: RunSpec,
    dir: RunDir,
}

impl Rig {
    fn new(script: &str, change: impl FnOnce(&mut RunSpec)) -> Rig {
        let tmp = tempfile::tempdir().expect("a temporary folder");
        let root = tmp.path().to_path_buf();
        Rig::at(tmp, &root, script, change)
    }

    fn at(tmp: tempfile::TempDir, root: &Path, script: &str, change: impl FnOnce(&mut RunSpec)) -> Rig {
        let mut spec = RunSpec {
            run: 41,
            ticket: "MC-7".to_owned(),
            argv: ["sh", "-c", script].map(str::to_owned).to_vec(),
            cwd: root.to_path_buf(),
            env: BTreeMap::new(),
            env_from: Vec::new(),
            raw_log: root.join("raw.log"),
            log_cap: 1 << 20,
            wall_clock_ms: 60_000,
            silence_ms: 60_000,
            stop_grace_ms: 300,
            oom_score_adj: 600,
        };
        change(&mut spec);
        let dir = RunDir::create(&root.join("run"), &spec, "Fix the login page.\n").expect("a run folder");
        Rig { tmp, spec, dir }
    }

    fn launch(&self) -> i32 {
        let pid = spawn_shim(Path::new(EXE), &self.dir).expect("a shim");
        i32::try_from(pid).expect("a pid")
    }

    fn raw(&self) -> String {
        fs::read_to_string(&self.spec.raw_log).unwrap_or_default()
    }

    /// Waits for the run's end.
    fn exit(&self) -> ExitRecord {
        until("exit record", || self.dir.exit());
        until("free lock", || (!self.dir.is_alive()).then_some(()));
        self.dir.exit().expect("it was there a moment ago")
    }

    /// Launches and waits for the end.
    fn play(&self) -> ExitRecord {
        self.launch();
        self.exit()
    }

    /// Waits until the agent has said so much.
    fn says(&self, text: &str) {
        until(text, || self.raw().contains(text).then_some(()));
    }

    /// A number that the agent has written to a file.
    fn number(&self, file: &str) -> i32 {
        until(file, || fs::read_to_string(self.tmp.path().join(file)).ok()?.trim().parse().ok())
    }

    fn agent(&self) -> (i32, u64) {
        until("agent pid", || {
            let pids = self.dir.pids()?;
            Some((pids.agent_pid?, pids.agent_start?))
        })
    }

    fn nobody_is_left(&self) {
        assert_eq!(stop::leftovers(&self.dir), [0; 0]);
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let ended = stop::stop_run(&self.dir, Duration::from_millis(10));
        assert!(ended.verified || std::thread::panicking());
    }
}

/// Waits for something that must come.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let clock = SystemClock::new();
    while clock.mono_ms() < 20_000 {
        if let Some(found) = look() {
            return found;
        }
        pause(Duration::from_millis(5));
    }
    panic!("waited in vain for: {what}");
}

/// Writes its own pid to a file and stays, deaf to SIGTERM.
fn deaf(file: &str) -> String {
    format!("sh -c 'trap \"\" TERM; echo $$ > {file}.new; mv {file}.new {file}; while :; do sleep 1; done'")
}

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
fn silence_ends_a_run_and_output_does_not() {
    let rig = Rig::new("for i in 1 2 3 4 5 6; do echo $i; sleep 0.1; done; sleep 600", |s| s.silence_ms = 400);
    let exit = rig.play();
    assert_eq!((exit.cause, exit.signal), (ExitCause::Silence, Some(15)));
    assert!(exit.ended_at.since(exit.started_at) >= 900, "six lines, then the limit");
    assert!(rig.raw().ends_with("6\n"));
    rig.nobody_is_left();
}

#[test]
fn the_wall_clock_ends_a_run_that_talks_for_ever() {
    let rig = Rig::new("while :; do echo on; sleep 0.02; done", |s| s.wall_clock_ms = 300);
    let exit = rig.play();
    assert_eq!(exit.cause, ExitCause::WallClock);
    rig.nobody_is_left();
}

#[test]
fn the_cap_ends_a_run_that_floods_either_stream() {
    for script in ["yes", "yes >&2"] {
        let rig = Rig::new(script, |s| {
            s.log_cap = 100_000;
            s.silence_ms = 5000;
        });
        assert_eq!(rig.play().cause, ExitCause::LogCap, "{script}");
        rig.nobody_is_left();
    }
}

#[test]
fn stopping_ends_those_who_left_the_group_too() {
    let script = format!(
        "setsid {} & (({} &) &) ; env -i {} & echo ready; wait",
        deaf("session"),
        deaf("double").replace("sh -c", "setsid sh -c"),
        deaf("bare").replace("sh -c", "setsid sh -c"),
    );
    let rig = Rig::new(&script, |_| {});
    rig.launch();
    let pids = ["session", "double", "bare"].map(|f| rig.number(f));
    let starts = pids.map(|p| process::start_time(p).expect("it runs"));
    assert!(stop::ask_to_stop(&rig.dir));
    let exit = rig.exit();
    assert_eq!((exit.cause, exit.signal), (ExitCause::Stopped, Some(15)));
    assert!(exit.strays >= 3, "{exit:?}");
    for (pid, start) in pids.into_iter().zip(starts) {
        assert!(!process::is_same(pid, start));
    }
    rig.nobody_is_left();
    assert!(!stop::ask_to_stop(&rig.dir), "nobody is there to be asked");
}

#[test]
fn an_agent_deaf_to_the_request_is_killed_after_its_grace() {
    let rig = Rig::new(&format!("exec {}", deaf("deaf")), |_| {});
    rig.launch();
    rig.number("deaf");
    assert_eq!(stop::stop_run(&rig.dir, Duration::from_millis(50)), Ended { strays: 0, verified: true });
    let exit = rig.dir.exit().expect("stop_run waits for the end");
    assert_eq!((exit.cause, exit.signal), (ExitCause::Stopped, Some(9)));
}

#[test]
fn an_agent_may_tidy_up_when_asked_to_stop() {
    let rig = Rig::new("trap 'echo tidy; exit 3' TERM; echo ready; while :; do sleep 0.01; done", |s| s.stop_grace_ms = 10_000);
    rig.launch();
    rig.says("ready");
    assert!(stop::stop_run(&rig.dir, Duration::from_secs(10)).verified);
    let exit = rig.exit();
    assert_eq!((exit.cause, exit.exit_code), (ExitCause::Stopped, Some(3)));
    rig.says("tidy");
}

#[test]
fn whoever_an_agent_leaves_behind_is_ended_after_it() {
    let script = format!("setsid {} & while [ ! -e left ]; do sleep 0.01; done; exit 0", deaf("left"));
    let rig = Rig::new(&script, |_| {});
    let exit = rig.play();
    assert_eq!((exit.cause, exit.exit_code), (ExitCause::Exited, Some(0)));
    assert!(exit.strays >= 1);
    assert_eq!(process::start_time(rig.number("left")), None);
}

#[test]
fn whoever_multiplies_when_asked_to_end_is_ended_all_the_same() {
    let rig = Rig::new("exec sh hydra.sh", |_| {});
    let hydra = "trap 'setsid sh hydra.sh & setsid sh hydra.sh &' TERM\necho up\nwhile :; do sleep 0.02; done\n";
    fs::write(rig.tmp.path().join("hydra.sh"), hydra).unwrap();
    rig.launch();
    rig.says("up");
    assert!(stop::ask_to_stop(&rig.dir));
    let exit = rig.exit();
    assert_eq!((exit.cause, exit.text.as_deref()), (ExitCause::Stopped, None), "verified gone");
    assert!(exit.strays >= 2, "{exit:?}");
    rig.nobody_is_left();
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
fn an_agent_whose_shim_was_killed_is_found_and_ended() {
    let script = format!("setsid {} & echo ready; while :; do sleep 1; done", deaf("stray"));
    let rig = Rig::new(&script, |_| {});
    let shim = rig.launch();
    let (agent, start) = rig.agent();
    let stray = rig.number("stray");
    assert!(Command::new("kill").args(["-9", &shim.to_string()]).status().unwrap().success());
    until("a free lock", || (!rig.dir.is_alive()).then_some(()));
    assert!(process::is_same(agent, start), "the agent works on");
    assert!(stop::leftovers(&rig.dir).contains(&agent));
    assert_eq!(rig.dir.exit(), None);
    let ended = stop::stop_run(&rig.dir, Duration::from_millis(100));
    assert!(ended.verified && ended.strays >= 1, "{ended:?}");
    assert!(!process::is_same(agent, start));
    until("the stray is gone", || process::state(stray).is_none_or(|s| s == 'Z').then_some(()));
}

#[test]
fn an_agent_outlives_whoever_started_its_shim() {
    let rig = Rig::new("echo ready; while [ ! -e go ]; do sleep 0.01; done; echo went on", |_| {});
    // A server in a group of its own that is killed as a whole.
    let mut server =
        Command::new("setsid").args(["sh", "-c", "\"$0\" shim \"$1\" & wait", EXE]).arg(rig.dir.path()).spawn().unwrap();
    rig.says("ready");
    let session = server.id().to_string();
    assert!(Command::new("kill").args(["-9", "--", &format!("-{session}")]).status().unwrap().success());
    server.wait().unwrap();
    fs::write(rig.tmp.path().join("go"), "").unwrap();
    assert_eq!(rig.exit().exit_code, Some(0));
    assert_eq!(rig.raw(), "ready\nwent on\n");
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

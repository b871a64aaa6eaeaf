//! The shim: a small process of its own that starts one agent, outlives the server with it, and writes down its end.
//!
//! `mission-control shim RUN_DIR`. The server and the shim share files only (see [`crate::drivers::supervise::run_dir`]), so either
//! can die at any moment without the other noticing more than that.

pub(crate) mod environment;
pub(crate) mod exit_record;
pub mod head_and_tail;
pub(crate) mod watch;

pub use crate::drivers::supervise::shim::environment::scrub;

use crate::base::clock::{Clock, SystemClock};
use crate::base::faults;
use crate::base::faults::Point;
use crate::domain::run::{ExitCause, ExitRecord};
use crate::domain::time::Time;
use crate::drivers::supervise::process;
use crate::drivers::supervise::run_dir::{MARKER, PidRecord, RunDir, RunSpec};
use crate::drivers::supervise::shim::exit_record::ExitRecordFile;
use crate::drivers::supervise::shim::watch::{AgentStatus, Signals, reap, watch};
use crate::drivers::supervise::stop;
use crate::drivers::supervise::stop::EndTree;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

/// Starts a shim on a run folder and returns its pid. Nothing of it needs to be waited for.
///
/// A plain spawn: a callback before `exec` would force a fork, which is slow in a large parent.
pub fn spawn_shim(exe: &Path, dir: &RunDir) -> io::Result<u32> {
    let mut child = Command::new(exe)
        .arg("shim")
        .arg(dir.path())
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let pid = child.id();
    // A shim that is over must not stay a zombie for as long as the server lives.
    std::thread::Builder::new().name(format!("shim {pid}")).stack_size(64 << 10).spawn(move || child.wait()).map(|_thread| pid)
}

/// The whole life of a shim.
#[must_use]
pub fn main(run_dir: &Path) -> ExitCode {
    match live(&RunDir::open(run_dir)) {
        Ok(()) => ExitCode::SUCCESS,
        // Nobody reads a shim's output; a folder without an exit record is what the reaper acts upon.
        Err(e) => {
            eprintln!("shim: {e}");
            ExitCode::FAILURE
        }
    }
}

fn live(dir: &RunDir) -> io::Result<()> {
    close_inherited();
    // Refused where we lead a group already, as from a shell: then the terminal's signals are that shell's business.
    let _own = nix::unistd::setsid();
    let _lock = dir.lock()?;
    // Signals first: from `started` on we can be told to stop.
    let mut signals = Signals::new()?;
    let me = nix::unistd::Pid::this().as_raw();
    // Room before beginning: with a full disk the launch has then left no trace and can be voided.
    let exit_file = ExitRecordFile::reserve(dir)?;
    if !dir.begin(&format!("shim {me}"))? {
        return exit_file.withdraw();
    }
    let started_at = SystemClock::new().now();
    let record = match run(dir, me, started_at, &mut signals) {
        Ok(record) => record,
        Err(text) => ExitRecord {
            cause: ExitCause::SpawnFailed,
            exit_code: None,
            signal: None,
            text: Some(text),
            started_at,
            ended_at: SystemClock::new().now(),
            log_bytes: 0,
            strays: 0,
        },
    };
    exit_file.write(record)
}

/// Starts the agent, watches it, and ends what is left of it. An error is why it could not be started.
fn run(dir: &RunDir, me: i32, started_at: Time, signals: &mut Signals) -> Result<ExitRecord, String> {
    let spec = dir.spec().map_err(|e| e.to_string())?;
    nix::sys::prctl::set_child_subreaper(true).map_err(|e| format!("child subreaper: {e}"))?;
    let mut pids = PidRecord {
        shim_pid: me,
        shim_start: process::start_time(me).ok_or("/proc is not there")?,
        agent_pid: None,
        agent_start: None,
        pgid: None,
        boot: process::boot_id(),
    };
    dir.set_pids(&pids).map_err(|e| format!("pid.json: {e}"))?;
    let agent = spawn_agent(dir, &spec, me)?;
    let _only_strikes = faults::hit(Point::AgentSpawned);
    pids.agent_pid = Some(agent);
    pids.agent_start = process::start_time(agent);
    pids.pgid = Some(agent);
    // If this fails (a full disk) the agent is still found by its marker.
    let _written = dir.set_pids(&pids);

    let end = watch(dir, &spec, agent, signals);
    let ours = EndTree { pgid: None, marker_dir: dir.path(), adopter: Some(me), exclude: &[], grace: Duration::ZERO };
    let (status, strays, verified) = match end.status {
        // The usual case is that it leaves nobody behind, and the kernel tells us so for nothing.
        Some(status) if !reap(agent).children_left => (Some(status), 0, true),
        Some(status) => {
            let ended = stop::end_tree(&ours);
            reap(agent);
            (Some(status), ended.strays, ended.verified)
        }
        // Not reaped before the end: as long as it is there, if as a zombie, the group's number cannot be another's.
        None => {
            let grace = Duration::from_millis(spec.stop_grace_ms.max(1));
            let ended = stop::end_tree(&EndTree { pgid: Some(agent), grace, ..ours });
            (reap(agent).agent, ended.strays, ended.verified)
        }
    };
    let unkillable = (!verified).then(|| "some of its processes could not be ended".to_owned());
    let text: Vec<String> = end.text.into_iter().chain(unkillable).collect();
    Ok(ExitRecord {
        cause: end.cause,
        exit_code: status.and_then(AgentStatus::code),
        signal: status.and_then(AgentStatus::signal),
        text: (!text.is_empty()).then(|| text.join("; ")),
        started_at,
        ended_at: SystemClock::new().now(),
        log_bytes: watch::size(&spec.raw_log),
        strays,
    })
}

/// Starts the agent and returns its pid, which is also its process group.
fn spawn_agent(dir: &RunDir, spec: &RunSpec, me: i32) -> Result<i32, String> {
    let (program, args) = spec.argv.split_first().ok_or("there is no program to start")?;
    // The system has one word, "not found", for a missing folder and a missing program.
    if !spec.cwd.is_dir() {
        return Err(format!("{} is no folder", spec.cwd.display()));
    }
    let stdin = File::open(dir.prompt()).map_err(|e| format!("prompt.txt: {e}"))?;
    let stdout = append(&spec.raw_log).map_err(|e| format!("{}: {e}", spec.raw_log.display()))?;
    let stderr = append(&dir.stderr()).map_err(|e| format!("stderr.log: {e}"))?;
    let environment = scrub(std::env::vars_os(), &spec.env_from, &spec.env);

    let own_place = process::oom_score_adj(me);
    // Refused where we may not: then the agent is simply no likelier a victim than we are.
    let _moved = process::set_oom_score_adj(me, spec.oom_score_adj);
    let spawned = Command::new(program)
        .args(args)
        .current_dir(&spec.cwd)
        .env_clear()
        .envs(environment)
        .env(MARKER, dir.path())
        .stdin(stdin)
        .stdout(stdout)
        .stderr(stderr)
        .process_group(0)
        .spawn();
    // The agent has inherited it; the shim itself must live to tell.
    if let Some(place) = own_place {
        let _moved = process::set_oom_score_adj(me, place);
    }
    let child = spawned.map_err(|e| format!("{program} cannot be started: {e}"))?;
    i32::try_from(child.id()).map_err(|e| e.to_string())
}

/// Closes what whoever started us has left open beyond the three standard streams: it must not live as long as the
/// agent does. What this program opens itself closes on `exec`, so the others are told by that.
fn close_inherited() {
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else { return };
    let open: Vec<i32> = entries.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok()).collect();
    for fd in open.into_iter().filter(|fd| *fd > 2) {
        let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).unwrap_or_default();
        let flags = info.lines().find_map(|l| i32::from_str_radix(l.strip_prefix("flags:")?.trim(), 8).ok());
        if flags.is_some_and(|f| f & nix::fcntl::OFlag::O_CLOEXEC.bits() == 0) {
            let _closed = nix::unistd::close(fd);
        }
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

//! Starts what waits, as many at once as there are slots, each under a shim of its own.

use crate::base::error::{Error, Result};
use crate::base::faults;
use crate::base::faults::Point;
use crate::domain::profile::Profile;
use crate::domain::run::Failure;
use crate::domain::task::{Task, TaskKind, TaskRun, TaskRunState};
use crate::drivers::runtime;
use crate::drivers::runtime::launch::{SessionPlan, TurnParts, own_command, refused};
use crate::drivers::runtime::run_spec::SpecBuilder;
use crate::drivers::supervise::run_dir::{RunDir, RunSpec};
use crate::engine::Engine;
use crate::engine::run::launch;
use crate::engine::task::files::known;
use crate::engine::task::memory::Memory;
use crate::engine::task::{outcome, output};
use crate::store::run::pauses;
use crate::store::task::{task_runs, tasks};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// A start that failed for a fault of the machine is tried again after so long.
const BACKOFF_MS: i64 = 5_000;
/// A command's output is bounded on its way; this catches what gets past that.
const LOG_CAP: u64 = 64 * 1024 * 1024;

/// Starts what may begin now.
///
/// # Errors
/// The store failed.
pub(crate) fn start_waiting(engine: &Engine, memory: &mut Memory) -> Result<()> {
    let now = engine.store.clock().now();
    let (live, paused) = engine.store.read(|c| Ok((task_runs::live(c)?, pauses::in_force(c, now)?)))?;
    let mut used = live.iter().filter(|r| holds_slot(r)).count();
    let mut busy: BTreeSet<String> = live.iter().filter(|r| r.state == TaskRunState::Running).map(|r| r.task.clone()).collect();
    for run in live.iter().filter(|r| r.state == TaskRunState::Waiting) {
        if let Some(why) = run.stop_wanted {
            outcome::never_began(engine, run, why)?;
            continue;
        }
        let full = used >= engine.config.scheduler.max_running && run.kind != TaskKind::Background;
        if full || run.not_before.is_some_and(|at| at > now) || busy.contains(&run.task) {
            continue;
        }
        let begun = match begin(engine, memory, run, &|profile| paused.contains_key(profile)) {
            Ok(begun) => begun,
            // Somebody else moved it on meanwhile.
            Err(Error::Conflict(_)) => continue,
            Err(e) => return Err(e),
        };
        if begun {
            busy.insert(run.task.clone());
            used += usize::from(run.kind != TaskKind::Background);
        }
    }
    Ok(())
}

/// Whether a run holds one of the slots.
fn holds_slot(run: &TaskRun) -> bool {
    run.state == TaskRunState::Running && run.kind != TaskKind::Background
}

/// Begins one run; false where it has to wait or is over at once.
fn begin(engine: &Engine, memory: &mut Memory, run: &TaskRun, rests: &dyn Fn(&str) -> bool) -> Result<bool> {
    let name = run.task.clone();
    let row = match engine.store.read(|c| tasks::by_name(c, &name)) {
        Ok(row) => row,
        Err(Error::NotFound(_)) => return outcome::gone(engine, run).map(|()| false),
        Err(e) => return Err(e),
    };
    // A broken file is mended sooner or later: its runs wait for that.
    if row.broken.is_some() {
        return Ok(false);
    }
    let Ok(task) = known(&memory.parsed, &row, &engine.config.scheduler.timezone) else { return Ok(false) };
    let profile = engine.config.profile_of(&task);
    if profile.as_deref().is_some_and(rests) {
        return Ok(false);
    }
    let path = engine.data.runs().join(format!("task-{}-{}", run.id, run.launches + 1));
    let dir = RunDir::open(&path);
    let spec = match spec(engine, &task, run, profile.as_deref(), &dir) {
        Ok(spec) => spec,
        Err(failure) => return outcome::refused(engine, run, &task, &failure).map(|()| false),
    };
    let (mine, kept) = (run.clone(), path.display().to_string());
    let taken = engine.store.write(move |tx| {
        task_runs::take(tx, &mine, &kept, profile.as_deref())?;
        task_runs::get(tx.conn, mine.id)
    })?;
    faults::hit(Point::TaskTaken)?;
    memory.readings.remove(&run.id);
    let prompt = if matches!(task.kind, TaskKind::Agent | TaskKind::Api) { task.body.as_str() } else { "" };
    let spawned = RunDir::create(&path, &spec, prompt).and_then(|dir| Ok(engine.host.spawn(&engine.exe, &dir)?));
    if let Err(e) = spawned {
        tracing::warn!(task = run.task, error = %e, "a task could not be started; trying again");
        return give_back(engine, &taken, &dir, &e).map(|()| true);
    }
    faults::hit(Point::TaskSpawned)?;
    memory.spawned.insert(run.id, engine.store.clock().mono_ms());
    Ok(true)
}

/// The machine failed before anything was started.
fn give_back(engine: &Engine, run: &TaskRun, dir: &RunDir, e: &Error) -> Result<()> {
    // Without a specification no shim ever begins here; with one it is made sure of.
    if dir.file("spec.json").exists() && dir.void()? == crate::drivers::supervise::run_dir::Voided::AlreadyStarted {
        return Ok(());
    }
    let (run, why) = (run.clone(), format!("could not be started: {e}"));
    engine.store.write(move |tx| task_runs::give_back(tx, &run, Some(tx.now.plus_ms(BACKOFF_MS)), Some(&why)))
}

fn spec(
    engine: &Engine,
    task: &Task,
    run: &TaskRun,
    profile: Option<&str>,
    dir: &RunDir,
) -> std::result::Result<RunSpec, Failure> {
    let profile = profile.map(|name| configured(engine, name)).transpose()?;
    let cwd = cwd(engine, task)?;
    let TaskCommand { argv, env } = match task.kind {
        TaskKind::Subprocess | TaskKind::Background => command(engine, task)?,
        TaskKind::Agent => agent(engine, profile)?,
        TaskKind::Api => api(engine, profile)?,
    };
    let agents = profile.filter(|_| task.kind == TaskKind::Agent);
    let limit = [task.timeout_ms, agents.map_or(0, |p| p.wall_clock_limit_ms)].into_iter().filter(|ms| *ms > 0).min();
    Ok(SpecBuilder::new(run.id.0, format!("task {}", task.name), argv, cwd, dir.file(output::LOG))
        .env(env)
        .env(task.env.clone())
        .env_from(&task.env_from)
        .env_from(profile.map_or(&[][..], |p| &p.env_from))
        .limits(agents.map_or(LOG_CAP, |p| p.log_cap), limit.unwrap_or(0), agents.map_or(0, |p| p.silence_limit_ms))
        .build(&engine.exe, engine.config.stop_grace_ms))
}

/// What a task starts.
struct TaskCommand {
    argv: Vec<String>,
    env: BTreeMap<String, String>,
}

fn command(engine: &Engine, task: &Task) -> std::result::Result<TaskCommand, Failure> {
    let mut argv = own_command(&engine.exe, &["bounded", "--"])?;
    argv.extend(task.command.iter().cloned());
    Ok(TaskCommand { argv, env: BTreeMap::new() })
}

fn agent(engine: &Engine, profile: Option<&Profile>) -> std::result::Result<TaskCommand, Failure> {
    let profile = profile.ok_or_else(|| refused("an agent needs a profile"))?;
    let probe = launch::probe(engine, profile)?;
    let session = SessionPlan::New(crate::base::random::uuid());
    let parts = TurnParts { session, brief: "", is_root: nix::unistd::geteuid().is_root(), own_exe: &engine.exe };
    let launch = runtime::of(profile.runtime).launch_turn(profile, &probe, &parts)?;
    Ok(TaskCommand { argv: launch.argv, env: launch.env })
}

fn api(engine: &Engine, profile: Option<&Profile>) -> std::result::Result<TaskCommand, Failure> {
    let profile = profile.ok_or_else(|| refused("a model's API needs a profile"))?;
    let launch = runtime::of(profile.runtime).launch_question(profile, &engine.exe)?;
    Ok(TaskCommand { argv: launch.argv, env: launch.env })
}

fn configured<'a>(engine: &'a Engine, name: &str) -> std::result::Result<&'a Profile, Failure> {
    engine.config.profile(name).ok_or_else(|| refused(format!("the profile {name:?} is not configured")))
}

fn cwd(engine: &Engine, task: &Task) -> std::result::Result<PathBuf, Failure> {
    let workspace = &engine.config.workspace;
    let cwd = task.cwd.as_ref().map_or_else(|| workspace.clone(), |cwd| workspace.join(cwd));
    let real = cwd.canonicalize().map_err(|_| refused(format!("the folder {} is not there", cwd.display())))?;
    // A link must not lead out either.
    if !real.is_dir() || !workspace.canonicalize().is_ok_and(|root| real.starts_with(root)) {
        return Err(refused(format!("{} is no folder in the workspace", cwd.display())));
    }
    Ok(real)
}

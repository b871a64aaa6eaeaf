//! The launch of one run: worktree, brief, run folder, shim. Whatever a crash leaves of it is either completed by the
//! shim (its exclusive `started` file is there) or voided by the reaper (it is not).

use crate::base::error::{Error, Result};
use crate::base::faults;
use crate::base::faults::Point;
use crate::config::data_dir::make_private;
use crate::domain::actor::Scope;
use crate::domain::ids::RunId;
use crate::domain::profile::Profile;
use crate::domain::run::{Failure, FailureCode, Run};
use crate::domain::ticket::Ticket;
use crate::drivers::git;
use crate::drivers::git::Worktree;
use crate::drivers::runtime;
use crate::drivers::runtime::launch::{Probe, RunParts, SessionPlan};
use crate::drivers::runtime::run_spec::SpecBuilder;
use crate::drivers::supervise::run_dir::{RunDir, RunSpec};
use crate::engine::run::{brief, conclude};
use crate::engine::{Engine, lock};
use crate::store::access::credentials;
use crate::store::run::runs;
use crate::store::run::runs::{LaunchMark, Place};
use crate::store::ticket::{messages, tickets};
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long an agent may take to say what it can do.
const PROBE_LIMIT: Duration = Duration::from_secs(10);
/// How long a spawned shim may take until it is the reaper's business.
const SHIM_BEGINS_MS: i64 = 10_000;

/// Takes a waiting run and starts its agent. Doing it twice starts it once.
///
/// # Errors
/// The store or disk failed: the reaper gives the launch back.
pub fn launch(engine: &Engine, id: RunId) -> Result<()> {
    let (runs_root, logs) = (engine.data.runs(), engine.config.logs());
    let taken = engine.store.write(move |tx| {
        let ticket = runs::get(tx.conn, id)?.ticket;
        let taken = runs::take_launch(tx, id, |generation| LaunchMark {
            run_dir: runs_root.join(format!("{}-{generation}", id.0)).display().to_string(),
            raw_log: logs.join(format!("mc-worker-{}-{}-stream.log", ticket.0, id.0)).display().to_string(),
        })?;
        if taken.is_some() {
            // What was said while it waited for its slot goes into its brief, too.
            messages::claim(tx, ticket, id)?;
        }
        Ok(taken)
    })?;
    let Some(run) = taken else { return Ok(()) };
    faults::hit(Point::LaunchTaken)?;
    let ticket = engine.store.read(|c| tickets::get(c, run.ticket))?;
    match prepare(engine, &ticket, &run) {
        Ok(dir) => {
            faults::hit(Point::LaunchPrepared)?;
            engine.host.spawn(&engine.exe, &dir)?;
            faults::hit(Point::LaunchSpawned)?;
            wait_for_shim(engine, &dir)
        }
        Err(NotLaunched::Refused(failure)) => conclude::refused(engine, &run, failure),
        Err(NotLaunched::Fault(e)) => Err(e),
    }
}

/// Why nothing was spawned.
enum NotLaunched {
    /// It must not or cannot run so: the run fails with this.
    Refused(Failure),
    /// The machine or store failed: to be tried again.
    Fault(Error),
}

impl From<Error> for NotLaunched {
    fn from(e: Error) -> Self {
        NotLaunched::Fault(e)
    }
}

impl From<Failure> for NotLaunched {
    fn from(f: Failure) -> Self {
        NotLaunched::Refused(f)
    }
}

type Prepared<T> = std::result::Result<T, NotLaunched>;

fn prepare(engine: &Engine, ticket: &Ticket, run: &Run) -> Prepared<RunDir> {
    let profile = engine
        .config
        .profile(&run.profile)
        .ok_or_else(|| refused(format!("the profile {:?} is no longer configured", run.profile)))?;
    let cwd = engine.config.cwd_for(ticket);
    if !cwd.is_dir() {
        return Err(refused(format!("the folder {} is not there", cwd.display())).into());
    }
    let runtime = runtime::of(profile.runtime);
    let probe = probe(engine, profile)?;
    let tree = worktree(&cwd, ticket)?;
    let in_subfolder = tree.as_ref().is_some_and(|t| t.cwd != t.path);
    let name = format!("mc-mc-{}", ticket.id.0);
    let session = match (&run.session_id, run.resumed) {
        (Some(id), true) if runtime.capabilities().resume => SessionPlan::Resume(id.clone()),
        (_, _) => SessionPlan::New(crate::base::random::uuid()),
    };
    let plan = runtime.launch_run(
        profile,
        &probe,
        &RunParts {
            session: session.clone(),
            worktree_name: (tree.is_some() && !in_subfolder).then_some(name.as_str()),
            is_root: nix::unistd::geteuid().is_root(),
            own_exe: &engine.exe,
        },
    )?;
    let mut notes = plan.notes.clone();
    if tree.is_none() {
        notes.push(format!("{} is no git repository: it works there without a worktree.", cwd.display()));
    }
    let works_in = canonical(tree.as_ref().map_or(cwd.clone(), |t| t.cwd.clone()));
    let starts_in = match (&tree, plan.enters_worktree) {
        (Some(_), true) => git::repo_root(&cwd).unwrap_or(works_in.clone()),
        (_, _) => works_in.clone(),
    };
    let secret = crate::base::random::secret("mct_");
    let prompt = brief::of(&engine.store, ticket, run, tree.as_ref().map(|t| t.branch.as_str()))?;
    let spec =
        spec(engine, ticket, run, profile, LaunchCommand { argv: plan.argv, env: plan.env, cwd: starts_in, secret: &secret });
    record(engine, run, place(&tree, &works_in, &notes), session, secret)?;
    let logs = engine.config.logs();
    make_private(&logs)?;
    point_to_newest(&logs, ticket, run);
    Ok(RunDir::create(Path::new(run.run_dir.as_deref().unwrap_or_default()), &spec, &prompt)?)
}

struct LaunchCommand<'a> {
    argv: Vec<String>,
    env: BTreeMap<String, String>,
    cwd: PathBuf,
    secret: &'a str,
}

fn spec(engine: &Engine, ticket: &Ticket, run: &Run, profile: &Profile, start: LaunchCommand<'_>) -> RunSpec {
    let ours = [
        ("MC_URL".to_owned(), engine.url.clone()),
        ("MC_TOKEN".to_owned(), start.secret.to_owned()),
        ("MC_TICKET".to_owned(), ticket.id.to_string()),
    ];
    let raw_log = PathBuf::from(run.raw_log.as_deref().unwrap_or_default());
    SpecBuilder::new(run.id.0, ticket.id.to_string(), start.argv, start.cwd, raw_log)
        .env(start.env)
        .env(ours)
        .env_from(&profile.env_from)
        .limits_of(profile)
        .build(&engine.exe, engine.config.stop_grace_ms)
}

fn place(tree: &Option<Worktree>, works_in: &Path, notes: &[String]) -> Place {
    Place {
        cwd: works_in.display().to_string(),
        worktree: tree.as_ref().map(|t| t.path.display().to_string()),
        branch: tree.as_ref().map(|t| t.branch.clone()),
        base_commit: tree.as_ref().map(|t| t.base_commit.clone()),
        note: (!notes.is_empty()).then(|| notes.join(" ")),
    }
}

fn record(engine: &Engine, run: &Run, place: Place, session: SessionPlan, secret: String) -> Result<()> {
    let run = run.clone();
    engine.store.write(move |tx| {
        let (id, resumed) = match &session {
            SessionPlan::New(id) => (id, false),
            SessionPlan::Resume(id) => (id, true),
        };
        runs::place(tx, &run, &place, id, resumed)?;
        let name = format!("run-{}-{}", run.id.0, run.generation);
        credentials::add_token(tx, &name, &secret, Scope::Ticket(run.ticket), Some(run.id))
    })
}

fn worktree(cwd: &Path, ticket: &Ticket) -> Prepared<Option<Worktree>> {
    if git::repo_root(cwd).is_none() {
        return Ok(None);
    }
    match git::worktree(cwd, runtime::WORKTREES, ticket.id) {
        Ok(tree) => Ok(Some(tree)),
        Err(Error::Busy(why)) => Err(NotLaunched::Fault(Error::Busy(why))),
        Err(e) => Err(refused(format!("no worktree could be made: {e}")).into()),
    }
}

/// What the profile's agent can do; asked once per program.
pub(crate) fn probe(engine: &Engine, profile: &Profile) -> std::result::Result<Probe, Failure> {
    let runtime = runtime::of(profile.runtime);
    let command = runtime.program(profile)?;
    let changed = command.first().and_then(|p| std::fs::metadata(p).ok()).map_or(0, |m| m.mtime());
    let key = (profile.runtime, command, changed);
    if let Some(known) = lock(&engine.probes).get(&key) {
        return Ok(known.clone());
    }
    let found = runtime.probe(profile, PROBE_LIMIT)?;
    // One that hung or failed is asked again next time.
    if found.note.is_none() {
        lock(&engine.probes).insert(key, found.clone());
    }
    Ok(found)
}

/// `mc-worker-<n>-stream.log` and `mc-worker-<n>.log` point to the newest run's logs.
fn point_to_newest(logs: &Path, ticket: &Ticket, run: &Run) {
    let n = ticket.id.0;
    let links = [
        (format!("mc-worker-{n}-stream.log"), format!("mc-worker-{n}-{}-stream.log", run.id.0)),
        (format!("mc-worker-{n}.log"), format!("mc-worker-{n}-{}.log", run.id.0)),
    ];
    for (link, target) in links {
        let temp = logs.join(format!(".{link}.{}", run.id.0));
        let made = std::os::unix::fs::symlink(target, &temp).and_then(|()| std::fs::rename(&temp, logs.join(link)));
        if let Err(e) = made {
            tracing::debug!(run = run.id.0, error = %e, "the link to the newest log could not be set");
        }
    }
}

/// Holds the launch until the shim has left its mark: from then on files tell all.
fn wait_for_shim(engine: &Engine, dir: &RunDir) -> Result<()> {
    let clock = engine.store.clock();
    let until = clock.mono_ms() + SHIM_BEGINS_MS;
    while !dir.file("started").exists() && !engine.is_stopping() {
        if clock.mono_ms() >= until {
            return Err(Error::Busy("its shim did not begin".to_owned()));
        }
        engine.host.pause(Duration::from_millis(2));
    }
    Ok(())
}

fn refused(text: String) -> Failure {
    Failure { code: FailureCode::Refused, text, retry_at: None }
}

/// As the agent will report it: links followed.
fn canonical(path: PathBuf) -> PathBuf {
    path.canonicalize().unwrap_or(path)
}

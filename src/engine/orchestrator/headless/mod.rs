//! The headless driver: each turn is one unattended run of the agent, under a shim of its own, that goes on with the
//! session's conversation. Between two turns nothing stays open.
//!
//! All it knows stands in `<session folder>/turns/<turn>-<nonce>/`, a run folder like those of workers.

pub(crate) mod folders;
pub(crate) mod launch;
pub(crate) mod outcome;
pub(crate) mod reading;
pub(crate) mod words;

use crate::base::error::{Error, Result};
use crate::config::data_dir::make_private;
use crate::domain::orchestrator::session::Session;
use crate::domain::orchestrator::turn::Turn;
use crate::domain::run::Failure;
use crate::drivers::runtime::launch::SessionPlan;
use crate::drivers::supervise::run_dir::{RunDir, RunSpec, Voided};
use crate::drivers::supervise::shim;
use crate::drivers::supervise::stop;
use crate::engine::orchestrator::driver::{AgentStatus, ConversationStart, Driver, Harvest, NotSent, RetypeOutcome};
use crate::engine::orchestrator::headless::folders::Known;
use crate::engine::orchestrator::headless::launch::{Prepared, launch_of, profile, runtime_of};
use crate::engine::orchestrator::headless::outcome::{activity, fate};
use crate::engine::orchestrator::headless::reading::{INTERRUPTED, LOG, Reading};
use crate::engine::{Engine, lock};
use std::collections::BTreeMap;
use std::fs;
use std::sync::Mutex;
use std::time::Duration;

/// The orchestrator is killed late when memory runs out.
const ORCHESTRATOR_OOM: i32 = -800;
/// How long a spawned shim may take to begin.
const SHIM_BEGINS_MS: i64 = 10_000;
/// How long an agent may take to say its first word, or refuse, where that decides how it is to be started.
const FIRST_WORD_MS: i64 = 30_000;
/// Two looks apart at something that comes within milliseconds.
const STEP: Duration = Duration::from_millis(2);
/// What is added to the agent's environment after its profile's.
pub type Environment = dyn Fn(&Engine, &Session) -> Result<BTreeMap<String, String>> + Send + Sync;

/// The headless driver.
pub struct Headless {
    environment: Box<Environment>,
    /// The turn looked at last, and how far it was read. Only saves work: it is made anew from the folder.
    reading: Mutex<Option<Reading>>,
}

impl Headless {
    /// A driver; `environment` gives what is added to the agent's environment after its profile's.
    #[must_use]
    pub fn new(environment: Box<Environment>) -> Headless {
        Headless { environment, reading: Mutex::new(None) }
    }

    /// The folder of a turn's run, ready for a shim.
    fn ready(&self, engine: &Engine, session: &Session, turn: &Turn, dir: &RunDir, plan: SessionPlan) -> Prepared<RunDir> {
        let profile = profile(engine, session)?;
        let launch = launch_of(engine, session, profile, plan)?;
        let mut env = launch.env;
        env.extend((self.environment)(engine, session)?);
        let spec = RunSpec {
            run: turn.id.0,
            ticket: "luci".to_owned(),
            argv: launch.argv,
            cwd: engine.config.workspace.canonicalize().unwrap_or_else(|_| engine.config.workspace.clone()),
            env,
            env_from: profile.env_from.clone(),
            raw_log: dir.file(LOG),
            log_cap: profile.log_cap,
            wall_clock_ms: u64::try_from(profile.wall_clock_limit_ms).unwrap_or(0),
            silence_ms: u64::try_from(profile.silence_limit_ms).unwrap_or(0),
            stop_grace_ms: engine.config.stop_grace_ms,
            oom_score_adj: ORCHESTRATOR_OOM,
        };
        make_private(&folders::root(session))?;
        Ok(RunDir::create(dir.path(), &spec, &turn.prompt())?)
    }
}

impl Driver for Headless {
    fn start(&self, engine: &Engine, session: &Session, _how: ConversationStart) -> Result<Option<(i64, i64)>> {
        // Whether a conversation begins or goes on is decided for each turn, by what the folders prove.
        let check = || -> std::result::Result<(), Failure> {
            let profile = profile(engine, session)?;
            launch_of(engine, session, profile, SessionPlan::New(session.agent_session.clone())).map(|_| ())
        };
        check().map_err(|failure| Error::Conflict(words::why(&failure)))?;
        if !engine.config.workspace.is_dir() {
            return Err(Error::Conflict(format!("the workspace {} is not there: make it", engine.config.workspace.display())));
        }
        Ok(None)
    }

    fn status(&self, _engine: &Engine, session: &Session) -> Result<AgentStatus> {
        let busy = folders::all(session).iter().any(folders::lives);
        Ok(if busy { AgentStatus::Busy } else { AgentStatus::Ready })
    }

    fn send(
        &self,
        engine: &Engine,
        session: &Session,
        turn: &Turn,
        sending: &mut dyn FnMut() -> Result<()>,
    ) -> std::result::Result<(), NotSent> {
        let dir = folders::of_turn(session, turn).ok_or_else(|| NotSent::NotNow("the turn is not claimed".to_owned()))?;
        let earlier = folders::all(session);
        // Two at once in one conversation are not refused by the agent, and spoil it. None of the others begins any more.
        for other in &earlier {
            if folders::begun(other).map_err(not_now)? && folders::lives(other) {
                return Err(NotSent::NotNow("a turn before it is still running".to_owned()));
            }
        }
        folders::prune(&earlier);
        let known = folders::conversation(runtime_of(engine, session), session, &earlier);
        let plan = match &known {
            Known::There(id) => SessionPlan::Resume(id.clone()),
            Known::Not | Known::Perhaps => SessionPlan::New(session.agent_session.clone()),
        };
        let ready = self.ready(engine, session, turn, &dir, plan)?;
        if let Err(e) = sending() {
            remove(&ready);
            return Err(NotSent::NotNow(e.to_string()));
        }
        begin(engine, &ready)?;
        if known == Known::Perhaps && id_was_taken(engine, session, &ready) {
            // The conversation is there after all, and the agent has read nothing yet.
            remove(&ready);
            let again = self.ready(engine, session, turn, &dir, SessionPlan::Resume(session.agent_session.clone()))?;
            begin(engine, &again)?;
        }
        Ok(())
    }

    fn harvest(&self, engine: &Engine, session: &Session, turn: &Turn) -> Result<Harvest> {
        let Some(dir) = folders::of_turn(session, turn) else { return Ok(Harvest::NeverCame) };
        let mut held = lock(&self.reading);
        if held.as_ref().is_none_or(|reading| reading.dir != dir) {
            *held = Some(Reading::new(dir.clone(), runtime_of(engine, session)));
        }
        let Some(reading) = held.as_mut() else { return Ok(Harvest::NeverCame) };
        reading.begun = reading.begun || folders::begun(&dir)?;
        if !reading.begun {
            *held = None;
            return Ok(Harvest::NeverCame);
        }
        // First whether it lives, then what it wrote: of one that is over nothing can be missed.
        let lives = folders::lives(&dir);
        let clock = engine.store.clock();
        let grew = reading.catch_up(clock.now())?;
        if lives {
            if grew || reading.quiet_since.is_none() {
                reading.quiet_since = Some(clock.mono_ms());
            }
            let grace = engine.config.profile(&session.profile).map_or(i64::MAX, |p| p.exit_grace_ms);
            let quiet = clock.mono_ms() - reading.quiet_since.unwrap_or(0);
            if reading.stream.progress.is_at_rest() && quiet >= grace && !reading.asked {
                // It has said its last word and only lingers; how the turn ends stands in its log already.
                reading.asked = stop::ask_to_stop(&dir);
            }
            // Before its first word it has not taken the message in: it may yet die without the model ever having heard it.
            if reading.stream.progress.inits == 0 {
                return Ok(Harvest::NotSeen);
            }
            return Ok(Harvest::Working { activity: activity(reading) });
        }
        reading.finish(clock.now());
        Ok(fate(engine, session, reading))
    }

    fn ask_again(&self, _engine: &Engine, _session: &Session, _turn: &Turn) -> Result<RetypeOutcome> {
        // Its prompt lies in a file of its run: nothing is typed.
        Ok(RetypeOutcome::Nothing)
    }

    fn interrupt(&self, _engine: &Engine, session: &Session, turn: &Turn) -> Result<()> {
        let Some(dir) = folders::of_turn(session, turn) else { return Ok(()) };
        if !folders::begun(&dir)? || !folders::lives(&dir) {
            return Ok(());
        }
        fs::write(dir.file(INTERRUPTED), b"")?;
        if !stop::ask_to_stop(&dir) && folders::lives(&dir) {
            // Its shim is gone: there is nobody to ask.
            return end(&dir, Duration::ZERO);
        }
        Ok(())
    }

    fn stop(&self, engine: &Engine, session: &Session) -> Result<()> {
        let grace = Duration::from_millis(engine.config.stop_grace_ms);
        for dir in folders::all(session) {
            if folders::begun(&dir)? && folders::lives(&dir) {
                end(&dir, grace)?;
            }
        }
        Ok(())
    }
}

/// Spawns the shim and holds on until it has left its mark, or never will.
fn begin(engine: &Engine, dir: &RunDir) -> std::result::Result<(), NotSent> {
    let spawned = shim::spawn_shim(&engine.exe, dir);
    let clock = engine.store.clock();
    let until = clock.mono_ms() + SHIM_BEGINS_MS;
    while spawned.is_ok() && clock.mono_ms() < until && !dir.file("started").exists() && !engine.is_stopping() {
        crate::base::clock::pause(STEP);
    }
    match dir.void().map_err(not_now)? {
        Voided::AlreadyStarted => Ok(()),
        Voided::Yes => Err(NotSent::NotNow(match spawned {
            Ok(_) => "the agent's shim did not begin".to_owned(),
            Err(e) => format!("the agent's shim could not be started: {e}"),
        })),
    }
}

/// Waits for the agent's first word; true where that is that its id is taken.
fn id_was_taken(engine: &Engine, session: &Session, dir: &RunDir) -> bool {
    let clock = engine.store.clock();
    let until = clock.mono_ms() + FIRST_WORD_MS;
    let has_spoken = || fs::metadata(dir.file(LOG)).is_ok_and(|m| m.len() > 0);
    while clock.mono_ms() < until && !has_spoken() && folders::lives(dir) && !engine.is_stopping() {
        crate::base::clock::pause(STEP);
    }
    !has_spoken() && !folders::lives(dir) && folders::id_is_taken(runtime_of(engine, session), dir)
}

fn remove(dir: &RunDir) {
    if let Err(e) = fs::remove_dir_all(dir.path()) {
        tracing::warn!(dir = %dir.path().display(), error = %e, "a turn folder could not be removed");
    }
}

fn end(dir: &RunDir, grace: Duration) -> Result<()> {
    if stop::stop_run(dir, grace).verified {
        return Ok(());
    }
    Err(Error::Internal(format!("some processes of the turn in {} could not be ended", dir.path().display())))
}

fn not_now(e: std::io::Error) -> NotSent {
    NotSent::NotNow(format!("file: {e}"))
}

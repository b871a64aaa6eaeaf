//! The headless driver: each turn is one unattended run of the agent, under a shim of its own, that goes on with the
//! session's conversation. Between two turns nothing stays open.
//!
//! All it knows stands in `<session folder>/turns/<turn>-<nonce>/`, a run folder like those of workers.

pub(crate) mod folders;
pub(crate) mod words;

pub(crate) mod reading;

use crate::base::error::{Error, Result};
use crate::config::data_dir::make_private;
use crate::domain::ids::TicketId;
use crate::domain::orchestrator::session::Session;
use crate::domain::orchestrator::turn::Turn;
use crate::domain::profile::{Profile, RuntimeKind};
use crate::domain::run::conclude::{Ending, conclude};
use crate::domain::run::{ExitCause, Failure, FailureCode};
use crate::drivers::exec;
use crate::drivers::runtime;
use crate::drivers::runtime::SessionPlan;
use crate::drivers::runtime::turn_launch::{TurnParts, turn_launch};
use crate::drivers::supervise::run_dir::{RunDir, RunSpec, Voided};
use crate::drivers::supervise::shim;
use crate::drivers::supervise::stop;
use crate::engine::orchestrator::driver::{Before, Driver, Harvest, Look, NotSent, Start};
use crate::engine::orchestrator::headless::folders::Known;
use crate::engine::run::launch;
use crate::engine::{Engine, lock};
use reading::{LOG, Reading};
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
/// Says in a turn folder that a person interrupted it.
const INTERRUPTED: &str = "interrupted";

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
        let profile = profile(engine, session).map_err(Unprepared::Refused)?;
        let caps = launch::capabilities(engine, profile)?;
        let parts =
            TurnParts { session: plan, brief: &session.brief, is_root: nix::unistd::geteuid().is_root(), own_exe: &engine.exe };
        let launch = turn_launch(profile, &caps, parts)?;
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

/// Why a turn folder was not made.
enum Unprepared {
    /// It cannot be started so: a person must change something.
    Refused(Failure),
    /// The machine failed: to be tried again.
    Fault(Error),
}

type Prepared<T> = std::result::Result<T, Unprepared>;

impl From<Failure> for Unprepared {
    fn from(f: Failure) -> Self {
        Unprepared::Refused(f)
    }
}

impl From<Error> for Unprepared {
    fn from(e: Error) -> Self {
        Unprepared::Fault(e)
    }
}

impl From<Unprepared> for NotSent {
    fn from(u: Unprepared) -> Self {
        match u {
            Unprepared::Refused(failure) => NotSent::Never(words::why(&failure)),
            Unprepared::Fault(e) => NotSent::NotNow(e.to_string()),
        }
    }
}

impl Driver for Headless {
    fn start(&self, engine: &Engine, session: &Session, _how: Start) -> Result<Option<(i64, i64)>> {
        // Whether a conversation begins or goes on is decided for each turn, by what the folders prove.
        let check = || -> std::result::Result<(), Failure> {
            let profile = profile(engine, session)?;
            let caps = launch::capabilities(engine, profile)?;
            let parts = TurnParts {
                session: SessionPlan::New(session.agent_session.clone()),
                brief: &session.brief,
                is_root: nix::unistd::geteuid().is_root(),
                own_exe: &engine.exe,
            };
            turn_launch(profile, &caps, parts).map(|_| ())
        };
        check().map_err(|failure| Error::Conflict(words::why(&failure)))?;
        if !engine.config.workspace.is_dir() {
            return Err(Error::Conflict(format!("the workspace {} is not there: make it", engine.config.workspace.display())));
        }
        Ok(None)
    }

    fn look(&self, _engine: &Engine, session: &Session) -> Result<Look> {
        let busy = folders::all(session).iter().any(folders::lives);
        Ok(if busy { Look::Busy } else { Look::Ready })
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
        let known = folders::conversation(session, &earlier);
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
        if known == Known::Perhaps && id_was_taken(engine, &ready) {
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
            let kind = engine.config.profile(&session.profile).map_or(RuntimeKind::Claude, |p| p.runtime);
            *held = Some(Reading::new(dir.clone(), kind));
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
                return Ok(Harvest::Nowhere);
            }
            return Ok(Harvest::Working { activity: activity(reading) });
        }
        reading.finish(clock.now());
        Ok(fate(engine, session, reading))
    }

    fn ask_again(&self, _engine: &Engine, _session: &Session, _turn: &Turn) -> Result<Before> {
        // Its prompt lies in a file of its run: nothing is typed.
        Ok(Before::Nothing)
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

fn profile<'a>(engine: &'a Engine, session: &Session) -> std::result::Result<&'a Profile, Failure> {
    let profile = engine.config.profile(&session.profile).ok_or_else(|| Failure {
        code: FailureCode::Refused,
        text: format!("the profile {:?} is no longer configured", session.profile),
        retry_at: None,
    })?;
    if profile.runtime == RuntimeKind::Claude {
        let command = runtime::claude_command(profile)?;
        let program = command.first().map(String::as_str).unwrap_or_default();
        if !exec::is_program(program) {
            return Err(Failure {
                code: FailureCode::SpawnFailed,
                text: format!("{program:?} is no program that can be started"),
                retry_at: None,
            });
        }
    }
    Ok(profile)
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
fn id_was_taken(engine: &Engine, dir: &RunDir) -> bool {
    let clock = engine.store.clock();
    let until = clock.mono_ms() + FIRST_WORD_MS;
    let has_spoken = || fs::metadata(dir.file(LOG)).is_ok_and(|m| m.len() > 0);
    while clock.mono_ms() < until && !has_spoken() && folders::lives(dir) && !engine.is_stopping() {
        crate::base::clock::pause(STEP);
    }
    !has_spoken() && !folders::lives(dir) && folders::id_is_taken(dir)
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

/// What the agent does now: an unanswered call of the model's service is told first.
fn activity(reading: &Reading) -> Option<String> {
    let retry = reading.stream.progress.last_retry.as_ref();
    retry.map(|r| format!("waiting for the model's service ({})", r.text)).or_else(|| reading.stream.activity.clone())
}

/// How a turn ended whose process is over. Told from the folder alone.
fn fate(engine: &Engine, session: &Session, reading: &Reading) -> Harvest {
    let p = &reading.stream.progress;
    let other = p.session_id.clone().filter(|id| p.inits > 0 && *id != session.agent_session);
    if let Some(reply) = &reading.stream.reply {
        let (text, context_tokens) = (reply.text.clone(), reply.context_tokens);
        return Harvest::Answered { text, context_tokens, agent_session: other };
    }
    if p.inits == 0 && p.results == 0 && folders::id_is_taken(&reading.dir) {
        return Harvest::NeverCame;
    }
    let partial = Some(p.final_text.clone()).filter(|text| !text.trim().is_empty());
    if reading.dir.file(INTERRUPTED).exists() {
        return Harvest::Interrupted { partial };
    }
    let exit = reading.dir.exit();
    let killed = exit.as_ref().is_none_or(|e| e.cause == ExitCause::Exited && e.signal.is_some());
    if killed && p.inits == 0 && p.results == 0 {
        return Harvest::NeverCame;
    }
    let conclusion = conclude(&Ending {
        ticket: TicketId(0),
        nonce: "",
        progress: p,
        reports: &[],
        exit: exit.as_ref(),
        stop_wanted: false,
        lingering_stopped: false,
        resumed: true,
        expected_cwd: None,
        log_lost: false,
        stderr_tail: &reading.dir.stderr_end(),
        now: engine.store.clock().now(),
    });
    match conclusion.failure {
        Some(failure) => {
            let session_lost = failure.code == FailureCode::UnknownSession;
            words::failed(&failure, partial, session_lost)
        }
        None => {
            let why = "She was stopped while she answered. Press Retry to ask again.".to_owned();
            Harvest::Failed { why, code: FailureCode::Interrupted, retry_at: None, partial, session_lost: false }
        }
    }
}

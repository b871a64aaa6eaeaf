//! How a headless turn is started, and why it may not be.

use crate::base::error::Error;
use crate::domain::orchestrator::session::Session;
use crate::domain::profile::Profile;
use crate::domain::run::{Failure, FailureCode};
use crate::drivers::exec;
use crate::drivers::runtime;
use crate::drivers::runtime::interface::Runtime;
use crate::drivers::runtime::launch::{Launch, SessionPlan, TurnParts};
use crate::engine::Engine;
use crate::engine::orchestrator::driver::NotSent;
use crate::engine::orchestrator::headless::words;
use crate::engine::run::launch;

/// Why a turn folder was not made.
pub(crate) enum Unprepared {
    /// It cannot be started so: a person must change something.
    Refused(Failure),
    /// The machine failed: to be tried again.
    Fault(Error),
}

/// What was prepared, or why not.
pub(crate) type Prepared<T> = std::result::Result<T, Unprepared>;

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

/// The profile of a session, whose program can be started.
pub(crate) fn profile<'a>(engine: &'a Engine, session: &Session) -> std::result::Result<&'a Profile, Failure> {
    let profile = engine.config.profile(&session.profile).ok_or_else(|| Failure {
        code: FailureCode::Refused,
        text: format!("the profile {:?} is no longer configured", session.profile),
        retry_at: None,
    })?;
    let command = runtime::of(profile.runtime).program(profile)?;
    match command.first() {
        Some(program) if !exec::is_program(program) => Err(Failure {
            code: FailureCode::SpawnFailed,
            text: format!("{program:?} is no program that can be started"),
            retry_at: None,
        }),
        Some(_) | None => Ok(profile),
    }
}

/// The adapter of a session's profile.
pub(crate) fn runtime_of(engine: &Engine, session: &Session) -> &'static dyn Runtime {
    runtime::of_profile(engine.config.profile(&session.profile))
}

/// How a turn of a session is started.
pub(crate) fn launch_of(
    engine: &Engine,
    session: &Session,
    profile: &Profile,
    plan: SessionPlan,
) -> std::result::Result<Launch, Failure> {
    let probe = launch::probe(engine, profile)?;
    let is_root = nix::unistd::geteuid().is_root();
    let parts = TurnParts { session: plan, brief: &session.brief, is_root, own_exe: &engine.exe };
    runtime::of(profile.runtime).launch_turn(profile, &probe, &parts)
}

//! How a task run went, from what it left in its folder.

use crate::base::error::Result;
use crate::domain::ids::TicketId;
use crate::domain::profile::Profile;
use crate::domain::run::conclude::{Ending, conclude};
use crate::domain::run::{ExitCause, ExitRecord, Failure, FailureCode, Rest};
use crate::domain::task::{TaskRun, TaskRunState};
use crate::domain::text::cut_chars;
use crate::drivers::runtime;
use crate::drivers::runtime::api::ask_model::REFUSED;
use crate::drivers::supervise::host::Host;
use crate::drivers::supervise::run_dir::RunDir;
use crate::engine::Engine;
use crate::engine::orchestrator::headless::reading::Reading;
use crate::engine::task::memory::Memory;
use crate::engine::task::output;
use crate::engine::task::output::last_line;

/// How a run went.
pub(crate) struct TaskVerdict {
    pub(crate) state: TaskRunState,
    pub(crate) note: Option<String>,
    pub(crate) output: (String, i64),
    pub(crate) failure: Option<Failure>,
}

/// Why a process that did not end by itself was ended.
fn by_force(exit: Option<&ExitRecord>) -> Option<(TaskRunState, String)> {
    let Some(exit) = exit else {
        return Some((TaskRunState::Lost, "its process vanished without a word".to_owned()));
    };
    let words = |default: &str| exit.text.clone().unwrap_or_else(|| default.to_owned());
    match exit.cause {
        ExitCause::Exited => None,
        ExitCause::WallClock => Some((TaskRunState::TimedOut, words("it ran for too long"))),
        ExitCause::SpawnFailed => Some((TaskRunState::Failed, words("it could not be started"))),
        ExitCause::Silence => Some((TaskRunState::Failed, words("no output came for too long"))),
        ExitCause::LogCap => Some((TaskRunState::Failed, words("its output grew too large"))),
        ExitCause::Stopped => Some((TaskRunState::Failed, "somebody ended its process".to_owned())),
    }
}

fn by_code(exit: Option<&ExitRecord>) -> TaskRunState {
    match exit.and_then(|e| e.exit_code) {
        Some(0) => TaskRunState::Ok,
        Some(code) if code == i32::from(REFUSED) => TaskRunState::AuthFailed,
        Some(_) | None => TaskRunState::Failed,
    }
}

pub(crate) fn command_verdict(host: &dyn Host, dir: &RunDir, exit: Option<&ExitRecord>, hidden: &[String]) -> TaskVerdict {
    let output = output::of_command(host, dir, hidden);
    let (state, note) = by_force(exit).map_or_else(|| (by_code(exit), None), |(state, words)| (state, Some(words)));
    let strays = exit.map_or(0, |e| e.strays);
    let left = (strays > 0 && state == TaskRunState::Ok).then(|| format!("{strays} processes it left behind were ended"));
    TaskVerdict { state, note: note.or(left), output, failure: None }
}

pub(crate) fn api_verdict(host: &dyn Host, dir: &RunDir, exit: Option<&ExitRecord>, hidden: &[String]) -> TaskVerdict {
    let (state, note) = by_force(exit).map_or_else(|| (by_code(exit), None), |(state, words)| (state, Some(words)));
    let said = output::stderr(dir, hidden);
    let note = note.or_else(|| (state != TaskRunState::Ok).then(|| last_line(&said).to_owned()).filter(|n| !n.is_empty()));
    let failure = (state == TaskRunState::AuthFailed).then(|| Failure {
        code: FailureCode::AuthFailure,
        text: note.clone().unwrap_or_default(),
        retry_at: None,
    });
    TaskVerdict { state, note, output: output::of_command(host, dir, hidden), failure }
}

pub(crate) fn agent_verdict(
    engine: &Engine,
    memory: &mut Memory,
    run: &TaskRun,
    dir: &RunDir,
    exit: Option<&ExitRecord>,
    hidden: &[String],
) -> Result<TaskVerdict> {
    let now = engine.store.clock().now();
    let runtime = runtime::of_profile(profile(engine, run));
    let reading = memory.readings.entry(run.id).or_insert_with(|| Reading::new(dir.clone(), runtime));
    reading.catch_up(now)?;
    reading.finish(now);
    let progress = &reading.stream.progress;
    let conclusion = conclude(&Ending {
        ticket: TicketId(0),
        nonce: "",
        progress,
        reports: &[],
        exit,
        stop_wanted: false,
        lingering_stopped: reading.asked,
        resumed: false,
        expected_cwd: None,
        log_lost: false,
        stderr_tail: &dir.stderr_end(),
        now,
    });
    let text = reading.stream.reply.as_ref().map_or(progress.final_text.as_str(), |r| r.text.as_str());
    let output = output::of_text(text, hidden);
    let failure = conclusion.failure;
    let state = match failure.as_ref().map(|f| f.code) {
        None => TaskRunState::Ok,
        // No credit is as good as no login: it says nothing about the task, and only a person can mend it.
        Some(code) if code.rest() == Rest::Person => TaskRunState::AuthFailed,
        Some(FailureCode::WallClock) => TaskRunState::TimedOut,
        Some(FailureCode::Vanished) => TaskRunState::Lost,
        Some(_) => TaskRunState::Failed,
    };
    let note = failure.as_ref().map(|f| output::of_text(cut_chars(&f.text, 500).0, hidden).0);
    Ok(TaskVerdict { state, note, output, failure })
}

/// The profile of a run.
pub(crate) fn profile<'a>(engine: &'a Engine, run: &TaskRun) -> Option<&'a Profile> {
    engine.config.profile(run.profile.as_deref()?)
}

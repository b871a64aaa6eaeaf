//! Looks at what runs, and ends what is over: its row, its task's streak and its outcome in one transaction.

use crate::base::error::{Error, Result};
use crate::base::faults;
use crate::base::faults::Point;
use crate::domain::ids::TicketId;
use crate::domain::inbox::OutcomeClass;
use crate::domain::profile::{Profile, RuntimeKind};
use crate::domain::run::conclude::{Ending, conclude};
use crate::domain::run::{ExitCause, ExitRecord, Failure, FailureCode, Rest};
use crate::domain::task::{StopWanted, Task, TaskKind, TaskRun, TaskRunState};
use crate::domain::time::{Time, span_words};
use crate::drivers::runtime::api::ask_model::REFUSED;
use crate::drivers::supervise::run_dir::{RunDir, Voided};
use crate::engine::Engine;
use crate::engine::orchestrator::headless::reading::Reading;
use crate::engine::task::output;
use crate::engine::task::output::last_line;
use crate::engine::task::start::{just_spawned, secrets, stopped_state};
use crate::engine::task::{Memory, files};
use crate::store::Tx;
use crate::store::run::pauses;
use crate::store::task::streaks;
use crate::store::task::streaks::Outcome;
use crate::store::task::task_runs;
use crate::store::task::task_runs::End;
use crate::store::task::tasks;
use std::path::Path;
use std::time::Duration;

/// The first pause before a retry; twice as long after each further one.
const BACKOFF_MS: i64 = 30_000;
/// No pause is longer.
const BACKOFF_MAX_MS: i64 = 3_600_000;

/// Looks at every run that was started. One that cannot be dealt with does not keep the others waiting.
///
/// # Errors
/// The store failed.
pub(crate) fn look_at_running(engine: &Engine, memory: &mut Memory) -> Result<()> {
    let live = engine.store.read(task_runs::live)?;
    memory.readings.retain(|id, _| live.iter().any(|r| r.id == *id));
    memory.spawned.retain(|id, _| live.iter().any(|r| r.id == *id));
    for run in live.iter().filter(|r| r.state == TaskRunState::Running) {
        match look_at(engine, memory, run) {
            // Conflict: somebody else moved it on meanwhile.
            Ok(()) | Err(Error::Conflict(_)) => {}
            Err(e) => {
                tracing::warn!(task = run.task, run = run.id.0, error = %e, "a task run could not be looked after; trying again")
            }
        }
    }
    Ok(())
}

fn look_at(engine: &Engine, memory: &mut Memory, run: &TaskRun) -> Result<()> {
    let dir = RunDir::open(Path::new(run.run_dir.as_deref().unwrap_or_default()));
    let whole = dir.file("spec.json").exists();
    if !dir.file("started").exists() && whole && just_spawned(engine, memory, run.id) {
        return Ok(());
    }
    // Without a specification no shim can begin; with one this makes sure that none does.
    if !whole || dir.void()? == Voided::Yes {
        memory.spawned.remove(&run.id);
        let run = run.clone();
        return engine.store.write(move |tx| task_runs::give_back(tx, &run, None, run.note.as_deref()));
    }
    let task = task_of(engine, run);
    // First whether it lives, then what it wrote: of one that is over nothing can be missed.
    let lives = dir.is_alive();
    if run.kind == TaskKind::Agent {
        follow(engine, memory, run, &dir, task.as_ref())?;
    }
    if lives {
        if run.stop_wanted.is_some() && !engine.keeper.ask_to_stop(&dir) {
            // Its shim is gone: there is nobody to ask.
            return stop(engine, &dir);
        }
        if run.stop_wanted.is_none() && run.kind == TaskKind::Agent {
            linger(engine, memory, run, &dir);
        }
        return Ok(());
    }
    if dir.exit().is_none() {
        stop(engine, &dir)?;
    }
    ended(engine, memory, run, &dir, task.as_ref())
}

fn stop(engine: &Engine, dir: &RunDir) -> Result<()> {
    if engine.keeper.stop(dir, Duration::from_millis(engine.config.stop_grace_ms)).verified {
        return Ok(());
    }
    Err(Error::Busy("processes of a task run are still there".to_owned()))
}

/// Reads on in an agent's stream. A refused login is told at once, not after the agent's ten retries.
fn follow(engine: &Engine, memory: &mut Memory, run: &TaskRun, dir: &RunDir, task: Option<&Task>) -> Result<()> {
    let clock = engine.store.clock();
    let kind = profile(engine, run).map_or(RuntimeKind::Claude, |p| p.runtime);
    let reading = memory.readings.entry(run.id).or_insert_with(|| Reading::new(dir.clone(), kind));
    if reading.catch_up(clock.now())? || reading.quiet_since.is_none() {
        reading.quiet_since = Some(clock.mono_ms());
    }
    if !reading.stream.progress.auth_suspect || run.told || run.stop_wanted.is_some() {
        return Ok(());
    }
    let progress = &reading.stream.progress;
    let retry = progress.last_retry.as_ref().map(|e| match e.status {
        Some(status) => format!("{status} {}", e.kind),
        None => e.kind.clone(),
    });
    let said = retry.or_else(|| progress.api_error.as_ref().map(|e| e.text.clone())).unwrap_or_default();
    let (mine, task) = (run.clone(), task.cloned());
    engine.store.write(move |tx| {
        task_runs::told(tx, &mine)?;
        task_runs::want_stop(tx, mine.id, StopWanted::Auth)?;
        rest(tx, &mine, &auth_words(&said), None)?;
        tell(tx, &mine, task.as_ref(), OutcomeClass::AuthFailed, said);
        Ok(())
    })?;
    if !engine.keeper.ask_to_stop(dir) {
        tracing::debug!(run = run.id.0, "an agent without a login has ended by itself");
    }
    Ok(())
}

fn auth_words(said: &str) -> String {
    let said = crate::domain::text::cut_chars(said, 300).0;
    if said.is_empty() { "its login is refused".to_owned() } else { format!("its login is refused: {said}") }
}

/// Why a profile rests until a person has mended its account.
fn account_words(failure: &Failure) -> String {
    if failure.code != FailureCode::Billing {
        return auth_words(&failure.text);
    }
    format!("the account has no credit left: {}", crate::domain::text::cut_chars(&failure.text, 300).0)
}

/// An agent that has said its last word and does not go is asked to.
fn linger(engine: &Engine, memory: &mut Memory, run: &TaskRun, dir: &RunDir) {
    let grace = profile(engine, run).map_or(i64::MAX, |p| p.exit_grace_ms);
    let Some(reading) = memory.readings.get_mut(&run.id) else { return };
    let quiet = engine.store.clock().mono_ms() - reading.quiet_since.unwrap_or(i64::MAX);
    if reading.stream.progress.is_at_rest() && quiet >= grace && !reading.asked {
        reading.asked = engine.keeper.ask_to_stop(dir);
    }
}

/// The profile rests until a person or the limit's reset wakes it.
fn rest(tx: &Tx<'_>, run: &TaskRun, why: &str, until: Option<Time>) -> Result<()> {
    let why = format!("{why} (task {})", run.task);
    run.profile.as_deref().map_or(Ok(()), |profile| pauses::pause(tx, profile, &why, until))
}

fn profile<'a>(engine: &'a Engine, run: &TaskRun) -> Option<&'a Profile> {
    engine.config.profile(run.profile.as_deref()?)
}

/// The task of a run as its file says now; none where that is gone or broken.
fn task_of(engine: &Engine, run: &TaskRun) -> Option<Task> {
    let row = engine.store.read(|c| tasks::by_name(c, &run.task)).ok()?;
    files::task_of(&row, &engine.config.scheduler.timezone).ok()
}

/// How a run went.
struct Verdict {
    state: TaskRunState,
    note: Option<String>,
    output: (String, i64),
    failure: Option<Failure>,
}

/// A run is over: everything of it stands in its folder.
fn ended(engine: &Engine, memory: &mut Memory, run: &TaskRun, dir: &RunDir, task: Option<&Task>) -> Result<()> {
    let exit = dir.exit();
    let hidden = dir.spec().map(|spec| secrets(&spec)).unwrap_or_default();
    let mut verdict = match run.kind {
        TaskKind::Subprocess | TaskKind::Background => command_verdict(dir, exit.as_ref(), &hidden),
        TaskKind::Api => api_verdict(dir, exit.as_ref(), &hidden),
        TaskKind::Agent => agent_verdict(engine, memory, run, dir, exit.as_ref(), &hidden)?,
    };
    let good = verdict.state == TaskRunState::Ok;
    match run.stop_wanted {
        // It was quicker than the wish.
        Some(_) if good => {}
        Some(why) => {
            let (state, words) = stopped_state(why);
            verdict.state = state;
            verdict.note = Some(words.to_owned());
        }
        None => {}
    }
    let end = End {
        state: verdict.state,
        exit_code: exit.as_ref().and_then(|e| e.exit_code).map(i64::from),
        signal: exit.as_ref().and_then(|e| e.signal).map(i64::from),
        note: verdict.note,
        output: verdict.output.0,
        output_bytes: verdict.output.1,
    };
    let keep = end.state != TaskRunState::Ok || run.kind == TaskKind::Agent;
    finish(engine, run, task, end, verdict.failure)?;
    faults::hit(Point::TaskTold)?;
    memory.readings.remove(&run.id);
    memory.spawned.remove(&run.id);
    if keep {
        // Only now: without it the run would count as one that never began.
        dir.forget_spec();
    } else if let Err(e) = std::fs::remove_dir_all(dir.path()) {
        tracing::debug!(dir = %dir.path().display(), error = %e, "a task's folder stays for now");
    }
    Ok(())
}

/// One transaction: the end of the row, or its next attempt; the streak; the profile's rest; the outcome.
fn finish(engine: &Engine, run: &TaskRun, task: Option<&Task>, mut end: End, failure: Option<Failure>) -> Result<()> {
    let (run, task) = (run.clone(), task.cloned());
    engine.store.write(move |tx| {
        // Since we looked a stop may have been pressed, and then it must not be tried again; or a login been refused, and
        // then that was told.
        let TaskRun { stop_wanted, told, .. } = task_runs::get(tx.conn, run.id)?;
        let stop = stop_wanted.filter(|_| end.state != TaskRunState::Ok);
        if let Some(why) = stop {
            let (state, words) = stopped_state(why);
            (end.state, end.note) = (state, Some(words.to_owned()));
        }
        let retries = task.as_ref().map_or(0, |t| t.retries);
        let retryable = matches!(end.state, TaskRunState::Failed | TaskRunState::TimedOut | TaskRunState::Lost)
            && failure.as_ref().is_none_or(|f| f.code != FailureCode::Refused);
        let again = (retryable && stop.is_none() && run.attempt <= retries).then(|| tx.now.plus_ms(backoff(run.attempt)));
        task_runs::end(tx, &run, &end, again)?;
        faults::hit(Point::TaskEnded)?;
        if let Some(f) = failure.as_ref().filter(|_| !told) {
            match (f.code.rest(), f.retry_at) {
                (Rest::Person, _) => rest(tx, &run, &account_words(f), None)?,
                (Rest::Reset, Some(until)) => rest(tx, &run, &f.text, Some(until))?,
                (Rest::Reset, None) | (Rest::No, _) => {}
            }
        }
        if again.is_some() {
            return Ok(());
        }
        if let Some(class) = class(end.state).filter(|c| *c != OutcomeClass::AuthFailed) {
            tasks::count(tx, &run.task, class != OutcomeClass::Ok)?;
        }
        if let Some(class) = class(end.state).filter(|_| !told) {
            tell(tx, &run, task.as_ref(), class, summary(tx, &run, &end));
        }
        Ok(())
    })
}

fn backoff(attempt: i64) -> i64 {
    let doublings = u32::try_from(attempt - 1).unwrap_or(0).min(10);
    (BACKOFF_MS << doublings).min(BACKOFF_MAX_MS)
}

/// What an end means for the outside; none where nothing was tried.
fn class(state: TaskRunState) -> Option<OutcomeClass> {
    match state {
        TaskRunState::Ok => Some(OutcomeClass::Ok),
        TaskRunState::Failed | TaskRunState::Lost => Some(OutcomeClass::Failed),
        TaskRunState::TimedOut => Some(OutcomeClass::TimedOut),
        TaskRunState::AuthFailed => Some(OutcomeClass::AuthFailed),
        TaskRunState::Waiting
        | TaskRunState::Running
        | TaskRunState::Skipped
        | TaskRunState::Missed
        | TaskRunState::Overlapped => None,
    }
}

/// Tells an outcome. It can never undo the end of the run: whatever goes wrong with it is logged and left.
fn tell(tx: &Tx<'_>, run: &TaskRun, task: Option<&Task>, class: OutcomeClass, summary: String) {
    let outcome = Outcome {
        task: run.task.clone(),
        ok: class == OutcomeClass::Ok,
        class,
        summary,
        source_id: run.id.to_string(),
        notify: task.map(|t| t.notify).unwrap_or_default(),
        priority: task.map(|t| t.priority).unwrap_or_default(),
        told: class == OutcomeClass::AuthFailed && run.profile.is_some(),
    };
    if let Err(e) = streaks::outcome(tx, &outcome) {
        tracing::warn!(task = run.task, error = %e, "the outcome of a task run could not be told; the run has ended all the same");
    }
}

/// How it went, in a few words; the task and the class are told by whoever reads it.
fn summary(tx: &Tx<'_>, run: &TaskRun, end: &End) -> String {
    let took = run.started_at.map(|at| match tx.now.since(at) {
        0..1000 => "in less than a second".to_owned(),
        ms => format!("after {}", span_words(ms)),
    });
    let how = match (end.exit_code, end.signal) {
        _ if end.state == TaskRunState::Ok => None,
        (Some(code), _) => Some(format!("exit code {code}")),
        (None, Some(signal)) => Some(format!("signal {signal}")),
        (None, None) => None,
    };
    let lost = (end.state == TaskRunState::Lost).then(|| "its process vanished".to_owned());
    let parts: Vec<String> = [how, lost.or_else(|| end.note.clone()), took].into_iter().flatten().collect();
    let said = last_line(&end.output);
    if said.is_empty() { parts.join(", ") } else { format!("{}\n{said}", parts.join(", ")) }
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

fn command_verdict(dir: &RunDir, exit: Option<&ExitRecord>, hidden: &[String]) -> Verdict {
    let output = output::of_command(dir, hidden);
    let (state, note) = by_force(exit).map_or_else(|| (by_code(exit), None), |(state, words)| (state, Some(words)));
    let strays = exit.map_or(0, |e| e.strays);
    let left = (strays > 0 && state == TaskRunState::Ok).then(|| format!("{strays} processes it left behind were ended"));
    Verdict { state, note: note.or(left), output, failure: None }
}

fn api_verdict(dir: &RunDir, exit: Option<&ExitRecord>, hidden: &[String]) -> Verdict {
    let (state, note) = by_force(exit).map_or_else(|| (by_code(exit), None), |(state, words)| (state, Some(words)));
    let said = output::stderr(dir, hidden);
    let note = note.or_else(|| (state != TaskRunState::Ok).then(|| last_line(&said).to_owned()).filter(|n| !n.is_empty()));
    let failure = (state == TaskRunState::AuthFailed).then(|| Failure {
        code: FailureCode::AuthFailure,
        text: note.clone().unwrap_or_default(),
        retry_at: None,
    });
    Verdict { state, note, output: output::of_command(dir, hidden), failure }
}

fn agent_verdict(
    engine: &Engine,
    memory: &mut Memory,
    run: &TaskRun,
    dir: &RunDir,
    exit: Option<&ExitRecord>,
    hidden: &[String],
) -> Result<Verdict> {
    let now = engine.store.clock().now();
    let kind = profile(engine, run).map_or(RuntimeKind::Claude, |p| p.runtime);
    let reading = memory.readings.entry(run.id).or_insert_with(|| Reading::new(dir.clone(), kind));
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
    let note = failure.as_ref().map(|f| output::of_text(crate::domain::text::cut_chars(&f.text, 500).0, hidden).0);
    Ok(Verdict { state, note, output, failure })
}

/// A run that waited and was stopped.
pub(crate) fn never_began(engine: &Engine, run: &TaskRun, why: StopWanted) -> Result<()> {
    let (state, words) = stopped_state(why);
    let (run, end) = (run.clone(), plain(state, words));
    match engine.store.write(move |tx| task_runs::end(tx, &run, &end, None)) {
        Err(Error::Conflict(_)) => Ok(()),
        other => other,
    }
}

/// A run whose task's file is gone.
pub(crate) fn gone(engine: &Engine, run: &TaskRun) -> Result<()> {
    let (run, end) = (run.clone(), plain(TaskRunState::Skipped, "its file is gone"));
    engine.store.write(move |tx| task_runs::end(tx, &run, &end, None))
}

/// A run that must not or cannot be started.
pub(crate) fn refused(engine: &Engine, run: &TaskRun, task: &Task, failure: &Failure) -> Result<()> {
    let (mut mine, end) = (run.clone(), plain(TaskRunState::Failed, &failure.text));
    mine.profile = engine.config.profile_of(task);
    finish(engine, &mine, Some(task), end, Some(failure.clone()))
}

fn plain(state: TaskRunState, words: &str) -> End {
    End { state, exit_code: None, signal: None, note: Some(words.to_owned()), output: String::new(), output_bytes: 0 }
}

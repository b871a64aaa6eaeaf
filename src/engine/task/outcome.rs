//! The end of a task run, written in one transaction: its row, its task's streak, the profile's rest, the outcome that is told.

use crate::base::error::{Error, Result};
use crate::base::faults;
use crate::base::faults::Point;
use crate::domain::inbox::OutcomeClass;
use crate::domain::run::{Failure, FailureCode, Rest};
use crate::domain::task::{StopWanted, Task, TaskRun, TaskRunState};
use crate::domain::text::cut_chars;
use crate::domain::time::{Time, span_words};
use crate::engine::Engine;
use crate::engine::task::output::last_line;
use crate::store::Tx;
use crate::store::run::pauses;
use crate::store::task::streaks;
use crate::store::task::streaks::Outcome;
use crate::store::task::task_runs;
use crate::store::task::task_runs::End;
use crate::store::task::tasks;

/// The first pause before a retry; twice as long after each further one.
const BACKOFF_MS: i64 = 30_000;
/// No pause is longer.
const BACKOFF_MAX_MS: i64 = 3_600_000;

pub(crate) fn auth_words(said: &str) -> String {
    let said = cut_chars(said, 300).0;
    if said.is_empty() { "its login is refused".to_owned() } else { format!("its login is refused: {said}") }
}

/// Why a profile rests until a person has mended its account.
fn account_words(failure: &Failure) -> String {
    if failure.code != FailureCode::Billing {
        return auth_words(&failure.text);
    }
    format!("the account has no credit left: {}", cut_chars(&failure.text, 300).0)
}

/// The profile rests until a person or the limit's reset wakes it.
pub(crate) fn rest(tx: &Tx<'_>, run: &TaskRun, why: &str, until: Option<Time>) -> Result<()> {
    let why = format!("{why} (task {})", run.task);
    run.profile.as_deref().map_or(Ok(()), |profile| pauses::pause(tx, profile, &why, until))
}

/// One transaction: the end of the row, or its next attempt; the streak; the profile's rest; the outcome.
pub(crate) fn finish(engine: &Engine, run: &TaskRun, task: Option<&Task>, mut end: End, failure: Option<Failure>) -> Result<()> {
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
pub(crate) fn tell(tx: &Tx<'_>, run: &TaskRun, task: Option<&Task>, class: OutcomeClass, summary: String) {
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

/// The reason of a stop as the end of one that never began.
pub(crate) fn stopped_state(why: StopWanted) -> (TaskRunState, &'static str) {
    match why {
        StopWanted::ByHand => (TaskRunState::Skipped, "stopped by hand"),
        StopWanted::Overlap => (TaskRunState::Overlapped, "the next one took its place"),
        StopWanted::Auth => (TaskRunState::AuthFailed, "its login is refused"),
    }
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

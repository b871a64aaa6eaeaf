//! Closing a run: reads the last of its log, judges it, decides what follows, and writes all of it in one transaction.

use crate::base::error::{Error, Result};
use crate::base::faults;
use crate::base::faults::Point;
use crate::domain::run::closing::{Closing, Next};
use crate::domain::run::conclude::{Conclusion, Ending, Report, conclude};
use crate::domain::run::terminal_comment::{Terminal, terminal_comment};
use crate::domain::run::{Failure, FailureCode, Remedy, Rest, Run, RunState, Verdict};
use crate::domain::ticket::{Status, Ticket};
use crate::domain::time::Time;
use crate::drivers::git::DiffStat;
use crate::drivers::supervise::run_dir::RunDir;
use crate::engine::Engine;
use crate::engine::run::change_stat;
use crate::engine::run::ingest;
use crate::engine::run::reader::Reader;
use crate::store::run::{conclude, pauses, reports, runs};
use crate::store::ticket::tickets;

/// Back-offs do not grow past this: one hour.
const BACKOFF_MAX_MS: i64 = 3_600_000;
/// A limit without a stated reset is tried again after this.
const LIMIT_PAUSE_MS: i64 = 900_000;

/// A run whose process is gone, and what it changed. A log that cannot be read is waited for, unless it is to be given up.
///
/// # Errors
/// The store or disk failed, or somebody else closed it.
pub fn ended(engine: &Engine, run: &Run, dir: &RunDir, change: Option<DiffStat>, give_up_log: bool) -> Result<()> {
    let (reader, log_lost) = match ingest::drain(engine, run.id, true) {
        Err(Error::Internal(why)) if give_up_log => {
            tracing::warn!(run = run.id.0, why, "a log that cannot be read is given up");
            (Reader::open(&engine.store, run.id, ingest::runtime_of(engine, run))?, true)
        }
        read => read?,
    };
    let progress = reader.progress;
    let id = reader.run.id;
    let (ticket, run, said, lingering) = engine.store.read(|c| {
        let run = runs::get(c, id)?;
        Ok((tickets::get(c, run.ticket)?, run, reports::of_run(c, id)?, runs::is_lingering(c, id)?))
    })?;
    let said: Vec<Report> = said.into_iter().map(|(kind, text)| Report { kind, text }).collect();
    let exit = dir.exit();
    let conclusion = conclude(&Ending {
        ticket: ticket.id,
        nonce: &run.nonce,
        progress: &progress,
        reports: &said,
        exit: exit.as_ref(),
        stop_wanted: run.stop_wanted,
        lingering_stopped: lingering,
        resumed: run.resumed,
        expected_cwd: run.cwd.as_deref(),
        log_lost,
        stderr_tail: &dir.stderr_end(),
        now: engine.store.clock().now(),
    });
    let closing = Closing {
        exit: exit.as_ref().map_or((None, None), |e| (e.exit_code, e.signal)),
        session_id: if progress.inits > 0 { progress.session_id.clone() } else { None },
        began: progress.inits > 0,
        evidence: change_stat::evidence(&run, change),
        ..plan(engine, &ticket, &run, conclusion)
    };
    faults::hit(Point::ResultRead)?;
    // Before the row, for nobody comes back to a run that is concluded.
    dir.forget_spec();
    write(engine, &run, closing)?;
    faults::hit(Point::RunConcluded)
}

/// A run that must not or cannot be started.
///
/// # Errors
/// The store failed, or somebody else closed it.
pub fn refused(engine: &Engine, run: &Run, failure: Failure) -> Result<()> {
    without_process(engine, run, RunState::Failed, Some(failure))
}

/// A run that was stopped before anything of it began.
///
/// # Errors
/// The store failed, or somebody else closed it.
pub fn never_started(engine: &Engine, run: &Run) -> Result<()> {
    without_process(engine, run, RunState::Stopped, None)
}

fn without_process(engine: &Engine, run: &Run, state: RunState, failure: Option<Failure>) -> Result<()> {
    let ticket = engine.store.read(|c| tickets::get(c, run.ticket))?;
    let conclusion = Conclusion { state, verdict: None, payload: String::new(), failure, notes: Vec::new() };
    write(engine, run, plan(engine, &ticket, run, conclusion))
}

fn write(engine: &Engine, run: &Run, closing: Closing) -> Result<()> {
    let run = run.clone();
    engine.store.write(move |tx| {
        let now = runs::get(tx.conn, run.id)?;
        if (now.stop_wanted, now.stop_to) != (run.stop_wanted, run.stop_to) {
            // Somebody wants it stopped or moved since this was planned: the next look plans anew, and nothing is lost.
            return Err(Error::Conflict(format!("run {} is wanted stopped meanwhile", run.id)));
        }
        if closing.conclusion.state == RunState::Finished {
            // It worked: a pause that was only a suspicion ends.
            pauses::lift_suspicion(tx, &run.profile)?;
        }
        conclude::conclude(tx, &run, &closing)
    })
}

/// What follows from a conclusion.
fn plan(engine: &Engine, ticket: &Ticket, run: &Run, conclusion: Conclusion) -> Closing {
    let now = engine.store.clock().now();
    let limit = engine.config.profile(&run.profile).map_or(3, |p| p.retry_limit);
    let next = follow_up(ticket, run, &conclusion, Retrying { limit, backoff_ms: engine.config.retry_backoff_ms, now });
    let (status, again_at) = match &next {
        Next::Status(status) => (*status, None),
        Next::Again { not_before, .. } => (Status::Todo, Some(*not_before)),
        Next::ColdStart => (Status::Todo, None),
    };
    let mut told = conclusion.failure.clone();
    if let (Some(failure), Some(at)) = (&mut told, again_at) {
        failure.retry_at = Some(at);
    }
    let artifacts = artifacts(run);
    let terminal = (conclusion.state != RunState::Finished).then(|| {
        terminal_comment(&Terminal {
            attempt: run.attempt,
            state: conclusion.state,
            failure: told.as_ref(),
            status,
            retries: ticket.retries,
            retry_limit: limit,
            artifacts: &artifacts,
        })
    });
    let pause = conclusion.failure.as_ref().and_then(|f| pause_for(f, again_at.unwrap_or(reset_of(f, now))));
    Closing {
        conclusion,
        next,
        exit: (None, None),
        session_id: None,
        began: false,
        terminal,
        author: ticket.role.label(),
        pause,
        evidence: Vec::new(),
    }
}

struct Retrying {
    limit: i64,
    backoff_ms: i64,
    now: Time,
}

fn follow_up(ticket: &Ticket, run: &Run, c: &Conclusion, r: Retrying) -> Next {
    if let Some(to) = run.stop_to {
        // A person moved the ticket away: there it goes, however the run came to its end.
        return Next::Status(to);
    }
    match c.state {
        RunState::Finished => Next::Status(match c.verdict {
            Some(Verdict::Done) => Status::Done,
            Some(Verdict::Review) | None => Status::InReview,
            Some(Verdict::Question) => Status::NeedsInput,
        }),
        // A Stop holds, also where the run fell before it was reached: what would go on by itself does not.
        RunState::Stopped | RunState::Failed | RunState::Lost if run.stop_wanted => Next::Status(Status::Blocked),
        // Its process was told to stop by somebody outside: given back, not counted.
        RunState::Stopped => Next::Again { not_before: r.now.plus_ms(r.backoff_ms), counted: false },
        RunState::Failed | RunState::Lost | RunState::Starting | RunState::Running => {
            let failure = c.failure.as_ref();
            match failure.map_or(FailureCode::Vanished, |f| f.code).remedy() {
                Remedy::Person => Next::Status(Status::Blocked),
                Remedy::ColdStart => Next::ColdStart,
                Remedy::WaitForReset => {
                    let at = failure.map_or(r.now, |f| reset_of(f, r.now));
                    Next::Again { not_before: at.max(r.now.plus_ms(1000)), counted: false }
                }
                Remedy::Retry if ticket.retries >= r.limit => Next::Status(Status::Blocked),
                Remedy::Retry => {
                    let times = 4_i64.saturating_pow(u32::try_from(ticket.retries.clamp(0, 10)).unwrap_or(0));
                    let wait = r.backoff_ms.saturating_mul(times).min(BACKOFF_MAX_MS);
                    Next::Again { not_before: r.now.plus_ms(wait), counted: true }
                }
            }
        }
    }
}

/// When a limit is to be tried again.
fn reset_of(failure: &Failure, now: Time) -> Time {
    failure.retry_at.unwrap_or(now.plus_ms(LIMIT_PAUSE_MS))
}

fn pause_for(failure: &Failure, again_at: Time) -> Option<(String, Option<Time>)> {
    let (words, until) = match failure.code.rest() {
        Rest::No => return None,
        Rest::Reset => ("The agent's limit is reached", Some(again_at)),
        Rest::Person if failure.code == FailureCode::Billing => ("The account has no credit left", None),
        Rest::Person => ("The agent's login is refused", None),
    };
    Some((words.to_owned(), until))
}

fn artifacts(run: &Run) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    if let Some(branch) = &run.branch {
        found.push(("branch", branch.clone()));
    }
    if let Some(worktree) = &run.worktree {
        found.push(("worktree", worktree.clone()));
    }
    if run.launched_at.is_some() {
        found.push(("raw log", format!("/api/v1/runs/{}/log", run.id)));
    }
    found
}

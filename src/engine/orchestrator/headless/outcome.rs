//! What has become of a headless turn, told from its folder alone.

use crate::domain::ids::TicketId;
use crate::domain::orchestrator::session::Session;
use crate::domain::run::conclude::{Ending, conclude};
use crate::domain::run::{ExitCause, FailureCode};
use crate::engine::Engine;
use crate::engine::orchestrator::driver::Harvest;
use crate::engine::orchestrator::headless::folders;
use crate::engine::orchestrator::headless::launch::runtime_of;
use crate::engine::orchestrator::headless::reading::{INTERRUPTED, Reading};
use crate::engine::orchestrator::headless::words;

/// What the agent does now: an unanswered call of the model's service is told first.
pub(crate) fn activity(reading: &Reading) -> Option<String> {
    let retry = reading.stream.progress.last_retry.as_ref();
    retry.map(|r| format!("waiting for the model's service ({})", r.text)).or_else(|| reading.stream.activity.clone())
}

/// How a turn ended whose process is over. Told from the folder alone.
pub(crate) fn fate(engine: &Engine, session: &Session, reading: &Reading) -> Harvest {
    let p = &reading.stream.progress;
    let other = p.session_id.clone().filter(|id| p.inits > 0 && *id != session.agent_session);
    if let Some(reply) = &reading.stream.reply {
        let (text, context_tokens) = (reply.text.clone(), reply.context_tokens);
        return Harvest::Answered { text, context_tokens, agent_session: other };
    }
    if p.inits == 0 && p.results == 0 && folders::id_is_taken(runtime_of(engine, session), &reading.dir) {
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

//! Closes a run in one transaction: its row, its result as a comment, its messages, the ticket's next status.

use crate::base::doorbell::Topic;
use crate::base::error::Result;
use crate::base::faults;
use crate::base::faults::Point;
use crate::domain::run::closing::{Closing, Next};
use crate::domain::run::event::{EventKind, NewEvent};
use crate::domain::run::{Run, RunState, StartReason};
use crate::domain::ticket::comment::{CommentKind, Source};
use crate::domain::ticket::{Status, Ticket};
use crate::store::Tx;
use crate::store::access::credentials;
use crate::store::notice::notifications;
use crate::store::run::runs::fenced;
use crate::store::run::{events, inbox_report, pauses};
use crate::store::ticket::comments::NewComment;
use crate::store::ticket::start::start_because;
use crate::store::ticket::status::{note_run, set_status};
use crate::store::ticket::{comments, messages, tickets};
use rusqlite::params;

/// Closes a run: its row, its result as a comment, its messages, the ticket's next status.
///
/// # Errors
/// The run is no longer current.
pub fn conclude(tx: &Tx<'_>, run: &Run, c: &Closing) -> Result<()> {
    close_row(tx, run, c)?;
    if c.began {
        messages::delivered(tx, run.id)?;
    } else {
        messages::give_back(tx, run.id)?;
    }
    credentials::revoke_run_tokens(tx, run.id)?;
    if let Some((reason, until)) = &c.pause {
        pauses::pause(tx, &run.profile, reason, *until)?;
    }
    for (kind, label, detail) in &c.evidence {
        crate::store::ticket::evidence::add(tx, run.ticket, Some(run.id), kind, label, detail)?;
    }
    post(tx, run, c)?;
    faults::hit(Point::ResultCommented)?;
    let session = match c.next {
        Next::ColdStart => None,
        Next::Status(_) | Next::Again { .. } => c.session_id.clone(),
    };
    // What is not counted does not forget what was: else a fall and a cold start, in turns, would go on for ever.
    let fell = match c.next {
        Next::Status(_) => None,
        Next::Again { counted, .. } => Some(i64::from(counted)),
        Next::ColdStart => Some(0),
    };
    tx.conn
        .prepare_cached(
            "update tickets set session_id = case when ?4 then null else coalesce(?2, session_id) end,
               retries = coalesce(retries + ?3, 0) where id = ?1",
        )?
        .execute(params![run.ticket.0, session, fell, matches!(c.next, Next::ColdStart)])?;
    follow(tx, run, c)?;
    inbox_report::post(tx, run, c);
    tx.ring(Topic::Pickup);
    tx.ring(Topic::Ingest);
    Ok(())
}

fn close_row(tx: &Tx<'_>, run: &Run, c: &Closing) -> Result<()> {
    let failure = c.conclusion.failure.as_ref();
    let note = [run.note.clone().unwrap_or_default(), c.conclusion.notes.join(" ")].join(" ").trim().to_owned();
    let n = tx
        .conn
        .prepare_cached(
            "update runs set state = ?3, ended_at = ?4, exit_code = ?5, signal = ?6, verdict = ?7, failure_code = ?8,
               failure_text = ?9, retry_at = ?10, note = nullif(?11, '')
             where id = ?1 and generation = ?2 and state in ('starting', 'running')",
        )?
        .execute(params![
            run.id.0,
            run.generation,
            c.conclusion.state.as_str(),
            tx.now.0,
            c.exit.0,
            c.exit.1,
            c.conclusion.verdict.map(|v| v.as_str()),
            failure.map(|f| f.code.as_str()),
            failure.map(|f| f.text.as_str()),
            failure.and_then(|f| f.retry_at).map(|t| t.0),
            note
        ])?;
    fenced(n, run)?;
    let text = match (c.conclusion.verdict, failure) {
        (Some(verdict), _) => format!("Attempt {} ended: {verdict}", run.attempt),
        (None, Some(f)) => format!("Attempt {} ended: {}", run.attempt, f.text),
        (None, None) => format!("Attempt {} ended: {}", run.attempt, c.conclusion.state),
    };
    let event = NewEvent { is_error: failure.is_some(), ..NewEvent::plain(0, EventKind::Status, "ended", text) };
    events::note(tx, run, &[event])?;
    note_run(tx, run, c.conclusion.state.as_str())
}

fn post(tx: &Tx<'_>, run: &Run, c: &Closing) -> Result<()> {
    if c.conclusion.verdict.is_some() && !c.conclusion.payload.trim().is_empty() {
        comments::add(
            tx,
            &NewComment {
                ticket: run.ticket,
                run: Some(run.id),
                author: c.author.clone(),
                source: Source::Agent,
                kind: CommentKind::Result,
                body: c.conclusion.payload.clone(),
            },
        )?;
    }
    if let Some(body) = &c.terminal {
        comments::add(
            tx,
            &NewComment {
                ticket: run.ticket,
                run: Some(run.id),
                author: "Mission Control".to_owned(),
                source: Source::System,
                kind: CommentKind::TerminalState,
                body: body.clone(),
            },
        )?;
    }
    Ok(())
}

/// Words that came meanwhile go first: the ticket goes on with them, whatever the verdict. A person's Stop and what
/// only a person can mend stand, and the words wait with the ticket.
fn follow(tx: &Tx<'_>, run: &Run, c: &Closing) -> Result<()> {
    let ticket = tickets::get(tx.conn, run.ticket)?;
    let pending = messages::any_pending(tx.conn, run.ticket)?;
    match &c.next {
        Next::ColdStart => {
            leave(tx, &ticket, run)?;
            start_because(tx, &ticket, StartReason::ColdStart, &run.profile, "Mission Control").map(|_| ())
        }
        Next::Again { not_before, .. } => {
            tx.conn
                .prepare_cached("update tickets set not_before = ?2 where id = ?1")?
                .execute(params![run.ticket.0, not_before.0])?;
            set_status(tx, &ticket, Status::Todo, Some(run.id), "Mission Control", "goes on by itself")
        }
        Next::Status(_) if pending && c.conclusion.verdict.is_some() && run.stop_to.is_none() => {
            leave(tx, &ticket, run)?;
            let reason = if ticket.session_id.is_some() { StartReason::Resume } else { StartReason::ColdStart };
            start_because(tx, &ticket, reason, &run.profile, "Mission Control").map(|_| ())
        }
        Next::Status(to) => {
            let why = match (&c.conclusion.failure, c.conclusion.verdict) {
                (Some(f), _) => f.text.as_str(),
                (None, Some(v)) => v.as_str(),
                (None, None) => c.conclusion.state.as_str(),
            };
            set_status(tx, &ticket, *to, Some(run.id), &c.author, why)?;
            call_person(tx, &ticket, *to, c)
        }
    }
}

/// Tells the owner that a ticket waits for them. Not of what they stopped themselves, and not of what the pause of a whole
/// profile tells already.
fn call_person(tx: &Tx<'_>, ticket: &Ticket, to: Status, c: &Closing) -> Result<()> {
    let told_by_pause = c.pause.as_ref().is_some_and(|(_, until)| until.is_none());
    if c.conclusion.state == RunState::Stopped || told_by_pause {
        return Ok(());
    }
    let words = c.conclusion.failure.as_ref().map_or(c.conclusion.payload.as_str(), |f| f.text.as_str());
    notifications::needs(tx, ticket, to, words)
}

/// Between two runs of one transaction the ticket stands in `todo`, so that its history stays a path of legal moves.
fn leave(tx: &Tx<'_>, ticket: &Ticket, run: &Run) -> Result<()> {
    set_status(tx, ticket, Status::Todo, Some(run.id), "Mission Control", "goes on")
}

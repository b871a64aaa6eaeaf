//! Gives a ticket its next run: a first one, the next in its session, a retry, one without its session.

use crate::base::doorbell::Topic;
use crate::base::error::{Error, Result};
use crate::domain::ids::RunId;
use crate::domain::ports::Rules;
use crate::domain::run::{StartReason, verdict};
use crate::domain::ticket::{Status, Ticket};
use crate::store::Tx;
use crate::store::run::runs;
use crate::store::ticket::messages;
use crate::store::ticket::status::set_status;
use rusqlite::params;

/// Gives a ticket its next run, `starting`, in its last session where it has one.
///
/// # Errors
/// It has a live run already.
pub fn start(tx: &Tx<'_>, ticket: &Ticket, actor: &str, rules: &dyn Rules) -> Result<RunId> {
    let reason = if ticket.session_id.is_some() { StartReason::Resume } else { StartReason::New };
    start_because(tx, ticket, reason, &rules.profile_for(ticket), actor)
}

/// Pickup takes a ready ticket: a retry where its last run crashed, else its next or first run.
///
/// # Errors
/// It has a live run already.
pub fn pick_up(tx: &Tx<'_>, ticket: &Ticket, profile: &str) -> Result<RunId> {
    let reason = match (&ticket.session_id, ticket.retries) {
        (Some(_), 0) => StartReason::Resume,
        (Some(_), _) => StartReason::Retry,
        (None, 0) => StartReason::New,
        (None, _) => StartReason::Retry,
    };
    start_because(tx, ticket, reason, profile, "Pickup")
}

/// As [`start`], for a stated reason and profile.
///
/// # Errors
/// It has a live run already.
pub fn start_because(tx: &Tx<'_>, ticket: &Ticket, reason: StartReason, profile: &str, actor: &str) -> Result<RunId> {
    if runs::live_of(tx.conn, ticket.id)?.is_some() {
        return Err(Error::Conflict(format!("{} has a live run already", ticket.id)));
    }
    let session = match reason {
        StartReason::New | StartReason::ColdStart => None,
        StartReason::Resume | StartReason::Retry | StartReason::Fork => ticket.session_id.clone(),
    };
    if session.is_some() {
        messages::queue_unheard(tx, ticket.id)?;
    }
    let attempt: i64 = tx
        .conn
        .prepare_cached("select coalesce(max(attempt), 0) + 1 from runs where ticket_id = ?1")?
        .query_row([ticket.id.0], |r| r.get(0))?;
    tx.conn
        .prepare_cached(
            "insert into runs (ticket_id, attempt, reason, state, profile, nonce, session_id, resumed, created_at)
             values (?1, ?2, ?3, 'starting', ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            ticket.id.0,
            attempt,
            reason.as_str(),
            profile,
            verdict::nonce(ticket.id, tx.now, crate::base::random::u32()),
            session,
            session.is_some(),
            tx.now.0
        ])?;
    let run = RunId(tx.conn.last_insert_rowid());
    messages::claim(tx, ticket.id, run)?;
    tx.conn
        .prepare_cached("update tickets set run_id = ?2, not_before = null, needs_approval = 0 where id = ?1")?
        .execute(params![ticket.id.0, run.0])?;
    set_status(tx, ticket, Status::InProgress, Some(run), actor, reason.as_str())?;
    tx.ring(Topic::Pickup);
    Ok(run)
}

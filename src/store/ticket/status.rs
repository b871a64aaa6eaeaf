//! The one place that writes a ticket's status, and what a person's push resets.

use crate::base::doorbell::Topic;
use crate::base::error::{Error, Result};
use crate::domain::ids::RunId;
use crate::domain::ports::Rules;
use crate::domain::run::Run;
use crate::domain::ticket::{Status, Ticket};
use crate::store::Tx;
use crate::store::notice::notifications;
use crate::store::run::pauses;
use crate::store::ticket::changes;
use crate::store::ticket::changes::NewChange;
use rusqlite::params;

/// A person pushed: the slate of retries is wiped. On a blocked ticket that also says that what only a person can mend is
/// mended: a pause that waited for that ends.
pub(crate) fn push(tx: &Tx<'_>, ticket: &Ticket, rules: &dyn Rules) -> Result<()> {
    tx.conn
        .prepare_cached("update tickets set retries = 0, not_before = null, needs_approval = 0 where id = ?1")?
        .execute([ticket.id.0])?;
    if ticket.status == Status::Blocked {
        pauses::lift_suspicion(tx, &rules.profile_for(ticket))?;
    }
    Ok(())
}

pub(crate) fn want_stop(tx: &Tx<'_>, run: &Run, to: Option<Status>, actor: &str) -> Result<()> {
    tx.conn
        .prepare_cached("update runs set stop_wanted = 1, stop_to = coalesce(?2, stop_to) where id = ?1")?
        .execute(params![run.id.0, to.map(Status::as_str)])?;
    changes::record(
        tx,
        &NewChange { ticket: run.ticket, kind: "run", moved: None, run: Some(run.id), actor, note: "stop asked for" },
    )?;
    tx.ring(Topic::Pickup);
    Ok(())
}

pub(crate) fn note_run(tx: &Tx<'_>, run: &Run, note: &str) -> Result<()> {
    changes::record(
        tx,
        &NewChange { ticket: run.ticket, kind: "run", moved: None, run: Some(run.id), actor: "Mission Control", note },
    )
}

/// The only place that writes a ticket's status: row, history, and the small decision comment derived from them.
pub(crate) fn set_status(tx: &Tx<'_>, ticket: &Ticket, to: Status, run: Option<RunId>, actor: &str, why: &str) -> Result<()> {
    let from: Status = {
        let text: String =
            tx.conn.prepare_cached("select status from tickets where id = ?1")?.query_row([ticket.id.0], |r| r.get(0))?;
        text.parse().map_err(|e| Error::Internal(format!("stored status: {e}")))?
    };
    tx.conn
        .prepare_cached(
            "update tickets set status = ?2, status_since = ?3, updated_at = ?3, version = version + 1 where id = ?1",
        )?
        .execute(params![ticket.id.0, to.as_str(), tx.now.0])?;
    changes::record(tx, &NewChange { ticket: ticket.id, kind: "status", moved: Some((from, to)), run, actor, note: why })?;
    notifications::moved_on(tx, ticket.id)?;
    if to == Status::Todo {
        tx.ring(Topic::Pickup);
    }
    if to.is_closed() {
        // Tickets that waited for this one may be ready now.
        tx.ring(Topic::Pickup);
    }
    Ok(())
}

//! What agents report by command during a run.

use crate::base::error::{Error, Result};
use crate::domain::ids::RunId;
use crate::domain::run::Run;
use crate::domain::ticket::comment::{CommentKind, Source};
use crate::domain::ticket::evidence::ReportKind;
use crate::store::Tx;
use crate::store::ticket::comments::NewComment;
use crate::store::ticket::{comments, evidence};
use rusqlite::{Connection, params};

/// Stores a report of a live run; a comment or a piece of evidence shows at once. Repeating one with the same
/// `client_id` changes nothing. True if it was new.
///
/// # Errors
/// The run is over: its token is no longer good for reports.
pub fn add(tx: &Tx<'_>, run: &Run, role: &str, kind: ReportKind, body: &str, client_id: &str) -> Result<bool> {
    if !run.state.is_live() {
        return Err(Error::Conflict(format!("run {} is over", run.id)));
    }
    let n = tx
        .conn
        .prepare_cached(
            "insert or ignore into run_reports (run_id, kind, body, client_id, created_at) values (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![run.id.0, kind.as_str(), body, client_id, tx.now.0])?;
    if n == 0 {
        return Ok(false);
    }
    match kind {
        ReportKind::Comment => {
            comments::add(
                tx,
                &NewComment {
                    ticket: run.ticket,
                    run: Some(run.id),
                    author: role.to_owned(),
                    source: Source::Agent,
                    kind: CommentKind::Comment,
                    body: body.to_owned(),
                },
            )?;
        }
        ReportKind::Evidence => {
            let (label, detail) = body.split_once('\n').unwrap_or((body, ""));
            evidence::add(tx, run.ticket, Some(run.id), "shown", label, detail)?;
        }
        ReportKind::Done | ReportKind::Review | ReportKind::Question => {}
    }
    Ok(true)
}

/// A run's reports, in order.
///
/// # Errors
/// The database refused.
pub fn of_run(conn: &Connection, run: RunId) -> Result<Vec<(ReportKind, String)>> {
    let mut stmt = conn.prepare_cached("select kind, body from run_reports where run_id = ?1 order by id")?;
    let rows = stmt.query_map([run.0], |r| Ok((crate::store::ticket::columns::parsed(r, 0)?, r.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

//! The stored half of the invariants: what can be told from rows alone. `engine::check` adds processes and logs.

use crate::base::error::Result;
use crate::domain::ids::{RunId, TicketId};
use crate::domain::ticket::Status;
use rusqlite::Connection;

/// A breach: which invariant, and what is wrong.
pub type Breach = (&'static str, String);

/// Checks everything that rows alone can show.
///
/// # Errors
/// The database refused.
pub fn rows(conn: &Connection) -> Result<Vec<Breach>> {
    let mut found = Vec::new();
    integrity(conn, &mut found)?;
    found.extend(sense(conn)?);
    Ok(found)
}

/// The same without a look at how the file itself holds together: cheap enough for a check after each step.
///
/// # Errors
/// The database refused.
pub fn sense(conn: &Connection) -> Result<Vec<Breach>> {
    let mut found = Vec::new();
    for (name, what, sql) in QUERIES {
        let mut stmt = conn.prepare_cached(sql)?;
        let rows = stmt.query_map([], |r| r.get::<_, String>(0))?;
        for row in rows {
            found.push((*name, format!("{what}: {}", row?)));
        }
    }
    histories(conn, &mut found)?;
    Ok(found)
}

/// How far the tables have been migrated.
///
/// # Errors
/// The database refused.
pub fn schema_version(conn: &Connection) -> Result<i64> {
    Ok(conn.query_row("pragma user_version", [], |r| r.get(0))?)
}

/// Runs of tickets that ended, whose logs can be compared with their events: run, log, bytes read, lines read.
///
/// # Errors
/// The database refused.
pub fn read_logs(conn: &Connection) -> Result<Vec<(RunId, String, i64, i64)>> {
    let mut stmt = conn.prepare("select id, raw_log, log_offset, log_lines from runs where raw_log is not null order by id")?;
    let rows = stmt.query_map([], |r| Ok((RunId(r.get(0)?), r.get(1)?, r.get(2)?, r.get(3)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Each is: invariant, what a row of it means, and the rows that break it (one text column).
const QUERIES: &[(&str, &str, &str)] = &[
    (
        "I14",
        "a due time with more than one row",
        "select task || ' at ' || due_at from task_runs where due_at is not null group by task, due_at having count(*) > 1",
    ),
    (
        "I14",
        "more than one running run of a task",
        "select task from task_runs where state = 'running' group by task having count(*) > 1",
    ),
    (
        "I1",
        "a message whose comment is gone",
        "select m.id || '' from queued_messages m left join comments c on c.id = m.comment_id where c.id is null",
    ),
    (
        "I1",
        "a notice that counts as sent and is in no chat",
        "select n.id || '' from notifications n where n.state = 'sent' and (n.chat is null or n.message_id is null or n.sent_at is null)",
    ),
    (
        "I4",
        "in_progress without exactly one live run",
        "select 'MC-' || t.id from tickets t where t.status = 'in_progress'
           and (select count(*) from runs r where r.ticket_id = t.id and r.state in ('starting', 'running')) <> 1",
    ),
    (
        "I4",
        "a live run whose ticket is not in_progress",
        "select 'run ' || r.id || ' of MC-' || t.id || ' (' || t.status || ')' from runs r join tickets t on t.id = r.ticket_id
           where r.state in ('starting', 'running') and t.status <> 'in_progress'",
    ),
    (
        "I5",
        "more than one live run for a ticket",
        "select 'MC-' || ticket_id from runs where state in ('starting', 'running') group by ticket_id having count(*) > 1",
    ),
    (
        "I6",
        "events of a ticket are not numbered 1..n",
        "select 'MC-' || t.id || ': ' || count(e.id) || ' events, last number ' || t.last_seq
           from tickets t left join ticket_events e on e.ticket_id = t.id
           group by t.id having count(e.id) <> t.last_seq or (count(e.id) > 0 and (min(e.seq) <> 1 or max(e.seq) <> t.last_seq))",
    ),
    (
        "I15",
        "a turn in flight without its session or nonce",
        "select 'turn ' || id from turns where state in ('claimed', 'sent') and (session_id is null or nonce is null)",
    ),
    (
        "I15",
        "a turn that is over without a reply or a reason",
        "select 'turn ' || id from turns where (state = 'answered' and response is null) or (state = 'failed' and error is null)",
    ),
    (
        "I15",
        "two answered turns with one nonce",
        "select 'turn ' || max(id) from turns where state = 'answered' group by nonce having count(*) > 1",
    ),
    (
        "I2",
        "a claimed item that no open digest has, or without an end of its claim",
        "select 'item ' || i.id from orchestrator_inbox i where i.status = 'claimed' and (i.claim_expires_at is null
           or not exists (select 1 from digest_items d join digests g on g.turn_id = d.turn_id
             where d.item_id = i.id and d.decision is null and g.state = 'open'))",
    ),
    (
        "I2",
        "an item of an open digest that is not claimed",
        "select 'item ' || d.item_id || ' of turn ' || d.turn_id from digest_items d
           join orchestrator_inbox i on i.id = d.item_id where d.decision is null and i.status <> 'claimed'",
    ),
    (
        "I2",
        "a decided item without the time of its decision, or one that waits with it",
        "select 'item ' || id from orchestrator_inbox where exists (select 1 from digest_items where item_id = id)
           and (status in ('processed', 'ignored')) <> (processed_at is not null)",
    ),
    (
        "I2",
        "a digest of more than twenty items, or one that is over with items undecided",
        "select 'digest ' || g.number from digests g where g.items > 20
           or (select count(*) from digest_items d where d.turn_id = g.turn_id) > g.items
           or (g.state <> 'open' and exists (select 1 from digest_items d where d.turn_id = g.turn_id and d.decision is null))",
    ),
    (
        "I3",
        "an item decided in two digests",
        "select 'item ' || item_id from digest_items where decision in ('processed', 'ignored') group by item_id having count(*) > 1",
    ),
    (
        "I3",
        "an item decided by a digest that was not answered",
        "select 'item ' || d.item_id from digest_items d join turns t on t.id = d.turn_id
           where d.decision in ('processed', 'ignored') and t.state <> 'answered'",
    ),
    (
        "I3",
        "an applied action that nobody decided",
        "select 'proposal ' || id from proposals where state in ('applied', 'undone') and decided_by is null",
    ),
    (
        "I7",
        "lines read without an event, or an event without a line",
        "select 'run ' || r.id || ': ' || r.log_lines || ' lines, events for ' || count(distinct e.line)
           from runs r left join ticket_events e on e.run_id = r.id and e.line > 0
           where not exists (select 1 from runs f where f.ticket_id = r.ticket_id and f.reason = 'fork')
           group by r.id having count(distinct e.line) <> r.log_lines",
    ),
    (
        "I8",
        "a DONE after REVIEW or QUESTION in one run",
        "select 'run ' || r.id from runs r where r.verdict = 'DONE'
           and exists (select 1 from run_reports p where p.run_id = r.id and p.kind in ('review', 'question'))",
    ),
    (
        "I11",
        "a claimed message whose run is over",
        "select m.id || '' from queued_messages m join runs r on r.id = m.run_id
           where m.state = 'claimed' and r.state not in ('starting', 'running')",
    ),
    (
        "I13",
        "a nonce used by two runs that are no fork of each other",
        "select nonce from runs where reason <> 'fork' group by nonce having count(*) > 1",
    ),
];

fn integrity(conn: &Connection, found: &mut Vec<Breach>) -> Result<()> {
    let text: String = conn.query_row("pragma integrity_check(1)", [], |r| r.get(0))?;
    if text != "ok" {
        found.push(("I12", format!("integrity_check: {text}")));
    }
    let mut stmt = conn.prepare("pragma foreign_key_check")?;
    let rows = stmt.query_map([], |r| r.get::<_, String>(0))?;
    for table in rows {
        found.push(("I12", format!("foreign_key_check: a row of {} points nowhere", table?)));
    }
    let mut stmt = conn.prepare(
        "select c.status || ': counted ' || c.n || ', are ' || (select count(*) from tickets t where t.status = c.status)
         from status_counts c where c.n <> (select count(*) from tickets t where t.status = c.status)",
    )?;
    let rows = stmt.query_map([], |r| r.get::<_, String>(0))?;
    for row in rows {
        found.push(("I12", format!("status counter of {}", row?)));
    }
    Ok(())
}

/// I8: every ticket's history is a path, and it ends where the ticket stands.
fn histories(conn: &Connection, found: &mut Vec<Breach>) -> Result<()> {
    let mut stmt = conn.prepare_cached(
        "select c.ticket_id, c.kind, c.from_status, c.to_status, c.note, t.status from ticket_changes c
         join tickets t on t.id = c.ticket_id where c.kind in ('created', 'status') order by c.ticket_id, c.id",
    )?;
    let mut rows = stmt.query([])?;
    let mut at: Option<(TicketId, Option<Status>, Option<Status>)> = None;
    while let Some(r) = rows.next()? {
        let id = TicketId(r.get(0)?);
        let kind: String = r.get(1)?;
        let word = |text: Option<String>| text.and_then(|t| t.parse::<Status>().ok());
        let (from, to, note) = (word(r.get(2)?), word(r.get(3)?), r.get::<_, String>(4)?);
        let now = word(r.get(5)?);
        if at.as_ref().is_none_or(|(ticket, ..)| *ticket != id) {
            end_of_path(at.take(), found);
            at = Some((id, None, now));
        }
        let stands = &mut at.as_mut().expect("set just above").1;
        if kind == "created" {
            *stands = note.parse().ok();
        } else {
            if *stands != from {
                found.push(("I8", format!("{id}: history jumps from {stands:?} to a move that begins at {from:?}")));
            }
            *stands = to;
        }
    }
    end_of_path(at, found);
    Ok(())
}

fn end_of_path(at: Option<(TicketId, Option<Status>, Option<Status>)>, found: &mut Vec<Breach>) {
    if let Some((id, stands, now)) = at
        && stands != now
    {
        found.push(("I8", format!("{id}: stands in {now:?}, its history ends in {stands:?}")));
    }
}

//! Queued messages: a person's words on their way into a run's brief, exactly once.

use crate::base::doorbell::Topic;
use crate::base::error::Result;
use crate::domain::ids::{CommentId, MessageId, RunId, TicketId};
use crate::domain::ticket::message::{Message, MessageState};
use crate::domain::time::Time;
use crate::store::Tx;
use crate::store::ticket::columns::parsed;
use rusqlite::{Connection, params};

const SELECT: &str = "select m.id, m.ticket_id, m.comment_id, c.body, m.state, m.run_id, m.reason, m.created_at
     from queued_messages m join comments c on c.id = m.comment_id";

/// Queues the words of a comment.
///
/// # Errors
/// The database refused.
pub fn queue(tx: &Tx<'_>, ticket: TicketId, comment: CommentId) -> Result<MessageId> {
    tx.conn
        .prepare_cached("insert into queued_messages (ticket_id, comment_id, state, created_at) values (?1, ?2, 'pending', ?3)")?
        .execute(params![ticket.0, comment.0, tx.now.0])?;
    tx.ring(Topic::Ticket(ticket));
    Ok(MessageId(tx.conn.last_insert_rowid()))
}

/// Puts all pending messages of a ticket into a run's brief.
///
/// # Errors
/// The database refused.
pub fn claim(tx: &Tx<'_>, ticket: TicketId, run: RunId) -> Result<usize> {
    Ok(tx
        .conn
        .prepare_cached("update queued_messages set state = 'claimed', run_id = ?2 where ticket_id = ?1 and state = 'pending'")?
        .execute(params![ticket.0, run.0])?)
}

/// Queues what people said since a ticket's last run began and no message carries yet: words on a ticket that was not
/// waiting are only comments then, but an agent that goes on in its old session must hear them. What stands behind the run's
/// own result was said later, whatever a clock that was put back called that time.
///
/// # Errors
/// The database refused.
pub fn queue_unheard(tx: &Tx<'_>, ticket: TicketId) -> Result<usize> {
    Ok(tx
        .conn
        .prepare_cached(
            "with last as (select id, created_at from runs where ticket_id = ?1 order by attempt desc limit 1)
             insert into queued_messages (ticket_id, comment_id, state, created_at)
             select c.ticket_id, c.id, 'pending', ?2 from comments c
             where c.ticket_id = ?1 and c.kind = 'comment' and c.source in ('human', 'api', 'telegram')
               and (c.created_at >= (select created_at from last)
                 or c.id > (select min(own.id) from comments own where own.ticket_id = ?1 and own.run_id = (select id from last)))
               and not exists (select 1 from queued_messages m where m.comment_id = c.id)
             order by c.id",
        )?
        .execute(params![ticket.0, tx.now.0])?)
}

/// The run's agent has begun to read: its messages are delivered.
///
/// # Errors
/// The database refused.
pub fn delivered(tx: &Tx<'_>, run: RunId) -> Result<usize> {
    Ok(tx
        .conn
        .prepare_cached(
            "update queued_messages set state = 'delivered', delivered_at = ?2 where run_id = ?1 and state = 'claimed'",
        )?
        .execute(params![run.0, tx.now.0])?)
}

/// The run's agent never began: its messages wait for the next run.
///
/// # Errors
/// The database refused.
pub fn give_back(tx: &Tx<'_>, run: RunId) -> Result<usize> {
    Ok(tx
        .conn
        .prepare_cached("update queued_messages set state = 'pending', run_id = null where run_id = ?1 and state = 'claimed'")?
        .execute([run.0])?)
}

/// Whether words wait for the ticket's next run.
///
/// # Errors
/// The database refused.
pub fn any_pending(conn: &Connection, ticket: TicketId) -> Result<bool> {
    Ok(conn
        .prepare_cached("select exists (select 1 from queued_messages where ticket_id = ?1 and state = 'pending')")?
        .query_row([ticket.0], |r| r.get(0))?)
}

/// The messages in a run's brief, oldest first.
///
/// # Errors
/// The database refused.
pub fn of_run(conn: &Connection, run: RunId) -> Result<Vec<Message>> {
    let mut stmt = conn.prepare_cached(&format!("{SELECT} where m.run_id = ?1 order by m.id"))?;
    let rows = stmt.query_map([run.0], row_to_message)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// A ticket's newest messages, oldest first.
///
/// # Errors
/// The database refused.
pub fn of_ticket(conn: &Connection, ticket: TicketId, limit: i64) -> Result<Vec<Message>> {
    let mut stmt = conn.prepare_cached(&format!("{SELECT} where m.ticket_id = ?1 order by m.id desc limit ?2"))?;
    let rows = stmt.query_map(params![ticket.0, limit], row_to_message)?;
    let mut found: Vec<Message> = rows.collect::<rusqlite::Result<_>>()?;
    found.reverse();
    Ok(found)
}

fn row_to_message(r: &rusqlite::Row<'_>) -> rusqlite::Result<Message> {
    Ok(Message {
        id: MessageId(r.get(0)?),
        ticket: TicketId(r.get(1)?),
        comment: CommentId(r.get(2)?),
        body: r.get(3)?,
        state: parsed::<MessageState>(r, 4)?,
        run: r.get::<_, Option<i64>>(5)?.map(RunId),
        reason: r.get(6)?,
        created_at: Time(r.get(7)?),
    })
}

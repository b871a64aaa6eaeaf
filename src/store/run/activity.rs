//! What the workers of a page of tickets do at the moment: each read once for all of them.

use crate::base::error::Result;
use crate::domain::ids::TicketId;
use crate::domain::run::event::Event;
use crate::domain::time::Time;
use crate::store::run::events::{COLUMNS, row_to_event};
use crate::store::ticket::tickets::id_list;
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

/// So many of a ticket's newest events are looked at for the last thing its worker did.
const LOOK_BACK: i64 = 12;

/// When the events of these tickets since a moment came: what the sparklines draw. Of many, evenly spread ones; each with
/// how many events it stands for.
///
/// Times and numbers of a ticket's events grow together, so the first one is found by halving, without reading those in
/// between: `look` does that for all tickets at once, `pick` goes on from there in even steps.
pub fn times_since(
    conn: &Connection,
    tickets: &[TicketId],
    since: Time,
    samples: i64,
) -> Result<BTreeMap<TicketId, Vec<(Time, i64)>>> {
    let mut found: BTreeMap<TicketId, Vec<(Time, i64)>> = BTreeMap::new();
    if tickets.is_empty() {
        return Ok(found);
    }
    let mut stmt = conn.prepare_cached(
        "with recursive
           look (ticket, low, high, last) as (
             select id, 1, last_seq + 1, last_seq from tickets where id in (select value from json_each(?1))
             union all
             select ticket,
               iif(coalesce((select e.created_at from ticket_events e
                             where e.ticket_id = look.ticket and e.seq = (look.low + look.high) / 2), 0) < ?2,
                   (low + high) / 2 + 1, low),
               iif(coalesce((select e.created_at from ticket_events e
                             where e.ticket_id = look.ticket and e.seq = (look.low + look.high) / 2), 0) < ?2,
                   high, (low + high) / 2),
               last
             from look where low < high),
           pick (ticket, seq, last, each) as (
             select ticket, low, last, max(1, (last + 1 - low) / ?3) from look where low >= high and low <= last
             union all
             select ticket, seq + each, last, each from pick where seq + each <= last)
         select p.ticket, e.created_at, p.each from pick p join ticket_events e on e.ticket_id = p.ticket and e.seq = p.seq
         order by p.ticket, p.seq",
    )?;
    let rows = stmt.query_map(params![id_list(tickets), since.0, samples.max(1)], |r| {
        Ok((TicketId(r.get(0)?), Time(r.get(1)?), r.get::<_, i64>(2)?))
    })?;
    for row in rows {
        let (ticket, at, each) = row?;
        found.entry(ticket).or_default().push((at, each));
    }
    Ok(found)
}

/// The last thing that each ticket's worker did that is worth a line: a tool call or words.
///
/// # Errors
/// The database refused.
pub fn last_doing(conn: &Connection, tickets: &[TicketId]) -> Result<BTreeMap<TicketId, Event>> {
    if tickets.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut stmt = conn.prepare_cached(&format!(
        "select {COLUMNS} from ticket_events where id in (
           select (select e.id from ticket_events e
                   where e.ticket_id = t.id and e.seq > t.last_seq - ?2 and e.kind in ('tool_use', 'text')
                   order by e.seq desc limit 1)
           from tickets t where t.id in (select value from json_each(?1)))"
    ))?;
    let rows = stmt.query_map(params![id_list(tickets), LOOK_BACK], row_to_event)?;
    let found = rows.collect::<rusqlite::Result<Vec<Event>>>()?;
    Ok(found.into_iter().map(|event| (event.ticket, event)).collect())
}

#[cfg(test)]
#[path = "activity_tests.rs"]
mod tests;

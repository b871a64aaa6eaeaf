//! What moves each ticket next: computed from rows for a page of tickets at a time.

use crate::base::error::Result;
use crate::domain::ids::{RunId, TicketId};
use crate::domain::ports::Rules;
use crate::domain::run::{Run, RunState};
use crate::domain::ticket::next_action::{NextAction, NextKind};
use crate::domain::ticket::{Status, Ticket};
use crate::domain::time::Time;
use crate::store::run::pauses;
use crate::store::run::pauses::Pause;
use crate::store::run::runs;
use crate::store::ticket::tickets;
use rusqlite::Connection;
use std::collections::BTreeMap;

/// What the moves of a page of tickets follow from, each read once for all of them.
struct Rows {
    paused: BTreeMap<String, Pause>,
    /// Live runs by their tickets.
    live: BTreeMap<TicketId, Run>,
    /// The last runs of blocked tickets.
    ended: BTreeMap<RunId, Run>,
    blockers: BTreeMap<TicketId, Vec<(TicketId, Status)>>,
}

impl Rows {
    fn read(conn: &Connection, list: &[Ticket], now: Time) -> Result<Rows> {
        let of = |status: Status| list.iter().filter(move |t| t.status == status);
        let live = match of(Status::InProgress).next() {
            Some(_) => runs::live(conn)?.into_iter().map(|run| (run.ticket, run)).collect(),
            None => BTreeMap::new(),
        };
        let ended: Vec<RunId> = of(Status::Blocked).filter_map(|t| t.run).collect();
        let queued: Vec<TicketId> = of(Status::Todo).filter(|t| !t.needs_approval).map(|t| t.id).collect();
        Ok(Rows {
            paused: pauses::in_force(conn, now)?,
            live,
            ended: runs::get_many(conn, &ended)?,
            blockers: tickets::blockers_of(conn, &queued)?,
        })
    }
}

/// The next move of each of these tickets.
///
/// # Errors
/// The database refused.
pub fn actions(conn: &Connection, list: &[Ticket], now: Time, rules: &dyn Rules) -> Result<BTreeMap<TicketId, NextAction>> {
    let rows = Rows::read(conn, list, now)?;
    Ok(list.iter().map(|ticket| (ticket.id, action(&rows, ticket, now, rules))).collect())
}

fn action(rows: &Rows, ticket: &Ticket, now: Time, rules: &dyn Rules) -> NextAction {
    let since = Some(ticket.status_since);
    match ticket.status {
        Status::Inbox => plain(NextKind::Triage, "Waits for you to start it", since),
        Status::Todo => queued(rows, ticket, now, rules),
        Status::InProgress => match rows.live.get(&ticket.id) {
            Some(run) => working(ticket, run, &rows.paused),
            // The checker calls this a breach; until it is repaired the page says the truth.
            None => plain(NextKind::Working, "Its run has ended; the next pickup sorts it out", since),
        },
        Status::NeedsInput => plain(NextKind::Answer, "Waits for your answer", since),
        Status::InReview => plain(NextKind::Review, "Waits for your review", since),
        Status::Blocked => {
            let failure = ticket.run.and_then(|run| rows.ended.get(&run)?.failure.as_ref());
            let why = failure.map_or("Waits for you: reply to let it go on", |f| f.code.advice());
            plain(NextKind::Unblock, why, since)
        }
        Status::Done | Status::Cancelled => plain(NextKind::Nothing, "Nothing more to do", since),
    }
}

fn queued(rows: &Rows, ticket: &Ticket, now: Time, rules: &dyn Rules) -> NextAction {
    if ticket.needs_approval {
        return plain(NextKind::Triage, "An agent made it: waits for you to start it", Some(ticket.status_since));
    }
    let blockers = rows.blockers.get(&ticket.id).map_or(&[][..], Vec::as_slice);
    let open: Vec<String> = blockers.iter().filter(|(_, s)| !s.is_closed()).map(|(id, _)| id.to_string()).collect();
    if !open.is_empty() {
        return plain(NextKind::WaitsFor, format!("After {}", open.join(", ")), Some(ticket.status_since));
    }
    if !rules.is_active(&ticket.role) {
        let text = format!("{} takes no tickets here: give it to another role", ticket.role.label());
        return plain(NextKind::Unblock, text, Some(ticket.status_since));
    }
    if let Some(pause) = rows.paused.get(&rules.profile_for(ticket)) {
        return pause_words(pause);
    }
    match ticket.not_before {
        Some(at) if at > now => plain(NextKind::Later, "Tries again", Some(at)),
        Some(_) | None => plain(NextKind::Queued, "Starts when a slot is free", Some(ticket.status_since)),
    }
}

fn working(ticket: &Ticket, run: &Run, paused: &BTreeMap<String, Pause>) -> NextAction {
    let who = ticket.role.label();
    if run.stop_wanted {
        return plain(NextKind::Stopping, "Is being stopped", Some(run.created_at));
    }
    match run.state {
        RunState::Starting if run.launched_at.is_none() => match paused.get(&run.profile) {
            Some(pause) => pause_words(pause),
            // Only a launch that failed leaves words with a run that waits.
            None => match &run.note {
                Some(why) => plain(NextKind::Queued, why.clone(), Some(run.created_at)),
                None => plain(NextKind::Queued, "Starts as soon as a slot is free", Some(run.created_at)),
            },
        },
        RunState::Starting => plain(NextKind::Working, format!("{who} is starting"), run.launched_at),
        RunState::Running | RunState::Finished | RunState::Failed | RunState::Stopped | RunState::Lost => {
            plain(NextKind::Working, format!("{who} works"), run.last_output_at.or(run.started_at))
        }
    }
}

fn pause_words(pause: &Pause) -> NextAction {
    match pause.until {
        Some(at) => plain(NextKind::Later, format!("{}: goes on by itself", pause.reason), Some(at)),
        None => plain(NextKind::Unblock, format!("{}: waits for you", pause.reason), Some(pause.since)),
    }
}

fn plain(kind: NextKind, text: impl Into<String>, at: Option<Time>) -> NextAction {
    NextAction { kind, text: text.into(), at }
}

//! What moves each ticket next: computed from rows for a page of tickets at a time.

use crate::base::error::Result;
use crate::domain::ids::TicketId;
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

/// The next move of each of these tickets.
///
/// # Errors
/// The database refused.
pub fn actions(conn: &Connection, list: &[Ticket], now: Time, rules: &dyn Rules) -> Result<BTreeMap<TicketId, NextAction>> {
    let paused = pauses::in_force(conn, now)?;
    let mut found = BTreeMap::new();
    for ticket in list {
        found.insert(ticket.id, action(conn, ticket, now, &paused, rules)?);
    }
    Ok(found)
}

fn action(
    conn: &Connection,
    ticket: &Ticket,
    now: Time,
    paused: &BTreeMap<String, Pause>,
    rules: &dyn Rules,
) -> Result<NextAction> {
    let since = Some(ticket.status_since);
    Ok(match ticket.status {
        Status::Inbox => plain(NextKind::Triage, "Waits for you to start it", since),
        Status::Todo => queued(conn, ticket, now, paused, rules)?,
        Status::InProgress => match runs::live_of(conn, ticket.id)? {
            Some(run) => working(ticket, &run, paused),
            // The checker calls this a breach; until it is repaired the page says the truth.
            None => plain(NextKind::Working, "Its run has ended; the next pickup sorts it out", since),
        },
        Status::NeedsInput => plain(NextKind::Answer, "Waits for your answer", since),
        Status::InReview => plain(NextKind::Review, "Waits for your review", since),
        Status::Blocked => {
            let why = match ticket.run {
                Some(run) => runs::get(conn, run)?.failure.map(|f| f.code.advice()),
                None => None,
            };
            plain(NextKind::Unblock, why.unwrap_or("Waits for you: reply to let it go on"), since)
        }
        Status::Done | Status::Cancelled => plain(NextKind::Nothing, "Nothing more to do", since),
    })
}

fn queued(
    conn: &Connection,
    ticket: &Ticket,
    now: Time,
    paused: &BTreeMap<String, Pause>,
    rules: &dyn Rules,
) -> Result<NextAction> {
    if ticket.needs_approval {
        return Ok(plain(NextKind::Triage, "An agent made it: waits for you to start it", Some(ticket.status_since)));
    }
    let open: Vec<String> =
        tickets::blockers(conn, ticket.id)?.into_iter().filter(|(_, s)| !s.is_closed()).map(|(id, _)| id.to_string()).collect();
    if !open.is_empty() {
        return Ok(plain(NextKind::WaitsFor, format!("After {}", open.join(", ")), Some(ticket.status_since)));
    }
    if !rules.is_active(&ticket.role) {
        let text = format!("{} takes no tickets here: give it to another role", ticket.role.label());
        return Ok(plain(NextKind::Unblock, text, Some(ticket.status_since)));
    }
    if let Some(pause) = paused.get(&rules.profile_for(ticket)) {
        return Ok(pause_words(pause));
    }
    Ok(match ticket.not_before {
        Some(at) if at > now => plain(NextKind::Later, "Tries again", Some(at)),
        Some(_) | None => plain(NextKind::Queued, "Starts when a slot is free", Some(ticket.status_since)),
    })
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

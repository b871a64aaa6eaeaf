//! What people do with a ticket: move it, reply, comment, stop its run. Each is one transaction that writes the new status,
//! its history, what follows for runs and messages, and rings.

use crate::base::error::{Error, Result};
use crate::domain::actor::Actor;
use crate::domain::ids::TicketId;
use crate::domain::ports::Rules;
use crate::domain::run::Run;
use crate::domain::ticket::comment::{Comment, CommentKind, Source};
use crate::domain::ticket::{Status, Ticket};
use crate::store::Tx;
use crate::store::run::runs;
use crate::store::ticket::changes::NewChange;
use crate::store::ticket::comments::NewComment;
use crate::store::ticket::start::start;
use crate::store::ticket::status::{push, set_status, want_stop};
use crate::store::ticket::tickets::NewTicket;
use crate::store::ticket::{changes, comments, messages, tickets};

/// Makes a ticket and its run in one go: "do it now".
///
/// # Errors
/// As [`tickets::create`].
pub fn create_started(tx: &Tx<'_>, new: &NewTicket, actor: &Actor, rules: &dyn Rules) -> Result<Ticket> {
    let ticket = tickets::create(tx, &NewTicket { status: Status::Todo, ..new.clone() }, actor)?;
    start(tx, &ticket, actor.name(), rules)?;
    tickets::get(tx.conn, ticket.id)
}

/// Moves a ticket as a person (or a script for one) asks. A move to `in_progress` starts a run; a move away from it
/// asks for the live run's stop and happens when its processes are gone.
///
/// # Errors
/// The move is not allowed from where the ticket stands, or `expected` names an older version.
pub fn move_to(tx: &Tx<'_>, id: TicketId, to: Status, actor: &Actor, expected: Option<i64>, rules: &dyn Rules) -> Result<Ticket> {
    let ticket = tickets::get(tx.conn, id)?;
    tickets::check_version(&ticket, expected)?;
    if ticket.status == to {
        return Ok(ticket);
    }
    if !ticket.status.may_move_to(to) {
        let known = ticket.status.moves().iter().map(|s| s.as_str()).collect::<Vec<_>>().join(", ");
        return Err(Error::field("status", format!("cannot go from {} to {to}; from here: {known}", ticket.status)));
    }
    if to == Status::InProgress {
        push(tx, &ticket, rules)?;
        start(tx, &ticket, actor.name(), rules)?;
    } else if let Some(run) = runs::live_of(tx.conn, id)? {
        want_stop(tx, &run, Some(to), actor.name())?;
    } else {
        push(tx, &ticket, rules)?;
        set_status(tx, &ticket, to, None, actor.name(), "")?;
    }
    tickets::get(tx.conn, id)
}

/// A person's words on a ticket: a comment, and the reply that moves it on. Waiting tickets go on at once; a live run
/// gets the words when it ends.
///
/// # Errors
/// The ticket does not exist.
pub fn reply(tx: &Tx<'_>, id: TicketId, body: &str, actor: &Actor, rules: &dyn Rules) -> Result<Comment> {
    let ticket = tickets::get(tx.conn, id)?;
    let comment = say(tx, id, body, actor)?;
    let live = runs::live_of(tx.conn, id)?;
    if live.is_none() && !ticket.status.needs_person() {
        return Ok(comment);
    }
    messages::queue(tx, id, comment.id)?;
    if live.is_none() {
        push(tx, &ticket, rules)?;
        start(tx, &ticket, actor.name(), rules)?;
    }
    Ok(comment)
}

/// Words that are only a comment.
///
/// # Errors
/// The ticket does not exist.
pub fn say(tx: &Tx<'_>, id: TicketId, body: &str, actor: &Actor) -> Result<Comment> {
    tickets::exists(tx.conn, id)?;
    let (source, run) = match actor {
        Actor::Person { by_token: false, .. } => (Source::Human, None),
        Actor::Person { by_token: true, .. } => (Source::Api, None),
        Actor::Telegram { .. } => (Source::Telegram, None),
        Actor::Agent { run, .. } => (Source::Agent, *run),
        Actor::System => (Source::System, None),
    };
    let comment = comments::add(
        tx,
        &NewComment {
            ticket: id,
            run,
            author: actor.name().to_owned(),
            source,
            kind: CommentKind::Comment,
            body: body.to_owned(),
        },
    )?;
    changes::record(tx, &NewChange { ticket: id, kind: "comment", moved: None, run, actor: actor.name(), note: "" })?;
    Ok(comment)
}

/// Closes a ticket that nobody has begun with, because what it was made for is over.
///
/// # Errors
/// The database refused.
pub fn settle(tx: &Tx<'_>, ticket: &Ticket, actor: &Actor, why: &str) -> Result<()> {
    set_status(tx, ticket, Status::Done, None, actor.name(), why)
}

/// Asks for the stop of a ticket's live run. The ticket goes to `to` (none: blocked) when its processes are gone.
///
/// # Errors
/// Nothing runs.
pub fn stop(tx: &Tx<'_>, id: TicketId, to: Option<Status>, actor: &Actor) -> Result<Run> {
    tickets::exists(tx.conn, id)?;
    let run = runs::live_of(tx.conn, id)?.ok_or_else(|| Error::Conflict(format!("nothing runs for {id}")))?;
    want_stop(tx, &run, to, actor.name())?;
    runs::get(tx.conn, run.id)
}

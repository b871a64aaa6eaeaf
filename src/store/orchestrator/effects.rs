//! What each kind of action does to the tickets, and how it is taken back.

use crate::base::error::{Error, Result};
use crate::domain::actor::Actor;
use crate::domain::ids::TicketId;
use crate::domain::orchestrator::action::{Action, CreateTicket, TicketRef};
use crate::domain::orchestrator::outcome::{Outcome, way};
use crate::domain::ports::{Names, Rules};
use crate::domain::ticket::{Status, Ticket, Title};
use crate::store::Tx;
use crate::store::ticket::tickets::{NewTicket, Patch};
use crate::store::ticket::{comments, lifecycle, start, tickets};
use rusqlite::{OptionalExtension, params};
use std::collections::BTreeMap;

/// The name under which the orchestrator acts.
pub const LUCI: &str = "Luci";

/// By whose leave something is done.
#[derive(Clone, Copy)]
pub enum By<'a> {
    /// A person said so.
    Person(&'a Actor),
    /// That kind may happen without asking; `start` where starting may, too.
    Granted {
        /// Starting is granted as well.
        start: bool,
    },
}

impl By<'_> {
    /// Who is named for it.
    pub fn name(&self) -> &str {
        match self {
            By::Person(actor) => actor.name(),
            By::Granted { .. } => LUCI,
        }
    }

    fn may_start(&self) -> bool {
        match self {
            By::Person(_) => true,
            By::Granted { start } => *start,
        }
    }

    fn actor(&self) -> Actor {
        match self {
            By::Person(actor) => (*actor).clone(),
            By::Granted { .. } => luci(),
        }
    }
}

/// What has become of the tickets that the same answer suggests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// It is there.
    Ticket(TicketId),
    /// It is only suggested so far.
    NotYet,
    /// It will not be.
    Never,
}

/// Those tickets, by their refs.
pub type Refs = BTreeMap<String, Made>;

fn luci() -> Actor {
    Actor::Person { name: LUCI.to_owned(), by_token: true }
}

/// Does an action.
///
/// # Errors
/// It cannot be done as things are. Then part of it may be written: the caller rolls back.
pub fn perform(tx: &Tx<'_>, action: &Action, refs: &Refs, by: By<'_>, cx: &ActionsCx<'_>) -> Result<Outcome> {
    match action {
        Action::CreateTicket(new) => create(tx, new, refs, by, cx),
        Action::Comment { ticket, body } => {
            let id = resolve(ticket, refs)?;
            let comment = lifecycle::say(tx, id, body, &hers(id))?;
            Ok(Outcome { ticket: Some(id.to_string()), comment: Some(comment.id.0), ..Outcome::default() })
        }
        Action::Move { ticket, status } => {
            let old = tickets::get(tx.conn, resolve(ticket, refs)?)?;
            let new = lifecycle::move_to(tx, old.id, *status, &by.actor(), None, cx.rules)?;
            Ok(moved(&old, *status, new.status == Status::InProgress && old.status != Status::InProgress))
        }
        Action::Assign { ticket, role } => {
            let old = tickets::get(tx.conn, resolve(ticket, refs)?)?;
            let role = cx.names.role(role)?;
            if role != old.role {
                let patch = Patch { role: Some(role.clone()), ..Patch::default() };
                tickets::patch(tx, old.id, &patch, &by.actor(), None)?;
            }
            Ok(Outcome {
                ticket: Some(old.id.to_string()),
                from: Some(old.role.as_str().to_owned()),
                to: Some(role.as_str().to_owned()),
                ..Outcome::default()
            })
        }
        Action::Start { ticket } => start(tx, resolve(ticket, refs)?, by, cx),
        Action::AnswerQuestion { ticket, answer } => {
            let old = tickets::get(tx.conn, resolve(ticket, refs)?)?;
            if old.status != Status::NeedsInput {
                return Err(Error::Conflict(format!("{} waits for no answer: it is {}", old.id, old.status)));
            }
            let comment = lifecycle::reply(tx, old.id, answer, &hers(old.id), cx.rules)?;
            let done = moved(&old, Status::InProgress, true);
            Ok(Outcome { comment: Some(comment.id.0), ..done })
        }
        Action::Notify { .. } | Action::Ignore { .. } | Action::AskOwner { .. } => Ok(Outcome::default()),
    }
}

fn moved(old: &Ticket, to: Status, started: bool) -> Outcome {
    Outcome {
        ticket: Some(old.id.to_string()),
        from: Some(old.status.as_str().to_owned()),
        to: Some(to.as_str().to_owned()),
        started,
        ..Outcome::default()
    }
}

/// Words of hers on a ticket: an agent's, whoever let them pass.
fn hers(ticket: TicketId) -> Actor {
    Actor::Agent { name: LUCI.to_owned(), ticket, run: None }
}

fn create(tx: &Tx<'_>, wanted: &CreateTicket, refs: &Refs, by: By<'_>, cx: &ActionsCx<'_>) -> Result<Outcome> {
    let mut left_out = Vec::new();
    let mut link = |name: &TicketRef| match name {
        TicketRef::Made(text) if refs.get(text) == Some(&Made::Never) => {
            left_out.push(text.clone());
            None
        }
        TicketRef::Known(_) | TicketRef::Made(_) => Some(resolve(name, refs)),
    };
    let mut new = NewTicket::titled(wanted.title.parse::<Title>().map_err(|e| Error::field("title", e.to_string()))?);
    new.parent = wanted.parent.as_ref().and_then(&mut link).transpose()?;
    new.blocked_by = wanted.blocked_by.iter().filter_map(&mut link).collect::<Result<_>>()?;
    new.description = wanted.description.clone().unwrap_or_default();
    new.priority = wanted.priority.unwrap_or_default();
    new.work_class = wanted.work_class.unwrap_or_default();
    new.role = wanted.role.as_deref().map(|r| cx.names.role(r)).transpose()?.unwrap_or_default();
    new.project = wanted.project.as_deref().map(|p| cx.names.project(p)).transpose()?.unwrap_or_default();
    new.status = if wanted.start { Status::Todo } else { Status::Inbox };
    let mut ticket = tickets::create(tx, &new, &luci())?;
    if !by.may_start() {
        // As any ticket of an agent: a person looks at it before a run without supervision.
        tx.conn.prepare_cached("update tickets set needs_approval = 1 where id = ?1")?.execute([ticket.id.0])?;
    } else if wanted.start && !waits(tx, ticket.id)? {
        start::start(tx, &ticket, LUCI, cx.rules)?;
    }
    ticket = tickets::get(tx.conn, ticket.id)?;
    Ok(Outcome {
        ticket: Some(ticket.id.to_string()),
        started: ticket.run.is_some(),
        version: Some(ticket.version),
        left_out,
        ..Outcome::default()
    })
}

/// Starts a ticket; one that waits for others is only asked for, and starts when they are done.
fn start(tx: &Tx<'_>, id: TicketId, by: By<'_>, cx: &ActionsCx<'_>) -> Result<Outcome> {
    let old = tickets::get(tx.conn, id)?;
    if old.status == Status::InProgress {
        return Err(Error::Conflict(format!("{id} is being worked on already")));
    }
    let to = if waits(tx, id)? { Status::Todo } else { Status::InProgress };
    let new = lifecycle::move_to(tx, id, to, &by.actor(), None, cx.rules)?;
    Ok(moved(&old, to, new.status == Status::InProgress))
}

fn waits(tx: &Tx<'_>, id: TicketId) -> Result<bool> {
    Ok(tickets::blockers(tx.conn, id)?.iter().any(|(_, status)| !status.is_closed()))
}

fn resolve(name: &TicketRef, refs: &Refs) -> Result<TicketId> {
    match name {
        TicketRef::Known(id) => Ok(*id),
        TicketRef::Made(text) => match refs.get(text) {
            Some(Made::Ticket(id)) => Ok(*id),
            Some(Made::NotYet) => Err(Error::Conflict(format!("the ticket {text:?} is not made yet"))),
            Some(Made::Never) | None => Err(Error::Conflict(format!("the ticket {text:?} was not made"))),
        },
    }
}

/// Takes back what [`perform`] did.
///
/// # Errors
/// Somebody went on from there.
pub fn take_back(tx: &Tx<'_>, action: &Action, done: &Outcome, actor: &Actor, cx: &ActionsCx<'_>) -> Result<()> {
    let id = done.ticket().ok_or_else(|| Error::Conflict("there is nothing to take back".to_owned()))?;
    let ticket = tickets::get(tx.conn, id)?;
    match action {
        Action::CreateTicket(_) => {
            untouched(tx, &ticket, done)?;
            lifecycle::move_to(tx, id, Status::Cancelled, actor, None, cx.rules).map(|_| ())
        }
        Action::Move { .. } => {
            let word = |text: &Option<String>| text.as_deref().and_then(|t| t.parse::<Status>().ok());
            if word(&done.to) != Some(ticket.status) {
                return Err(Error::Conflict(format!("{id} was moved on since: it is {}", ticket.status)));
            }
            let back = word(&done.from).ok_or_else(|| Error::Internal("an outcome without a status".to_owned()))?;
            let steps = way(ticket.status, back);
            if steps.is_empty() {
                return Err(Error::Conflict(format!("nothing goes from {} back to {back}", ticket.status)));
            }
            for step in steps {
                lifecycle::move_to(tx, id, step, actor, None, cx.rules)?;
            }
            Ok(())
        }
        Action::Assign { .. } => {
            if done.to.as_deref() != Some(ticket.role.as_str()) {
                return Err(Error::Conflict(format!("{id} was given to {} since", ticket.role.as_str())));
            }
            let role = cx.names.role(done.from.as_deref().unwrap_or_default())?;
            tickets::patch(tx, id, &Patch { role: Some(role), ..Patch::default() }, actor, None).map(|_| ())
        }
        Action::Comment { .. }
        | Action::Start { .. }
        | Action::AnswerQuestion { .. }
        | Action::Notify { .. }
        | Action::Ignore { .. }
        | Action::AskOwner { .. } => Err(Error::Conflict("this cannot be taken back".to_owned())),
    }
}

/// A ticket that nobody has worked with, and on which nothing hangs.
fn untouched(tx: &Tx<'_>, ticket: &Ticket, done: &Outcome) -> Result<()> {
    let id = ticket.id;
    if ticket.run.is_some() {
        return Err(Error::Conflict(format!("{id} has been started: stop or cancel it there")));
    }
    if Some(ticket.version) != done.version || comments::count(tx.conn, id)? > 0 {
        return Err(Error::Conflict(format!("somebody has worked with {id} since: cancel it there")));
    }
    let hangs: Option<i64> = tx
        .conn
        .prepare_cached(
            "select t.id from tickets t where t.status not in ('done', 'cancelled')
               and (t.parent_id = ?1 or exists (select 1 from ticket_links l where l.blocked_id = t.id and l.blocker_id = ?1)) limit 1",
        )?
        .query_row(params![id.0], |r| r.get(0))
        .optional()?;
    match hangs {
        Some(other) => Err(Error::Conflict(format!("{} hangs on {id}: look at that first", TicketId(other)))),
        None => Ok(()),
    }
}

/// What the configuration says, as far as actions need it.
pub struct ActionsCx<'a> {
    /// Decisions about tickets.
    pub rules: &'a dyn Rules,
    /// Known names.
    pub names: &'a dyn Names,
}

impl<'a> ActionsCx<'a> {
    /// From the configuration.
    pub fn of<T: Rules + Names>(config: &'a T) -> ActionsCx<'a> {
        ActionsCx { rules: config, names: config }
    }
}

pub(crate) fn unknown_names(actions: &[Action], cx: &ActionsCx<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    for action in actions {
        let (role, project) = match action {
            Action::CreateTicket(new) => (new.role.as_deref(), new.project.as_deref()),
            Action::Assign { role, .. } => (Some(role.as_str()), None),
            Action::Comment { .. }
            | Action::Move { .. }
            | Action::Start { .. }
            | Action::AnswerQuestion { .. }
            | Action::Notify { .. }
            | Action::Ignore { .. }
            | Action::AskOwner { .. } => (None, None),
        };
        let role = role.and_then(|name| cx.names.role(name).err());
        let project = project.and_then(|name| cx.names.project(name).err());
        wrong.extend(role.into_iter().chain(project).map(|e| format!("{}: {e}.", action.headline())));
    }
    wrong
}

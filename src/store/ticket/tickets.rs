//! Tickets: their rows and fields. Moves that have consequences are in `lifecycle`, lists in `lists`.

use crate::base::doorbell::Topic;
use crate::base::error::{Error, Result};
use crate::domain::actor::Actor;
use crate::domain::ids::TicketId;
use crate::domain::ticket::draft::Draft;
use crate::domain::ticket::{Priority, Role, Status, Ticket, Title, WorkClass};
use crate::store::Tx;
use crate::store::ticket::changes;
use crate::store::ticket::changes::NewChange;
use crate::store::ticket::columns::{COLUMNS, parsed, row_to_ticket};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeMap;

/// A ticket to be made.
#[derive(Debug, Clone)]
pub struct NewTicket {
    /// One line.
    pub title: Title,
    /// Markdown.
    pub description: String,
    /// `inbox` or `todo`; `in_progress` is made by `lifecycle::start`.
    pub status: Status,
    /// How urgent.
    pub priority: Priority,
    /// Who it is for.
    pub role: Role,
    /// Project name or empty.
    pub project: String,
    /// Profile name.
    pub profile: Option<String>,
    /// What kind of work.
    pub work_class: WorkClass,
    /// The ticket it is a part of.
    pub parent: Option<TicketId>,
    /// Tickets that must be done first.
    pub blocked_by: Vec<TicketId>,
}

impl NewTicket {
    /// A ticket with every default.
    #[must_use]
    pub fn titled(title: Title) -> NewTicket {
        NewTicket {
            title,
            description: String::new(),
            status: Status::Inbox,
            priority: Priority::default(),
            role: Role::default(),
            project: String::new(),
            profile: None,
            work_class: WorkClass::default(),
            parent: None,
            blocked_by: Vec::new(),
        }
    }

    /// What a message makes, with every default for what it does not say.
    #[must_use]
    pub fn drafted(draft: Draft) -> NewTicket {
        NewTicket {
            description: draft.description,
            role: draft.role.unwrap_or_default(),
            project: draft.project.unwrap_or_default(),
            priority: draft.priority.unwrap_or_default(),
            ..NewTicket::titled(draft.title)
        }
    }
}

/// Makes a ticket.
///
/// # Errors
/// Its parent or a blocker does not exist.
pub fn create(tx: &Tx<'_>, new: &NewTicket, actor: &Actor) -> Result<Ticket> {
    if let Some(parent) = new.parent {
        exists(tx.conn, parent).map_err(|_| Error::field("parent", format!("{parent} does not exist")))?;
    }
    let approval = matches!(actor, Actor::Agent { .. });
    tx.conn
        .prepare_cached(
            "insert into tickets (title, description, status, status_since, priority, rank, role, project, profile,
               work_class, parent_id, needs_approval, created_by, created_at, updated_at)
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?4, ?4)",
        )?
        .execute(params![
            new.title.as_str(),
            new.description,
            new.status.as_str(),
            tx.now.0,
            new.priority.as_str(),
            new.priority.rank(),
            new.role.as_str(),
            new.project,
            new.profile,
            new.work_class.as_str(),
            new.parent.map(|p| p.0),
            approval,
            actor.made_by(),
        ])?;
    let id = TicketId(tx.conn.last_insert_rowid());
    link_blockers(tx, id, &new.blocked_by)?;
    changes::record(
        tx,
        &NewChange { ticket: id, kind: "created", moved: None, run: None, actor: actor.name(), note: new.status.as_str() },
    )?;
    if new.status == Status::Todo {
        tx.ring(Topic::Pickup);
    }
    get(tx.conn, id)
}

/// Replaces the set of tickets that must be done first.
///
/// # Errors
/// One does not exist, or would wait for itself in the end.
pub fn link_blockers(tx: &Tx<'_>, id: TicketId, blockers: &[TicketId]) -> Result<()> {
    tx.conn.prepare_cached("delete from ticket_links where blocked_id = ?1")?.execute([id.0])?;
    for blocker in blockers {
        exists(tx.conn, *blocker).map_err(|_| Error::field("blocked_by", format!("{blocker} does not exist")))?;
        let circle: bool = tx
            .conn
            .prepare_cached(
                "with recursive before (id) as (
                   select ?1 union select l.blocker_id from ticket_links l join before b on l.blocked_id = b.id)
                 select exists (select 1 from before where id = ?2)",
            )?
            .query_row(params![blocker.0, id.0], |r| r.get(0))?;
        if circle {
            return Err(Error::field("blocked_by", format!("{blocker} already waits for {id}")));
        }
        tx.conn
            .prepare_cached("insert or ignore into ticket_links (blocked_id, blocker_id) values (?1, ?2)")?
            .execute(params![id.0, blocker.0])?;
    }
    Ok(())
}

/// One ticket.
///
/// # Errors
/// It does not exist.
pub fn get(conn: &Connection, id: TicketId) -> Result<Ticket> {
    let sql = format!("select {COLUMNS} from tickets t where t.id = ?1");
    conn.prepare_cached(&sql)?.query_row([id.0], row_to_ticket).optional()?.ok_or_else(|| Error::not_found(id))
}

/// Several tickets by number, in the order asked for; missing ones are left out.
///
/// # Errors
/// The database refused.
pub fn get_many(conn: &Connection, ids: &[TicketId]) -> Result<Vec<Ticket>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!("select {COLUMNS} from tickets t where t.id in (select value from json_each(?1))");
    let mut stmt = conn.prepare_cached(&sql)?;
    let rows = stmt.query_map([id_list(ids)], row_to_ticket)?;
    let found: BTreeMap<TicketId, Ticket> = rows.map(|t| t.map(|t| (t.id, t))).collect::<rusqlite::Result<_>>()?;
    Ok(ids.iter().filter_map(|id| found.get(id).cloned()).collect())
}

/// Numbers as a list that a statement takes apart (`json_each`): one statement for any number of them.
pub(crate) fn id_list(ids: &[TicketId]) -> String {
    crate::store::id_list(ids.iter().map(|id| id.0))
}

/// The tickets that must be done before each of these.
///
/// # Errors
/// The database refused.
pub fn blockers_of(conn: &Connection, ids: &[TicketId]) -> Result<BTreeMap<TicketId, Vec<(TicketId, Status)>>> {
    let mut found: BTreeMap<TicketId, Vec<(TicketId, Status)>> = BTreeMap::new();
    if ids.is_empty() {
        return Ok(found);
    }
    let mut stmt = conn.prepare_cached(
        "select l.blocked_id, l.blocker_id, t.status from ticket_links l join tickets t on t.id = l.blocker_id
         where l.blocked_id in (select value from json_each(?1)) order by l.blocked_id, l.blocker_id",
    )?;
    let rows = stmt.query_map([id_list(ids)], |r| Ok((TicketId(r.get(0)?), TicketId(r.get(1)?), parsed(r, 2)?)))?;
    for row in rows {
        let (blocked, blocker, status) = row?;
        found.entry(blocked).or_default().push((blocker, status));
    }
    Ok(found)
}

/// Whether it exists.
///
/// # Errors
/// It does not.
pub fn exists(conn: &Connection, id: TicketId) -> Result<()> {
    let there: bool =
        conn.prepare_cached("select exists (select 1 from tickets where id = ?1)")?.query_row([id.0], |r| r.get(0))?;
    if there { Ok(()) } else { Err(Error::not_found(id)) }
}

/// The tickets that must be done before this one.
///
/// # Errors
/// The database refused.
pub fn blockers(conn: &Connection, id: TicketId) -> Result<Vec<(TicketId, Status)>> {
    let mut stmt = conn.prepare_cached(
        "select l.blocker_id, t.status from ticket_links l join tickets t on t.id = l.blocker_id
         where l.blocked_id = ?1 order by l.blocker_id",
    )?;
    let rows = stmt.query_map([id.0], |r| Ok((TicketId(r.get(0)?), parsed(r, 1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Changes to a ticket's fields; `None` leaves one as it is.
#[derive(Debug, Clone, Default)]
pub struct Patch {
    /// New title.
    pub title: Option<Title>,
    /// New description.
    pub description: Option<String>,
    /// New priority.
    pub priority: Option<Priority>,
    /// New role.
    pub role: Option<Role>,
    /// New project.
    pub project: Option<String>,
    /// New profile; `Some(None)` = back to the default.
    pub profile: Option<Option<String>>,
    /// New work class.
    pub work_class: Option<WorkClass>,
    /// New parent; `Some(None)` = none.
    pub parent: Option<Option<TicketId>>,
    /// New set of blockers.
    pub blocked_by: Option<Vec<TicketId>>,
}

impl Patch {
    /// Nothing to change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.title.is_none()
            && self.description.is_none()
            && self.priority.is_none()
            && self.role.is_none()
            && self.project.is_none()
            && self.profile.is_none()
            && self.work_class.is_none()
            && self.parent.is_none()
            && self.blocked_by.is_none()
    }
}

/// Changes fields.
///
/// # Errors
/// The ticket does not exist, `expected` names an older version, or a link is impossible.
pub fn patch(tx: &Tx<'_>, id: TicketId, patch: &Patch, actor: &Actor, expected: Option<i64>) -> Result<Ticket> {
    let old = get(tx.conn, id)?;
    check_version(&old, expected)?;
    if patch.is_empty() {
        return Ok(old);
    }
    if let Some(Some(parent)) = patch.parent {
        check_parent(tx.conn, id, parent)?;
    }
    let priority = patch.priority.unwrap_or(old.priority);
    tx.conn
        .prepare_cached(
            "update tickets set title = ?2, description = ?3, priority = ?4, rank = ?5, role = ?6, project = ?7, profile = ?8,
               work_class = ?9, parent_id = ?10, updated_at = ?11, version = version + 1 where id = ?1",
        )?
        .execute(params![
            id.0,
            patch.title.as_ref().unwrap_or(&old.title).as_str(),
            patch.description.as_ref().unwrap_or(&old.description),
            priority.as_str(),
            priority.rank(),
            patch.role.as_ref().unwrap_or(&old.role).as_str(),
            patch.project.as_ref().unwrap_or(&old.project),
            patch.profile.as_ref().unwrap_or(&old.profile),
            patch.work_class.unwrap_or(old.work_class).as_str(),
            patch.parent.unwrap_or(old.parent).map(|p| p.0),
            tx.now.0,
        ])?;
    if let Some(blockers) = &patch.blocked_by {
        link_blockers(tx, id, blockers)?;
    }
    changes::record(tx, &NewChange { ticket: id, kind: "fields", moved: None, run: None, actor: actor.name(), note: "" })?;
    tx.ring(Topic::Pickup);
    get(tx.conn, id)
}

/// Refuses a change made from an older view of the ticket.
///
/// # Errors
/// `expected` is not the ticket's version.
pub fn check_version(ticket: &Ticket, expected: Option<i64>) -> Result<()> {
    match expected {
        Some(version) if version != ticket.version => {
            Err(Error::Conflict(format!("{} was changed meanwhile: look at it again", ticket.id)))
        }
        Some(_) | None => Ok(()),
    }
}

fn check_parent(conn: &Connection, id: TicketId, parent: TicketId) -> Result<()> {
    exists(conn, parent).map_err(|_| Error::field("parent", format!("{parent} does not exist")))?;
    let circle: bool = conn
        .prepare_cached(
            "with recursive up (id) as (
               select ?1 union select t.parent_id from tickets t join up on t.id = up.id where t.parent_id is not null)
             select exists (select 1 from up where id = ?2)",
        )?
        .query_row(params![parent.0, id.0], |r| r.get(0))?;
    if circle { Err(Error::field("parent", format!("{parent} is a part of {id}"))) } else { Ok(()) }
}

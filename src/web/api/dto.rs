//! The contract's objects, each a struct of its own: the domain may change without them.

use crate::base::error::{Error, Result};
use crate::config::Config;
use crate::domain::orchestrator::outcome::{Outcome, can_undo};
use crate::domain::orchestrator::proposal::Proposal;
use crate::domain::orchestrator::proposal_block;
use crate::domain::orchestrator::turn::Turn;
use crate::domain::run::event::Event;
use crate::domain::run::{Failure, Run, Tokens};
use crate::domain::ticket::Ticket;
use crate::domain::ticket::comment::Comment;
use crate::domain::ticket::evidence::Evidence;
use crate::domain::ticket::next_action::NextAction;
use crate::domain::time::Time;
use crate::store::orchestrator::{proposals, sessions, turns};
use crate::store::run::runs;
use crate::store::ticket::{next_actions, tickets};
use rusqlite::Connection;
use serde::Serialize;
use serde_json::value::RawValue;

/// A page of a list.
#[derive(Serialize)]
pub struct Page<T, C = String> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where the next one begins; null on the last.
    pub next_cursor: Option<C>,
}

/// Cuts a list that was read with one row too many: where the next page begins, if there is one.
pub fn cut<T, C>(found: &mut Vec<T>, limit: usize, cursor: impl FnOnce(&T) -> C) -> Option<C> {
    let more = found.len() > limit;
    found.truncate(limit);
    found.last().filter(|_| more).map(cursor)
}

/// A ticket.
#[derive(Serialize)]
pub struct TicketBody {
    id: i64,
    identifier: String,
    title: String,
    description: String,
    status: &'static str,
    status_since: Time,
    priority: &'static str,
    role: String,
    project: String,
    profile: Option<String>,
    work_class: &'static str,
    parent: Option<String>,
    blocked_by: Vec<String>,
    next_action: NextBody,
    session_id: Option<String>,
    run: Option<RunBody>,
    needs_approval: bool,
    created_by: String,
    created_at: Time,
    updated_at: Time,
    version: i64,
}

/// What moves a ticket next.
#[derive(Serialize)]
pub struct NextBody {
    kind: &'static str,
    text: String,
    at: Option<Time>,
}

impl From<&NextAction> for NextBody {
    fn from(n: &NextAction) -> NextBody {
        NextBody { kind: n.kind.as_str(), text: n.text.clone(), at: n.at }
    }
}

/// A run.
#[derive(Serialize)]
pub struct RunBody {
    id: i64,
    ticket: String,
    attempt: i64,
    reason: &'static str,
    state: &'static str,
    stopping: bool,
    profile: String,
    host: String,
    session_id: Option<String>,
    pid: Option<i64>,
    cwd: Option<String>,
    worktree: Option<String>,
    branch: Option<String>,
    base_commit: Option<String>,
    created_at: Time,
    started_at: Option<Time>,
    last_output_at: Option<Time>,
    ended_at: Option<Time>,
    exit_code: Option<i64>,
    signal: Option<i64>,
    verdict: Option<&'static str>,
    failure: Option<Failure>,
    tokens: Tokens,
    cost_usd: f64,
    note: Option<String>,
}

impl From<&Run> for RunBody {
    fn from(r: &Run) -> RunBody {
        RunBody {
            id: r.id.0,
            ticket: r.ticket.to_string(),
            attempt: r.attempt,
            reason: r.reason.as_str(),
            state: r.state.as_str(),
            stopping: r.stop_wanted && r.state.is_live(),
            profile: r.profile.clone(),
            host: r.host.clone(),
            session_id: r.session_id.clone(),
            pid: r.pid,
            cwd: r.cwd.clone(),
            worktree: r.worktree.clone(),
            branch: r.branch.clone(),
            base_commit: r.base_commit.clone(),
            created_at: r.created_at,
            started_at: r.started_at,
            last_output_at: r.last_output_at,
            ended_at: r.ended_at,
            exit_code: r.exit_code,
            signal: r.signal,
            verdict: r.verdict.map(|v| v.as_str()),
            failure: r.failure.clone(),
            tokens: r.tokens,
            cost_usd: r.cost_usd,
            note: r.note.clone(),
        }
    }
}

/// An event.
#[derive(Serialize)]
pub struct EventBody {
    /// The cursor.
    pub id: i64,
    seq: i64,
    ticket: String,
    run: i64,
    attempt: i64,
    kind: &'static str,
    tool: Option<String>,
    context: Option<String>,
    input: Option<String>,
    content: String,
    truncated: bool,
    is_error: bool,
    created_at: Time,
}

impl From<&Event> for EventBody {
    fn from(e: &Event) -> EventBody {
        EventBody {
            id: e.id.0,
            seq: e.seq,
            ticket: e.ticket.to_string(),
            run: e.run.0,
            attempt: e.attempt,
            kind: e.what.kind.as_str(),
            tool: e.what.tool.clone(),
            context: e.what.context.clone(),
            input: e.what.input.clone(),
            content: e.what.content.clone(),
            truncated: e.what.truncated,
            is_error: e.what.is_error,
            created_at: e.created_at,
        }
    }
}

/// A comment.
#[derive(Serialize)]
pub struct CommentBody {
    id: i64,
    ticket: String,
    run: Option<i64>,
    author: String,
    source: &'static str,
    kind: &'static str,
    body: String,
    created_at: Time,
}

impl From<&Comment> for CommentBody {
    fn from(c: &Comment) -> CommentBody {
        CommentBody {
            id: c.id.0,
            ticket: c.ticket.to_string(),
            run: c.run.map(|r| r.0),
            author: c.author.clone(),
            source: c.source.as_str(),
            kind: c.kind.as_str(),
            body: c.body.clone(),
            created_at: c.created_at,
        }
    }
}

/// A piece of evidence.
#[derive(Serialize)]
pub struct EvidenceBody {
    id: i64,
    ticket: String,
    run: Option<i64>,
    kind: String,
    label: String,
    detail: String,
    created_at: Time,
}

impl From<&Evidence> for EvidenceBody {
    fn from(e: &Evidence) -> EvidenceBody {
        EvidenceBody {
            id: e.id,
            ticket: e.ticket.to_string(),
            run: e.run.map(|r| r.0),
            kind: e.kind.clone(),
            label: e.label.clone(),
            detail: e.detail.clone(),
            created_at: e.created_at,
        }
    }
}

/// A turn.
#[derive(Serialize)]
pub struct TurnBody {
    id: i64,
    state: &'static str,
    origin: &'static str,
    author: String,
    position: Option<i64>,
    message: String,
    response: Option<String>,
    text: Option<String>,
    error: Option<String>,
    activity: Option<String>,
    interrupting: bool,
    attempts: i64,
    session: Option<i64>,
    proposals: Vec<ProposalBody>,
    created_at: Time,
    sent_at: Option<Time>,
    accepted_at: Option<Time>,
    answered_at: Option<Time>,
}

/// A turn with what its answer suggests.
///
/// # Errors
/// The database refused.
pub fn turn_out(conn: &Connection, t: &Turn) -> Result<TurnBody> {
    let proposals = if t.state.is_open() { Vec::new() } else { proposals::of_turn(conn, t.id)? };
    Ok(TurnBody {
        id: t.id.0,
        state: t.state.as_str(),
        origin: t.origin.as_str(),
        author: t.author.clone(),
        position: t.position,
        message: t.message.clone(),
        response: t.response.clone(),
        text: t.response.as_deref().map(|r| proposal_block::words(r).to_owned()),
        error: t.error.clone(),
        activity: t.activity.clone(),
        interrupting: t.interrupt_wanted && t.state.in_flight(),
        attempts: t.attempts,
        session: t.session.map(|s| s.0),
        proposals: proposals.iter().map(ProposalBody::from).collect(),
        created_at: t.created_at,
        sent_at: t.sent_at,
        accepted_at: t.accepted_at,
        answered_at: t.answered_at,
    })
}

/// A proposal.
#[derive(Serialize)]
pub struct ProposalBody {
    id: i64,
    turn: i64,
    position: i64,
    kind: &'static str,
    state: &'static str,
    action: Option<Box<RawValue>>,
    result: Option<Outcome>,
    error: Option<String>,
    can_undo: bool,
    decided_by: Option<String>,
    decided_at: Option<Time>,
    created_at: Time,
}

impl From<&Proposal> for ProposalBody {
    fn from(p: &Proposal) -> ProposalBody {
        ProposalBody {
            id: p.id.0,
            turn: p.turn.0,
            position: p.position,
            kind: p.kind.as_str(),
            state: p.state.as_str(),
            action: RawValue::from_string(p.body.clone()).ok(),
            result: p.result.is_some().then(|| Outcome::of(p)),
            error: p.error.clone(),
            can_undo: can_undo(p),
            decided_by: p.decided_by.clone(),
            decided_at: p.decided_at,
            created_at: p.created_at,
        }
    }
}

/// How the orchestrator is.
#[derive(Serialize)]
pub struct StatusBody {
    state: &'static str,
    driver: Option<&'static str>,
    profile: String,
    session_id: Option<String>,
    context_tokens: i64,
    soft_tokens: i64,
    hard_tokens: i64,
    queue: i64,
    working_on: Option<i64>,
    note: Option<String>,
    started_at: Option<Time>,
    last_activity_at: Option<Time>,
    launches: i64,
    wanted: &'static str,
    wanted_profile: Option<String>,
    keyboard: bool,
}

impl StatusBody {
    /// Reads it.
    ///
    /// # Errors
    /// The database refused.
    pub fn read(conn: &Connection, config: &Config) -> Result<StatusBody> {
        let wanted = sessions::wanted(conn)?;
        let session = sessions::current(conn)?;
        let flying = turns::in_flight(conn)?;
        let s = session.as_ref();
        Ok(StatusBody {
            state: s.map_or("stopped", |s| s.state.as_str()),
            driver: s.map(|s| s.driver).or(config.orchestrator.driver).map(|d| d.as_str()),
            profile: s.map_or_else(|| config.orchestrator_profile(wanted.profile.as_deref()), |s| s.profile.clone()),
            session_id: s.map(|s| s.agent_session.clone()),
            context_tokens: s.map_or(0, |s| s.context_tokens),
            soft_tokens: config.orchestrator.soft_tokens,
            hard_tokens: config.orchestrator.hard_tokens,
            queue: turns::open_count(conn)? - i64::from(flying.is_some()),
            working_on: flying.map(|t| t.id.0),
            note: s.and_then(|s| s.note.clone()),
            started_at: s.and_then(|s| s.launched_at),
            last_activity_at: s.and_then(|s| s.last_activity_at),
            launches: s.map_or(0, |s| s.launches),
            wanted: match wanted.on {
                Some(true) => "on",
                Some(false) => "off",
                None => "by_need",
            },
            wanted_profile: wanted.profile,
            keyboard: wanted.keyboard,
        })
    }
}

/// Tickets with all that is shown beside them.
///
/// # Errors
/// The database refused.
pub fn tickets_out(conn: &Connection, list: &[Ticket], now: Time, config: &Config) -> Result<Vec<TicketBody>> {
    let moves = next_actions::actions(conn, list, now, config)?;
    let runs = runs::get_many(conn, &list.iter().filter_map(|t| t.run).collect::<Vec<_>>())?;
    let blockers = tickets::blockers_of(conn, &list.iter().map(|t| t.id).collect::<Vec<_>>())?;
    list.iter()
        .map(|t| {
            let run = match t.run {
                Some(id) => Some(runs.get(&id).ok_or_else(|| Error::Internal(format!("run {id} of {} is missing", t.id)))?),
                None => None,
            };
            let blockers = blockers.get(&t.id).map_or(&[][..], Vec::as_slice);
            Ok(TicketBody {
                id: t.id.0,
                identifier: t.id.to_string(),
                title: t.title.as_str().to_owned(),
                description: t.description.clone(),
                status: t.status.as_str(),
                status_since: t.status_since,
                priority: t.priority.as_str(),
                role: t.role.as_str().to_owned(),
                project: t.project.clone(),
                profile: t.profile.clone(),
                work_class: t.work_class.as_str(),
                parent: t.parent.map(|p| p.to_string()),
                blocked_by: blockers.iter().map(|(id, _)| id.to_string()).collect(),
                next_action: NextBody::from(&moves[&t.id]),
                session_id: t.session_id.clone(),
                run: run.map(RunBody::from),
                needs_approval: t.needs_approval,
                created_by: t.created_by.clone(),
                created_at: t.created_at,
                updated_at: t.updated_at,
                version: t.version,
            })
        })
        .collect()
}

/// One ticket with all that is shown beside it.
///
/// # Errors
/// The database refused.
pub fn ticket_out(conn: &Connection, ticket: &Ticket, now: Time, config: &Config) -> Result<TicketBody> {
    let mut found = tickets_out(conn, std::slice::from_ref(ticket), now, config)?;
    Ok(found.remove(0))
}

impl TicketBody {
    /// Changes when something about the ticket changed that is worth a message; not with each line of its worker.
    #[must_use]
    pub fn face(&self) -> String {
        let run = self.run.as_ref().map(|r| (r.id, r.state, r.stopping, r.session_id.clone()));
        format!("{:?}", (self.version, self.updated_at, self.next_action.kind, &self.next_action.text, run, &self.blocked_by))
    }
}

//! The moves of a ticket that have consequences: start, reply, stop, conclude. Each is one transaction that writes the
//! new status, its history, what follows for runs and messages, and rings. Nothing else writes a ticket's status.

use crate::base::doorbell::Topic;
use crate::base::error::{Error, Result};
use crate::base::faults;
use crate::base::faults::Point;
use crate::domain::actor::Actor;
use crate::domain::ids::{RunId, TicketId};
use crate::domain::ports::Rules;
use crate::domain::run::event::{EventKind, NewEvent};
use crate::domain::run::verdict;
use crate::domain::run::{Run, RunState, StartReason};
use crate::domain::ticket::comment::{Comment, CommentKind, Source};
use crate::domain::ticket::{Status, Ticket};
use crate::store::Tx;
use crate::store::access::credentials;
use crate::store::notice::notifications;
use crate::store::run::runs;
use crate::store::run::runs::fenced;
use crate::store::run::{events, inbox_report, pauses};
use crate::store::ticket::changes;
use crate::store::ticket::changes::NewChange;
use crate::store::ticket::comments;
use crate::store::ticket::comments::NewComment;
use crate::store::ticket::messages;
use crate::store::ticket::tickets;
use crate::store::ticket::tickets::NewTicket;
use rusqlite::params;

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

/// Gives a ticket its next run, `starting`, in its last session where it has one.
///
/// # Errors
/// It has a live run already.
pub fn start(tx: &Tx<'_>, ticket: &Ticket, actor: &str, rules: &dyn Rules) -> Result<RunId> {
    let reason = if ticket.session_id.is_some() { StartReason::Resume } else { StartReason::New };
    start_because(tx, ticket, reason, &rules.profile_for(ticket), actor)
}

/// Pickup takes a ready ticket: a retry where its last run crashed, else its next or first run.
///
/// # Errors
/// It has a live run already.
pub fn pick_up(tx: &Tx<'_>, ticket: &Ticket, profile: &str) -> Result<RunId> {
    let reason = match (&ticket.session_id, ticket.retries) {
        (Some(_), 0) => StartReason::Resume,
        (Some(_), _) => StartReason::Retry,
        (None, 0) => StartReason::New,
        (None, _) => StartReason::Retry,
    };
    start_because(tx, ticket, reason, profile, "Pickup")
}

/// As [`start`], for a stated reason and profile.
///
/// # Errors
/// It has a live run already.
pub fn start_because(tx: &Tx<'_>, ticket: &Ticket, reason: StartReason, profile: &str, actor: &str) -> Result<RunId> {
    if runs::live_of(tx.conn, ticket.id)?.is_some() {
        return Err(Error::Conflict(format!("{} has a live run already", ticket.id)));
    }
    let session = match reason {
        StartReason::New | StartReason::ColdStart => None,
        StartReason::Resume | StartReason::Retry | StartReason::Fork => ticket.session_id.clone(),
    };
    if session.is_some() {
        messages::queue_unheard(tx, ticket.id)?;
    }
    let attempt: i64 = tx
        .conn
        .prepare_cached("select coalesce(max(attempt), 0) + 1 from runs where ticket_id = ?1")?
        .query_row([ticket.id.0], |r| r.get(0))?;
    tx.conn
        .prepare_cached(
            "insert into runs (ticket_id, attempt, reason, state, profile, nonce, session_id, resumed, created_at)
             values (?1, ?2, ?3, 'starting', ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            ticket.id.0,
            attempt,
            reason.as_str(),
            profile,
            verdict::nonce(ticket.id, tx.now, crate::base::random::u32()),
            session,
            session.is_some(),
            tx.now.0
        ])?;
    let run = RunId(tx.conn.last_insert_rowid());
    messages::claim(tx, ticket.id, run)?;
    tx.conn
        .prepare_cached("update tickets set run_id = ?2, not_before = null, needs_approval = 0 where id = ?1")?
        .execute(params![ticket.id.0, run.0])?;
    set_status(tx, ticket, Status::InProgress, Some(run), actor, reason.as_str())?;
    tx.ring(Topic::Pickup);
    Ok(run)
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

/// The run's agent was seen: it runs.
///
/// # Errors
/// The launch is no longer current.
pub fn running(tx: &Tx<'_>, run: &Run, pid: i64, pid_start: i64) -> Result<()> {
    let n = tx
        .conn
        .prepare_cached(
            "update runs set state = 'running', pid = ?3, pid_start = ?4, started_at = ?5
             where id = ?1 and generation = ?2 and state = 'starting'",
        )?
        .execute(params![run.id.0, run.generation, pid, pid_start, tx.now.0])?;
    fenced(n, run)?;
    let text = format!("Attempt {} started ({})", run.attempt, run.reason);
    events::note(tx, run, &[NewEvent::plain(0, EventKind::Status, "started", text)])?;
    note_run(tx, run, "running")
}

/// The agent reported another session than the one it was to resume: that one is the truth. The old run's row closes,
/// a new attempt goes on with the same process and log.
///
/// # Errors
/// The run is no longer current.
pub fn fork(tx: &Tx<'_>, run: &Run, session_id: &str) -> Result<Run> {
    let n = tx
        .conn
        .prepare_cached(
            "update runs set state = 'finished', ended_at = ?3, note = trim(coalesce(note, '') || ' Went on in another session.')
             where id = ?1 and generation = ?2 and state in ('starting', 'running')",
        )?
        .execute(params![run.id.0, run.generation, tx.now.0])?;
    fenced(n, run)?;
    tx.conn
        .prepare_cached(
            "insert into runs (ticket_id, attempt, reason, state, profile, host, generation, nonce, session_id, resumed, pid, pid_start,
               cwd, worktree, branch, base_commit, run_dir, raw_log, log_offset, log_lines, progress, stop_wanted, stop_to,
               created_at, launched_at, started_at, last_output_at, note)
             select ticket_id, attempt + 1, 'fork', state_now, profile, host, generation, nonce, ?2, 0, pid, pid_start,
               cwd, worktree, branch, base_commit, run_dir, raw_log, log_offset, log_lines, progress, stop_wanted, stop_to,
               ?3, launched_at, ?3, last_output_at, null
             from (select r.*, 'running' as state_now from runs r where r.id = ?1)",
        )?
        .execute(params![run.id.0, session_id, tx.now.0])?;
    let new = RunId(tx.conn.last_insert_rowid());
    tx.conn.prepare_cached("update tickets set run_id = ?2 where id = ?1")?.execute(params![run.ticket.0, new.0])?;
    tx.conn.prepare_cached("update api_tokens set run_id = ?2 where run_id = ?1")?.execute(params![run.id.0, new.0])?;
    tx.conn.prepare_cached("update run_reports set run_id = ?2 where run_id = ?1")?.execute(params![run.id.0, new.0])?;
    tx.conn.prepare_cached("update queued_messages set run_id = ?2 where run_id = ?1")?.execute(params![run.id.0, new.0])?;
    let run = runs::get(tx.conn, new)?;
    note_run(tx, &run, "fork")?;
    Ok(run)
}

/// What becomes of a ticket when its run is concluded.
#[derive(Debug, Clone)]
pub enum Next {
    /// It stands there from now on.
    Status(Status),
    /// It is asked for again, not before that moment. `counted` where this used up a retry.
    Again {
        /// When.
        not_before: crate::domain::time::Time,
        /// Whether it counts as a retry.
        counted: bool,
    },
    /// It starts again at once, without its session.
    ColdStart,
}

/// Everything that is known when a run is closed.
#[derive(Debug, Clone)]
pub struct Closing {
    /// How it was judged.
    pub conclusion: crate::domain::run::conclude::Conclusion,
    /// What follows for the ticket.
    pub next: Next,
    /// Exit code and signal of the agent.
    pub exit: (Option<i32>, Option<i32>),
    /// The session the agent really had, if it began one.
    pub session_id: Option<String>,
    /// Whether the agent began to read its brief.
    pub began: bool,
    /// The terminal-state comment, for an abnormal end.
    pub terminal: Option<String>,
    /// Who speaks in the result comment.
    pub author: String,
    /// A pause this end puts on the profile: reason and end.
    pub pause: Option<(String, Option<crate::domain::time::Time>)>,
    /// Evidence found by ourselves: kind, label, detail.
    pub evidence: Vec<(String, String, String)>,
}

/// Closes a run: its row, its result as a comment, its messages, the ticket's next status.
///
/// # Errors
/// The run is no longer current.
pub fn conclude(tx: &Tx<'_>, run: &Run, c: &Closing) -> Result<()> {
    close_row(tx, run, c)?;
    if c.began {
        messages::delivered(tx, run.id)?;
    } else {
        messages::give_back(tx, run.id)?;
    }
    credentials::revoke_run_tokens(tx, run.id)?;
    if let Some((reason, until)) = &c.pause {
        pauses::pause(tx, &run.profile, reason, *until)?;
    }
    for (kind, label, detail) in &c.evidence {
        crate::store::ticket::evidence::add(tx, run.ticket, Some(run.id), kind, label, detail)?;
    }
    post(tx, run, c)?;
    faults::hit(Point::ResultCommented)?;
    let session = match c.next {
        Next::ColdStart => None,
        Next::Status(_) | Next::Again { .. } => c.session_id.clone(),
    };
    // What is not counted does not forget what was: else a fall and a cold start, in turns, would go on for ever.
    let fell = match c.next {
        Next::Status(_) => None,
        Next::Again { counted, .. } => Some(i64::from(counted)),
        Next::ColdStart => Some(0),
    };
    tx.conn
        .prepare_cached(
            "update tickets set session_id = case when ?4 then null else coalesce(?2, session_id) end,
               retries = coalesce(retries + ?3, 0) where id = ?1",
        )?
        .execute(params![run.ticket.0, session, fell, matches!(c.next, Next::ColdStart)])?;
    follow(tx, run, c)?;
    inbox_report::post(tx, run, c);
    tx.ring(Topic::Pickup);
    tx.ring(Topic::Ingest);
    Ok(())
}

fn close_row(tx: &Tx<'_>, run: &Run, c: &Closing) -> Result<()> {
    let failure = c.conclusion.failure.as_ref();
    let note = [run.note.clone().unwrap_or_default(), c.conclusion.notes.join(" ")].join(" ").trim().to_owned();
    let n = tx
        .conn
        .prepare_cached(
            "update runs set state = ?3, ended_at = ?4, exit_code = ?5, signal = ?6, verdict = ?7, failure_code = ?8,
               failure_text = ?9, retry_at = ?10, note = nullif(?11, '')
             where id = ?1 and generation = ?2 and state in ('starting', 'running')",
        )?
        .execute(params![
            run.id.0,
            run.generation,
            c.conclusion.state.as_str(),
            tx.now.0,
            c.exit.0,
            c.exit.1,
            c.conclusion.verdict.map(|v| v.as_str()),
            failure.map(|f| f.code.as_str()),
            failure.map(|f| f.text.as_str()),
            failure.and_then(|f| f.retry_at).map(|t| t.0),
            note
        ])?;
    fenced(n, run)?;
    let text = match (c.conclusion.verdict, failure) {
        (Some(verdict), _) => format!("Attempt {} ended: {verdict}", run.attempt),
        (None, Some(f)) => format!("Attempt {} ended: {}", run.attempt, f.text),
        (None, None) => format!("Attempt {} ended: {}", run.attempt, c.conclusion.state),
    };
    let event = NewEvent { is_error: failure.is_some(), ..NewEvent::plain(0, EventKind::Status, "ended", text) };
    events::note(tx, run, &[event])?;
    note_run(tx, run, c.conclusion.state.as_str())
}

fn post(tx: &Tx<'_>, run: &Run, c: &Closing) -> Result<()> {
    if c.conclusion.verdict.is_some() && !c.conclusion.payload.trim().is_empty() {
        comments::add(
            tx,
            &NewComment {
                ticket: run.ticket,
                run: Some(run.id),
                author: c.author.clone(),
                source: Source::Agent,
                kind: CommentKind::Result,
                body: c.conclusion.payload.clone(),
            },
        )?;
    }
    if let Some(body) = &c.terminal {
        comments::add(
            tx,
            &NewComment {
                ticket: run.ticket,
                run: Some(run.id),
                author: "Mission Control".to_owned(),
                source: Source::System,
                kind: CommentKind::TerminalState,
                body: body.clone(),
            },
        )?;
    }
    Ok(())
}

/// Words that came meanwhile go first: the ticket goes on with them, whatever the verdict. A person's Stop and what
/// only a person can mend stand, and the words wait with the ticket.
fn follow(tx: &Tx<'_>, run: &Run, c: &Closing) -> Result<()> {
    let ticket = tickets::get(tx.conn, run.ticket)?;
    let pending = messages::any_pending(tx.conn, run.ticket)?;
    match &c.next {
        Next::ColdStart => {
            leave(tx, &ticket, run)?;
            start_because(tx, &ticket, StartReason::ColdStart, &run.profile, "Mission Control").map(|_| ())
        }
        Next::Again { not_before, .. } => {
            tx.conn
                .prepare_cached("update tickets set not_before = ?2 where id = ?1")?
                .execute(params![run.ticket.0, not_before.0])?;
            set_status(tx, &ticket, Status::Todo, Some(run.id), "Mission Control", "goes on by itself")
        }
        Next::Status(_) if pending && c.conclusion.verdict.is_some() && run.stop_to.is_none() => {
            leave(tx, &ticket, run)?;
            let reason = if ticket.session_id.is_some() { StartReason::Resume } else { StartReason::ColdStart };
            start_because(tx, &ticket, reason, &run.profile, "Mission Control").map(|_| ())
        }
        Next::Status(to) => {
            let why = match (&c.conclusion.failure, c.conclusion.verdict) {
                (Some(f), _) => f.text.as_str(),
                (None, Some(v)) => v.as_str(),
                (None, None) => c.conclusion.state.as_str(),
            };
            set_status(tx, &ticket, *to, Some(run.id), &c.author, why)?;
            call_person(tx, &ticket, *to, c)
        }
    }
}

/// Tells the owner that a ticket waits for them. Not of what they stopped themselves, and not of what the pause of a whole
/// profile tells already.
fn call_person(tx: &Tx<'_>, ticket: &Ticket, to: Status, c: &Closing) -> Result<()> {
    let told_by_pause = c.pause.as_ref().is_some_and(|(_, until)| until.is_none());
    if c.conclusion.state == RunState::Stopped || told_by_pause {
        return Ok(());
    }
    let words = c.conclusion.failure.as_ref().map_or(c.conclusion.payload.as_str(), |f| f.text.as_str());
    notifications::needs(tx, ticket, to, words)
}

/// Between two runs of one transaction the ticket stands in `todo`, so that its history stays a path of legal moves.
fn leave(tx: &Tx<'_>, ticket: &Ticket, run: &Run) -> Result<()> {
    set_status(tx, ticket, Status::Todo, Some(run.id), "Mission Control", "goes on")
}

/// A person pushed: the slate of retries is wiped. On a blocked ticket that also says that what only a person can mend is
/// mended: a pause that waited for that ends.
fn push(tx: &Tx<'_>, ticket: &Ticket, rules: &dyn Rules) -> Result<()> {
    tx.conn
        .prepare_cached("update tickets set retries = 0, not_before = null, needs_approval = 0 where id = ?1")?
        .execute([ticket.id.0])?;
    if ticket.status == Status::Blocked {
        pauses::lift_suspicion(tx, &rules.profile_for(ticket))?;
    }
    Ok(())
}

fn want_stop(tx: &Tx<'_>, run: &Run, to: Option<Status>, actor: &str) -> Result<()> {
    tx.conn
        .prepare_cached("update runs set stop_wanted = 1, stop_to = coalesce(?2, stop_to) where id = ?1")?
        .execute(params![run.id.0, to.map(Status::as_str)])?;
    changes::record(
        tx,
        &NewChange { ticket: run.ticket, kind: "run", moved: None, run: Some(run.id), actor, note: "stop asked for" },
    )?;
    tx.ring(Topic::Pickup);
    Ok(())
}

fn note_run(tx: &Tx<'_>, run: &Run, note: &str) -> Result<()> {
    changes::record(
        tx,
        &NewChange { ticket: run.ticket, kind: "run", moved: None, run: Some(run.id), actor: "Mission Control", note },
    )
}

/// The only place that writes a ticket's status: row, history, and the small decision comment derived from them.
fn set_status(tx: &Tx<'_>, ticket: &Ticket, to: Status, run: Option<RunId>, actor: &str, why: &str) -> Result<()> {
    let from: Status = {
        let text: String =
            tx.conn.prepare_cached("select status from tickets where id = ?1")?.query_row([ticket.id.0], |r| r.get(0))?;
        text.parse().map_err(|e| Error::Internal(format!("stored status: {e}")))?
    };
    tx.conn
        .prepare_cached(
            "update tickets set status = ?2, status_since = ?3, updated_at = ?3, version = version + 1 where id = ?1",
        )?
        .execute(params![ticket.id.0, to.as_str(), tx.now.0])?;
    changes::record(tx, &NewChange { ticket: ticket.id, kind: "status", moved: Some((from, to)), run, actor, note: why })?;
    notifications::moved_on(tx, ticket.id)?;
    if to == Status::Todo {
        tx.ring(Topic::Pickup);
    }
    if to.is_closed() {
        // Tickets that waited for this one may be ready now.
        tx.ring(Topic::Pickup);
    }
    Ok(())
}

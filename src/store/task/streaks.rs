//! Streaks: what becomes of a scheduled task's outcome, with Luci or without her. The third failure in a row makes one
//! ticket; what follows is said on it, and it is closed when the task recovers and nobody has worked on it.

use crate::base::error::{Error, Result};
use crate::domain::actor::Actor;
use crate::domain::ids::TicketId;
use crate::domain::inbox::{InboxPriority, MESSAGE_MAX, Notify, OutcomeClass, SOURCE_ID_MAX, Source};
use crate::domain::notice::Notice;
use crate::domain::text::{cut_bytes, cut_chars, shortened, strip_control};
use crate::domain::ticket::comment::{CommentKind, Source as CommentSource};
use crate::domain::ticket::{Status, Ticket, Title};
use crate::domain::time::Time;
use crate::store::Tx;
use crate::store::inbox::items;
use crate::store::inbox::items::NewItem;
use crate::store::notice::notifications;
use crate::store::run::runs;
use crate::store::ticket::columns::parsed;
use crate::store::ticket::comments::NewComment;
use crate::store::ticket::tickets::NewTicket;
use crate::store::ticket::{comments, lifecycle, tickets};
use rusqlite::{Connection, OptionalExtension, params};

/// The name under which the tickets of failing tasks are made.
const SCHEDULER: &str = "Scheduler";
/// The failure in a row that makes a ticket.
const TICKET_AT: i64 = 3;
/// So many failures in a row are each said on the ticket; from then on every tenth.
const EACH_SAID: i64 = 20;
/// Characters of a notice.
const NOTICE: usize = 600;

/// How a task's run went.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The task.
    pub task: String,
    /// Whether it went well.
    pub ok: bool,
    /// How it ended.
    pub class: OutcomeClass,
    /// In a few words: exit code, duration, the end of its output.
    pub summary: String,
    /// The number of the task's run.
    pub source_id: String,
    /// Where it is told.
    pub notify: Notify,
    /// How urgent a failure is.
    pub priority: InboxPriority,
    /// The owner hears of it otherwise: of a refused login by the pause of its profile.
    pub told: bool,
}

/// Failures of a task in a row. A refused login is none of them: it says nothing about the task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Streak {
    /// The task.
    pub task: String,
    /// How many; none after a success.
    pub failures: i64,
    /// The ticket that was made of them.
    pub ticket: Option<TicketId>,
    /// How the last run ended.
    pub last_class: OutcomeClass,
    /// When this row of failures, or of successes, began.
    pub began_at: Time,
}

/// A task's streak.
///
/// # Errors
/// The database refused.
pub fn of_task(conn: &Connection, task: &str) -> Result<Option<Streak>> {
    Ok(conn
        .prepare_cached("select task, failures, ticket_id, last_class, began_at from streaks where task = ?1")?
        .query_row([task], |r| {
            Ok(Streak {
                task: r.get(0)?,
                failures: r.get(1)?,
                ticket: r.get::<_, Option<i64>>(2)?.map(TicketId),
                last_class: parsed(r, 3)?,
                began_at: Time(r.get(4)?),
            })
        })
        .optional()?)
}

/// Everything that follows from the end of a task's run: the streak, its ticket, the item of the inbox, the notice.
/// To be called in the transaction of that end. It is done whole or not at all; the end stands either way, if the caller
/// goes on after its error.
///
/// # Errors
/// The database refused: nothing of it is kept.
pub fn outcome(tx: &Tx<'_>, o: &Outcome) -> Result<()> {
    tx.conn.execute_batch("savepoint outcome")?;
    let done = follow(tx, o);
    tx.conn.execute_batch(if done.is_ok() { "release outcome" } else { "rollback to outcome; release outcome" })?;
    done
}

fn follow(tx: &Tx<'_>, o: &Outcome) -> Result<()> {
    let before = of_task(tx.conn, &o.task)?;
    let (streak, said) = if o.ok { recovered(tx, o, before)? } else { failed(tx, o, before)? };
    keep(tx, &streak)?;
    let message = match &said {
        Some(said) => format!("{} {said}", head(o, &streak)),
        None => head(o, &streak),
    };
    let message = format!("{message}: {}", if o.summary.trim().is_empty() { "no output" } else { o.summary.trim() });
    if matches!(o.notify, Notify::Inbox | Notify::Both) {
        post(tx, o, &message)?;
    }
    if o.class == OutcomeClass::AuthFailed {
        if !o.told {
            let key = format!("login refused:{}:{}", o.task, streak.began_at.0);
            tell(tx, &key, &format!("Task {}: {message}", o.task), &streak, true)?;
        }
    } else if matches!(o.notify, Notify::Direct | Notify::Both) {
        let urgent = !o.ok && o.priority == InboxPriority::Critical;
        tell(tx, &format!("task:{}:{}", o.task, o.source_id), &format!("Task {}: {message}", o.task), &streak, urgent)?;
    }
    Ok(())
}

/// `failed, 3 in a row`
fn head(o: &Outcome, streak: &Streak) -> String {
    if o.ok || o.class == OutcomeClass::AuthFailed || streak.failures < 2 {
        o.class.words().to_owned()
    } else {
        format!("{}, {} in a row", o.class.words(), streak.failures)
    }
}

fn failed(tx: &Tx<'_>, o: &Outcome, before: Option<Streak>) -> Result<(Streak, Option<String>)> {
    let fresh = || Streak { task: o.task.clone(), failures: 0, ticket: None, last_class: o.class, began_at: tx.now };
    let goes_on = |s: &Streak| s.failures > 0 || s.last_class == OutcomeClass::AuthFailed;
    let mut streak = before.filter(goes_on).unwrap_or_else(fresh);
    let mut ticket = match streak.ticket {
        Some(id) => Some(tickets::get(tx.conn, id)?),
        None => None,
    };
    if ticket.as_ref().is_some_and(|t| t.status.is_closed()) {
        // Somebody has seen to it, and it fails again: that is a row of failures of its own.
        (streak, ticket) = (fresh(), None);
    }
    streak.last_class = o.class;
    if o.class == OutcomeClass::AuthFailed {
        // No ticket mends a login: the owner hears of it at once.
        return Ok((streak, ticket.map(|t| format!("({})", t.id))));
    }
    streak.failures += 1;
    let said = match &ticket {
        Some(ticket) => {
            if streak.failures <= EACH_SAID || streak.failures % 10 == 0 {
                say(
                    tx,
                    ticket.id,
                    &format!(
                        "It failed again, {} times in a row now (run {}).\n\n{}",
                        streak.failures,
                        o.source_id,
                        quoted(&o.summary)
                    ),
                )?;
            }
            Some(format!("({})", ticket.id))
        }
        None if streak.failures >= TICKET_AT => {
            let made = make_ticket(tx, o, &streak)?;
            streak.ticket = Some(made.id);
            Some(format!("({} was made for it)", made.id))
        }
        None => None,
    };
    Ok((streak, said))
}

fn recovered(tx: &Tx<'_>, o: &Outcome, before: Option<Streak>) -> Result<(Streak, Option<String>)> {
    let streak = Streak { task: o.task.clone(), failures: 0, ticket: None, last_class: o.class, began_at: tx.now };
    let Some(before) = before else { return Ok((streak, None)) };
    if before.failures == 0 {
        return Ok(match before.last_class {
            OutcomeClass::AuthFailed => (streak, Some("again after a refused login".to_owned())),
            OutcomeClass::Ok | OutcomeClass::Failed | OutcomeClass::TimedOut => {
                (Streak { began_at: before.began_at, ..streak }, None)
            }
        });
    }
    let times = if before.failures == 1 { "1 failure".to_owned() } else { format!("{} failures", before.failures) };
    let Some(id) = before.ticket else { return Ok((streak, Some(format!("again after {times}")))) };
    let ticket = tickets::get(tx.conn, id)?;
    if ticket.status.is_closed() {
        return Ok((streak, Some(format!("again after {times}"))));
    }
    let alone = untouched(tx, &ticket)?;
    let then = if alone { " Nobody had begun with this ticket: it is closed." } else { "" };
    say(tx, id, &format!("The task went well again after {times} (run {}).{then}", o.source_id))?;
    if alone {
        lifecycle::settle(tx, &ticket, &scheduler(), "the task recovered")?;
    }
    Ok((streak, Some(format!("again after {times} ({id})"))))
}

/// Nobody has begun with it: it stands where it was made, without a run, and only we have spoken on it.
fn untouched(tx: &Tx<'_>, ticket: &Ticket) -> Result<bool> {
    if !matches!(ticket.status, Status::Inbox | Status::Todo)
        || runs::live_of(tx.conn, ticket.id)?.is_some()
        || ticket.run.is_some()
    {
        return Ok(false);
    }
    let others: bool = tx
        .conn
        .prepare_cached("select exists (select 1 from comments where ticket_id = ?1 and author <> ?2 and kind <> 'decision')")?
        .query_row(params![ticket.id.0, SCHEDULER], |r| r.get(0))?;
    Ok(!others)
}

fn make_ticket(tx: &Tx<'_>, o: &Outcome, streak: &Streak) -> Result<Ticket> {
    let title = shortened(&strip_control(&format!("Task {} fails: {} times in a row", o.task, streak.failures)), 120);
    let mut new = NewTicket::titled(title.parse::<Title>().map_err(|e| Error::Internal(format!("the title of a streak: {e}")))?);
    new.status = Status::Inbox;
    new.description = format!(
        "The scheduled task `{}` {} (run {}), the third time in a row or more.\n\n{}\n\nFurther failures are said here. \
         When the task recovers and nobody has begun with this ticket, it is closed.",
        o.task.replace('`', "'"),
        o.class.words(),
        o.source_id,
        quoted(&o.summary)
    );
    tickets::create(tx, &new, &scheduler())
}

/// Somebody else's words as a block, so that nothing in them can be taken for ours.
fn quoted(summary: &str) -> String {
    let clean = strip_control(summary);
    let short = cut_bytes(&clean, 4_000).0;
    short.lines().map(|l| format!("    {l}")).collect::<Vec<_>>().join("\n")
}

fn say(tx: &Tx<'_>, ticket: TicketId, body: &str) -> Result<()> {
    comments::add(
        tx,
        &NewComment {
            ticket,
            run: None,
            author: SCHEDULER.to_owned(),
            source: CommentSource::System,
            kind: CommentKind::Comment,
            body: body.to_owned(),
        },
    )
    .map(|_| ())
}

fn post(tx: &Tx<'_>, o: &Outcome, message: &str) -> Result<()> {
    let clean = message.replace('\0', " ");
    let name = format!("{}/{}", o.task, o.source_id).chars().filter(|c| !c.is_control()).collect::<String>();
    // What went well is never urgent.
    let priority = if o.ok { o.priority.max(InboxPriority::Normal) } else { o.priority };
    let new = NewItem {
        source: Source::Scheduler,
        source_id: Some(cut_chars(&name, SOURCE_ID_MAX).0.to_owned()),
        message: cut_bytes(&clean, MESSAGE_MAX).0.to_owned(),
        priority,
    };
    items::post(tx, &new).map(|_| ())
}

fn tell(tx: &Tx<'_>, key: &str, text: &str, streak: &Streak, urgent: bool) -> Result<()> {
    let clean = strip_control(text);
    let text = cut_chars(clean.trim(), NOTICE).0.to_owned();
    notifications::tell(tx, &Notice { key: key.to_owned(), text, buttons: Vec::new(), ticket: streak.ticket, urgent })
}

fn keep(tx: &Tx<'_>, s: &Streak) -> Result<()> {
    tx.conn
        .prepare_cached(
            "insert into streaks (task, failures, ticket_id, last_class, began_at, updated_at) values (?1, ?2, ?3, ?4, ?5, ?6)
             on conflict (task) do update set failures = excluded.failures, ticket_id = excluded.ticket_id,
               last_class = excluded.last_class, began_at = excluded.began_at, updated_at = excluded.updated_at",
        )?
        .execute(params![s.task, s.failures, s.ticket.map(|t| t.0), s.last_class.as_str(), s.began_at.0, tx.now.0])?;
    Ok(())
}

fn scheduler() -> Actor {
    Actor::Person { name: SCHEDULER.to_owned(), by_token: true }
}

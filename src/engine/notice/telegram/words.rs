//! What we say in a chat: help, and how things stand.

use crate::base::error::Result;
use crate::domain::ticket::{Status, Ticket};
use crate::domain::time::{Time, span_words};
use crate::store::orchestrator::{sessions, turns};
use crate::store::run::{pauses, runs};
use crate::store::ticket::{board, tickets};
use rusqlite::Connection;

/// What can be said here.
pub const HELP: &str = "What you write becomes a ticket.\n\
    A reply to a message about a ticket is a reply on that ticket.\n\n\
    /status: what needs you, what runs\n\
    /new what is to be done: a ticket, as plain words\n\
    /luci words: talk with Luci\n\
    /stop MC-12: stop that ticket's run\n\n\
    Photos and documents are kept with the ticket. @role, #project and !high work in the first line.";

/// Lines about tickets that wait, in `/status`.
const WAITING_LINES: usize = 15;
/// Lines about runs.
const RUN_LINES: usize = 10;

/// How things stand: what needs the owner, what runs, how Luci is.
///
/// # Errors
/// The database refused.
pub fn status(conn: &Connection, now: Time) -> Result<String> {
    let counts = board::counts(conn)?;
    let count = |status: Status| counts.get(&status).copied().unwrap_or(0);
    let waiting: i64 = Status::ALL.iter().filter(|s| s.needs_person()).map(|s| count(*s)).sum();
    let mut lines = vec![format!("Needs you: {waiting}")];
    let found = board::waiting(conn, WAITING_LINES)?;
    lines.extend(found.iter().map(|t| format!("{} {}: {}", t.id, t.status.label().to_lowercase(), short(t))));
    let more = waiting - i64::try_from(found.len()).unwrap_or(waiting);
    if more > 0 {
        lines.push(format!("and {more} more on the page"));
    }
    let live = runs::live(conn)?;
    lines.push(format!("\nRuns: {}", live.len()));
    for run in live.iter().take(RUN_LINES) {
        let ticket = tickets::get(conn, run.ticket)?;
        lines.push(format!("{} for {}: {}", run.ticket, span_words(now.since(run.created_at)), short(&ticket)));
    }
    lines.push(format!("\nTo do: {}, in the inbox: {}", count(Status::Todo), count(Status::Inbox)));
    for (profile, pause) in pauses::in_force(conn, now)? {
        lines.push(format!("{profile} rests: {}", pause.reason));
    }
    let session = sessions::current(conn)?;
    let luci = session.map_or_else(|| "not started".to_owned(), |s| s.state.to_string());
    let open = turns::open_count(conn)?;
    lines.push(if open > 0 { format!("Luci: {luci}, {open} waiting") } else { format!("Luci: {luci}") });
    Ok(lines.join("\n"))
}

fn short(ticket: &Ticket) -> String {
    ticket.title.as_str().chars().take(60).collect()
}

/// A size in bytes as people say it.
pub fn size(bytes: usize) -> String {
    match bytes {
        0..=1023 => format!("{bytes} bytes"),
        1024..=1_048_575 => format!("{} KB", bytes / 1024),
        _ => format!("{} MB", bytes / 1_048_576),
    }
}

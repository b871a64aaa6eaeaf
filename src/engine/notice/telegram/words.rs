//! What we say in a chat: help, and how things stand.

use crate::base::error::Result;
use crate::domain::ticket::{Status, Ticket};
use crate::domain::time::{Time, span_words};
use crate::store::orchestrator::{sessions, turns};
use crate::store::run::{pauses, runs};
use crate::store::ticket::tickets::Filter;
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

/// Lines of one kind in `/status`.
const LINES: usize = 5;

/// How things stand: what needs the owner, what runs, how Luci is.
///
/// # Errors
/// The database refused.
pub fn status(conn: &Connection, now: Time) -> Result<String> {
    let counts = board::counts(conn)?;
    let count = |status: Status| counts.get(&status).copied().unwrap_or(0);
    let waiting = [Status::NeedsInput, Status::InReview, Status::Blocked];
    let mut lines = vec![format!("Needs you: {}", waiting.iter().map(|s| count(*s)).sum::<i64>())];
    for status in waiting {
        let filter = Filter { status: Some(status), ..Filter::default() };
        let found = board::window(conn, &filter, None, LINES)?;
        lines.extend(found.iter().map(|t| format!("{} {}: {}", t.id, status.label().to_lowercase(), short(t))));
    }
    let live = runs::live(conn)?;
    lines.push(format!("\nRuns: {}", live.len()));
    for run in live.iter().take(LINES * 2) {
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

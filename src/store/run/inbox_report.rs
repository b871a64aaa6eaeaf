//! What the inbox hears of a run's end: tickets that are blocked, runs that failed. What went well, and what somebody
//! stopped, is no news.

use crate::domain::inbox::{InboxPriority, Source};
use crate::domain::run::closing::{Closing, Next};
use crate::domain::run::{Run, RunState};
use crate::domain::text::{shortened, strip_control};
use crate::domain::ticket::Status;
use crate::store::Tx;
use crate::store::inbox::items;
use crate::store::inbox::items::NewItem;

/// Posts it, where there is something to post. That can fail, and the run's end stands all the same.
pub fn post(tx: &Tx<'_>, run: &Run, c: &Closing) {
    if let Some((message, priority)) = news(run, c) {
        let new = NewItem { source: Source::Pickup, source_id: Some(run.ticket.to_string()), message, priority };
        items::post_beside(tx, &new);
    }
}

fn news(run: &Run, c: &Closing) -> Option<(String, InboxPriority)> {
    match c.conclusion.state {
        RunState::Failed | RunState::Lost => {}
        RunState::Starting | RunState::Running | RunState::Finished | RunState::Stopped => return None,
    }
    let why = c.conclusion.failure.as_ref().map_or_else(
        || c.conclusion.state.as_str().to_owned(),
        |f| format!("{}, {}", f.code, shortened(&strip_control(&f.text), 400)),
    );
    let attempt = format!("attempt {} of {}", run.attempt, run.ticket);
    Some(match &c.next {
        Next::Status(Status::Blocked) => (format!("{} is blocked: {attempt} failed: {why}", run.ticket), InboxPriority::Normal),
        Next::Status(to) => (format!("{attempt} failed: {why}. {} is {to} now", run.ticket), InboxPriority::Normal),
        Next::Again { .. } => (format!("{attempt} failed: {why}. It goes on by itself"), InboxPriority::Low),
        Next::ColdStart => (format!("{attempt} failed: {why}. It began afresh"), InboxPriority::Low),
    })
}

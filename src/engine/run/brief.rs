//! Gathers what a run's brief is made of.

use crate::base::error::Result;
use crate::domain::ids::CommentId;
use crate::domain::run::brief::{BriefParts, Opening, Said, brief};
use crate::domain::run::{Run, StartReason};
use crate::domain::ticket::Ticket;
use crate::domain::ticket::comment::{Comment, CommentKind};
use crate::domain::ticket::message::{Message, MessageState};
use crate::store::Store;
use crate::store::run::runs;
use crate::store::ticket::{comments, messages};

/// Comments looked at for the history of a cold start.
const HISTORY: i64 = 200;
/// Earlier runs looked at for words that may have died with them.
const EARLIER: i64 = 50;

/// The brief of a run that is about to be launched.
///
/// # Errors
/// The store failed.
pub fn of(store: &Store, ticket: &Ticket, run: &Run, branch: Option<&str>) -> Result<String> {
    let delimiter = format!("{:08x}{:08x}", crate::base::random::u32(), crate::base::random::u32());
    let (before, mine, history) = store.read(|c| {
        let earlier: Vec<Run> = runs::of_ticket(c, ticket.id, EARLIER)?.into_iter().filter(|r| r.id < run.id).collect();
        let mut mine = messages::of_run(c, run.id)?;
        // What runs before were told may have died with them: it is said again, until one has come to a verdict. Whoever
        // stopped one knew what it was told.
        if run.resumed || run.reason == StartReason::Retry {
            for failed in earlier.iter().take_while(|r| r.verdict.is_none() && !r.stop_wanted) {
                mine.extend(messages::of_run(c, failed.id)?);
            }
            mine.sort_by_key(|m| m.id);
        }
        let mut history = comments::newest(c, ticket.id, CommentId(i64::MAX), HISTORY)?;
        // What came since waits for its own turn: nothing is said twice.
        let waiting = messages::of_ticket(c, ticket.id, HISTORY)?.into_iter().filter(|m| m.state == MessageState::Pending);
        let waiting: Vec<CommentId> = waiting.map(|m| m.comment).collect();
        history.retain(|c| !waiting.contains(&c.id));
        Ok((earlier.into_iter().next(), mine, history))
    })?;
    let replies: Vec<Said> = mine.iter().map(|m| said(m, &history)).collect();
    let earlier: Vec<Said> = history
        .iter()
        .filter(|c| c.kind != CommentKind::Decision && !mine.iter().any(|m| m.comment == c.id))
        .map(|c| Said { author: c.author.clone(), at: c.created_at, body: c.body.clone() })
        .collect();
    let why = before.and_then(|r| r.failure).map_or_else(|| "it was stopped".to_owned(), |f| f.text);
    let opening = match (run.resumed, run.reason) {
        (true, StartReason::Retry) => Opening::Retry { why: &why, replies: &replies },
        (true, _) => Opening::Resume { replies: &replies },
        (false, _) => Opening::Cold { history: &earlier, replies: &replies },
    };
    Ok(brief(&BriefParts {
        role: &ticket.role,
        ticket: ticket.id,
        title: ticket.title.as_str(),
        description: &ticket.description,
        work_class: ticket.work_class,
        project: &ticket.project,
        branch,
        nonce: &run.nonce,
        delimiter: &delimiter,
        opening,
    }))
}

fn said(message: &Message, history: &[Comment]) -> Said {
    let author = history.iter().find(|c| c.id == message.comment).map_or("The owner", |c| c.author.as_str());
    Said { author: author.to_owned(), at: message.created_at, body: message.body.clone() }
}

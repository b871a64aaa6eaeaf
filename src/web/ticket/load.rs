//! From rows to what a ticket's page shows.

use crate::base::error::Result;
use crate::config::Config;
use crate::domain::ids::{CommentId, EventId, TicketId};
use crate::domain::ports::Rules;
use crate::domain::profile::Profile;
use crate::domain::run::event::Event;
use crate::domain::ticket::Ticket;
use crate::domain::ticket::comment::{Comment, CommentKind};
use crate::domain::ticket::next_action::{NextAction, NextKind};
use crate::domain::time::Time;
use crate::store::run::{events, runs};
use crate::store::ticket::{comments, evidence, messages, next_actions, tickets};
use crate::web::shared::{activity, attention};
use crate::web::ticket::view::{Tab, TicketPage};
use crate::web::ticket::view_comment::TalkEntry;
use crate::web::ticket::view_head::Head;
use crate::web::ticket::view_live::Live;
use rusqlite::Connection;

/// Events in the panel's window.
pub const EVENT_WINDOW: i64 = 200;

/// Comments in the talk's window.
pub const TALK_WINDOW: i64 = 100;

/// All that the page shows.
///
/// # Errors
/// The ticket does not exist, or the store failed.
pub fn load_page(
    c: &Connection,
    config: &Config,
    id: TicketId,
    before: i64,
    talk_before: CommentId,
    tab: Tab,
    now: Time,
) -> Result<TicketPage> {
    let t = tickets::get(c, id)?;
    let list = comments::newest(c, id, talk_before, TALK_WINDOW)?;
    let talk_total = comments::count(c, id)?;
    let older = list.first().filter(|_| talk_total > TALK_WINDOW).map(|first| first.id);
    let older = match older {
        Some(first) if !comments::newest(c, id, first, 1)?.is_empty() => Some(format!("/tickets/{id}?talk_before={first}")),
        Some(_) | None => None,
    };
    Ok(TicketPage {
        head: head(c, &t, config, now)?,
        attention: attention::card(c, &t)?,
        talk: talk(c, &t, list)?,
        talk_total,
        talk_older: older,
        live: live(c, &t, before_seq(c, id, before)?, now)?,
        attempts: runs::of_ticket(c, id, 50)?,
        evidence: evidence::of_ticket(c, id, 100)?,
        tab,
        reply: String::new(),
        errors: Vec::new(),
    })
}

/// The number within the ticket of the event that a cursor names.
///
/// # Errors
/// The store failed.
pub fn before_seq(c: &Connection, id: TicketId, before: i64) -> Result<i64> {
    if before == i64::MAX { Ok(i64::MAX) } else { events::seq_of(c, id, EventId(before)) }
}

/// A ticket's head.
///
/// # Errors
/// The store failed.
pub fn head(c: &Connection, t: &Ticket, config: &Config, now: Time) -> Result<Head> {
    let next = next_actions::actions(c, std::slice::from_ref(t), now, config)?.remove(&t.id);
    let run = match t.run {
        Some(run) => Some(runs::get(c, run)?),
        None => None,
    };
    let profile = run.as_ref().filter(|r| r.state.is_live()).map_or_else(|| config.profile_for(t), |r| r.profile.clone());
    Ok(Head {
        ticket: t.clone(),
        next: next.unwrap_or(NextAction { kind: NextKind::Nothing, text: String::new(), at: None }),
        runtime: config.profile(&profile).map_or(profile, Profile::label),
        run: run.map(|r| r.state),
    })
}

/// The live panel with the newest events before `before` (by number; `i64::MAX` for the end).
///
/// # Errors
/// The store failed.
pub fn live(c: &Connection, t: &Ticket, before: i64, now: Time) -> Result<Live> {
    let found = events::window(c, t.id, before, EVENT_WINDOW)?;
    live_of(c, t, found, now)
}

/// The live panel around given events.
///
/// # Errors
/// The store failed.
pub fn live_of(c: &Connection, t: &Ticket, found: Vec<Event>, now: Time) -> Result<Live> {
    let all = runs::of_ticket(c, t.id, 1000)?;
    let older: Option<EventId> = found.first().filter(|e| e.seq > 1).map(|e| e.id);
    Ok(Live {
        ticket: t.id,
        status: t.status,
        older,
        total: events::count(c, t.id)?,
        attempts: i64::try_from(all.len()).unwrap_or(0),
        output_counts: activity::output_counts(c, t.id, now)?,
        tokens: all.iter().map(|r| r.tokens.input + r.tokens.output + r.tokens.cache_read + r.tokens.cache_creation).sum(),
        cost_usd: all.iter().map(|r| r.cost_usd).sum(),
        run: all.into_iter().next(),
        events: found,
    })
}

/// Comments with what belongs to them.
///
/// # Errors
/// The store failed.
pub fn talk(c: &Connection, t: &Ticket, list: Vec<Comment>) -> Result<Vec<TalkEntry>> {
    let queued = messages::of_ticket(c, t.id, 200)?;
    let shown = evidence::of_ticket(c, t.id, 100)?;
    Ok(list
        .into_iter()
        .map(|comment| TalkEntry {
            evidence: match (comment.kind, comment.run) {
                (CommentKind::Result, Some(run)) => shown.iter().filter(|e| e.run == Some(run)).cloned().collect(),
                (_, _) => Vec::new(),
            },
            message: queued.iter().find(|m| m.comment == comment.id).cloned(),
            comment,
        })
        .collect())
}

//! From rows to what the views show: one loader per view model, shared by pages, fragments and streams.

use crate::base::error::Result;
use crate::base::text::capitalised;
use crate::config::Config;
use crate::domain::ids::{EventId, TicketId};
use crate::domain::ports::Rules;
use crate::domain::run::Run;
use crate::domain::run::event::{Event, EventKind};
use crate::domain::run::question;
use crate::domain::run::verdict;
use crate::domain::text::{cut_chars, shortened};
use crate::domain::ticket::comment::CommentKind;
use crate::domain::ticket::{Role, Status, Ticket};
use crate::domain::time::Time;
use crate::store::run::{activity, events, pauses, runs};
use crate::store::ticket::{board, comments, evidence, messages, next_actions};
use crate::web::board::card::Card;
use crate::web::composer::view::Composer;
use crate::web::home::run_row::{Doing, RunRow};
use crate::web::ticket::view_comment::Said;
use crate::web::ticket::view_head::Head;
use crate::web::ticket::view_live::Live;
use crate::web::ui::attention_card;
use crate::web::ui::attention_card::{Ask, Lit};
use crate::web::ui::paused::Resting;
use rusqlite::Connection;
use std::collections::BTreeMap;

/// The pulse shows so many spans of [`PULSE_MS`].
const PULSE_SPANS: usize = 45;
/// One span of the pulse, in milliseconds.
const PULSE_MS: i64 = 2_000;
/// Of more events than about so many, the pulse looks at some.
const PULSE_SAMPLES: i64 = 135;
/// Events in the panel's window.
pub const EVENT_WINDOW: i64 = 200;
/// Reports that wait for Luci are counted up to so many.
pub const REPORTS_COUNTED: i64 = 1_000;
/// Comments in the talk's window.
pub const TALK_WINDOW: i64 = 100;

/// A fresh composer.
///
/// # Errors
/// The store failed.
pub fn composer(c: &Connection, config: &Config) -> Result<Composer> {
    Ok(Composer { roles: roles(config), projects: projects(c, config)?, ..Composer::default() })
}

/// Names of roles, as chosen from.
#[must_use]
pub fn roles(config: &Config) -> Vec<String> {
    Role::BUILT_IN.iter().map(|r| (*r).to_owned()).chain(config.extra_roles.iter().cloned()).collect()
}

/// Names of projects: configured ones and those in use.
///
/// # Errors
/// The store failed.
pub fn projects(c: &Connection, config: &Config) -> Result<Vec<String>> {
    let mut all: Vec<String> = config.projects.iter().map(|p| p.name.clone()).collect();
    all.extend(board::projects(c)?);
    all.sort();
    all.dedup();
    Ok(all)
}

/// How much waits for a person: tickets, and profiles that rest until somebody lets them go on.
///
/// # Errors
/// The store failed.
pub fn needs_count(c: &Connection) -> Result<i64> {
    let tickets: i64 = board::counts(c)?.into_iter().filter(|(s, _)| s.needs_person()).map(|(_, n)| n).sum();
    Ok(tickets + pauses::for_a_person(c)?)
}

/// Profiles that rest.
///
/// # Errors
/// The store failed.
pub fn resting(c: &Connection, now: Time) -> Result<Vec<Resting>> {
    let all = pauses::in_force(c, now)?;
    Ok(all.into_iter().map(|(name, p)| Resting { name, why: p.reason, until: p.until }).collect())
}

/// What a waiting ticket asks; none where it waits for nobody.
///
/// # Errors
/// The store failed.
pub fn lit(c: &Connection, t: &Ticket) -> Result<Option<Lit>> {
    Ok(lits(c, std::slice::from_ref(t))?.pop())
}

/// What waiting tickets ask, in their order; those that wait for nobody are left out.
///
/// # Errors
/// The store failed.
pub fn lits(c: &Connection, list: &[Ticket]) -> Result<Vec<Lit>> {
    let of = |status: Status| list.iter().filter(move |t| t.status == status);
    let waiting: Vec<TicketId> = list.iter().filter(|t| t.status.needs_person()).map(|t| t.id).collect();
    let words = comments::last_words(c, &waiting)?;
    let shown = evidence::newest_of(c, &of(Status::InReview).map(|t| t.id).collect::<Vec<_>>(), 3)?;
    let runs = runs::get_many(c, &of(Status::Blocked).filter_map(|t| t.run).collect::<Vec<_>>())?;
    let ask = |t: &Ticket| {
        let said = words.get(&t.id).map(|w| w.body.as_str()).unwrap_or_default();
        Some(match t.status {
            Status::NeedsInput => asked(said, t.title.as_str()),
            Status::InReview => {
                let change = shown.iter().find(|e| e.ticket == t.id && e.kind == "change");
                let change = change.map(|e| format!("{}. ", e.label)).unwrap_or_default();
                Ask::Review { summary: format!("{change}{}", capitalised(&plain_words(said, 280))) }
            }
            Status::Blocked => match t.run.and_then(|run| runs.get(&run)?.failure.as_ref()) {
                Some(f) => Ask::Blocked { reason: capitalised(&shortened(&f.text, 200)), advice: f.code.advice().to_owned() },
                None => Ask::Blocked {
                    reason: "It was stopped".to_owned(),
                    advice: "Its work is kept. Reply to let it go on.".to_owned(),
                },
            },
            Status::Inbox | Status::Todo | Status::InProgress | Status::Done | Status::Cancelled => return None,
        })
    };
    let lit = |t: &Ticket| {
        Some(Lit {
            ticket: t.id,
            title: t.title.as_str().to_owned(),
            project: t.project.clone(),
            role: t.role.clone(),
            since: t.status_since,
            version: t.version,
            ask: ask(t)?,
        })
    };
    Ok(list.iter().filter_map(lit).collect())
}

fn asked(said: &str, title: &str) -> Ask {
    let asked = question::of_comment(said);
    if asked.ask.is_empty() {
        return Ask::Question {
            text: format!("What should be done about “{title}”?"), why: String::new(), options: Vec::new()
        };
    }
    attention_card::question(asked)
}

/// The first words of a Markdown text, on one line, without its prefix.
fn plain_words(text: &str, max: usize) -> String {
    let text = verdict::prefix(text).map_or_else(|| text.to_owned(), |(_, payload)| payload);
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ").replace(['*', '`', '#'], "");
    let (cut, more) = cut_chars(&line, max);
    if more { format!("{cut}…") } else { cut.to_owned() }
}

/// Live runs as rows, each with its ticket.
///
/// # Errors
/// The store failed.
pub fn run_rows(c: &Connection, list: &[(&Ticket, &Run)], now: Time) -> Result<Vec<RunRow>> {
    let ids: Vec<TicketId> = list.iter().map(|(t, _)| t.id).collect();
    let (mut last, mut pulses) = (activity::last_doing(c, &ids)?, pulses(c, &ids, now)?);
    let row = |(t, run): &(&Ticket, &Run)| RunRow {
        run: run.id,
        ticket: t.id,
        title: t.title.as_str().to_owned(),
        project: t.project.clone(),
        role: t.role.clone(),
        state: run.state,
        doing: last.remove(&t.id).filter(|e| e.run == run.id).map(|e| doing(&e)),
        last_output: run.last_output_at,
        since: run.started_at.unwrap_or(run.created_at),
        pulse: pulses.remove(&t.id).unwrap_or_else(|| vec![0; PULSE_SPANS]),
    };
    Ok(list.iter().map(row).collect())
}

fn doing(e: &Event) -> Doing {
    if e.what.kind == EventKind::Text {
        return Doing {
            tool: String::new(),
            context: cut_chars(e.what.content.lines().next().unwrap_or_default(), 120).0.to_owned(),
        };
    }
    Doing { tool: e.what.tool.clone().unwrap_or_default(), context: e.what.context.clone().unwrap_or_default() }
}

fn pulses(c: &Connection, tickets: &[TicketId], now: Time) -> Result<BTreeMap<TicketId, Vec<u32>>> {
    let from = now.plus_ms(-PULSE_MS * i64::try_from(PULSE_SPANS).unwrap_or(45));
    let counted = |times: Vec<(Time, i64)>| {
        let mut counts = vec![0_u32; PULSE_SPANS];
        for (at, each) in times {
            let i = usize::try_from(at.since(from) / PULSE_MS).unwrap_or(0).min(PULSE_SPANS - 1);
            counts[i] = counts[i].saturating_add(u32::try_from(each).unwrap_or(u32::MAX));
        }
        counts
    };
    let times = activity::times_since(c, tickets, from, PULSE_SAMPLES)?;
    Ok(times.into_iter().map(|(ticket, times)| (ticket, counted(times))).collect())
}

/// Cards of a list of tickets.
///
/// # Errors
/// The store failed.
pub fn cards(c: &Connection, list: &[Ticket], config: &Config, now: Time) -> Result<Vec<Card>> {
    let mut actions = next_actions::actions(c, list, now, config)?;
    let working = list.iter().filter(|t| t.status == Status::InProgress);
    let found = runs::get_many(c, &working.clone().filter_map(|t| t.run).collect::<Vec<_>>())?;
    let with_runs: Vec<(&Ticket, &Run)> = working.filter_map(|t| Some((t, found.get(&t.run?)?))).collect();
    let mut rows: BTreeMap<TicketId, RunRow> = run_rows(c, &with_runs, now)?.into_iter().map(|row| (row.ticket, row)).collect();
    let asking: Vec<Ticket> = list.iter().filter(|t| t.status == Status::NeedsInput).cloned().collect();
    let mut asked: BTreeMap<TicketId, Ask> = lits(c, &asking)?.into_iter().map(|lit| (lit.ticket, lit.ask)).collect();
    let mut cards = Vec::with_capacity(list.len());
    for t in list {
        let run = rows.remove(&t.id);
        let mut action = actions.remove(&t.id).unwrap_or_else(|| crate::domain::ticket::next_action::NextAction {
            kind: crate::domain::ticket::next_action::NextKind::Triage,
            text: String::new(),
            at: None,
        });
        if let Some(Ask::Question { text, .. }) = asked.remove(&t.id) {
            action.text = shortened(&text, 160);
        }
        cards.push(Card {
            id: t.id,
            title: t.title.as_str().to_owned(),
            status: t.status,
            role: t.role.clone(),
            project: t.project.clone(),
            priority: t.priority,
            next: action,
            since: t.status_since,
            version: t.version,
            run,
        });
    }
    Ok(cards)
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
        next: next.unwrap_or(crate::domain::ticket::next_action::NextAction {
            kind: crate::domain::ticket::next_action::NextKind::Nothing,
            text: String::new(),
            at: None,
        }),
        runtime: config.profile(&profile).map_or(profile, crate::domain::profile::Profile::label),
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
        pulse: pulses(c, &[t.id], now)?.remove(&t.id).unwrap_or_else(|| vec![0; PULSE_SPANS]),
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
pub fn talk(c: &Connection, t: &Ticket, list: Vec<crate::domain::ticket::comment::Comment>) -> Result<Vec<Said>> {
    let queued = messages::of_ticket(c, t.id, 200)?;
    let shown = evidence::of_ticket(c, t.id, 100)?;
    Ok(list
        .into_iter()
        .map(|comment| Said {
            evidence: match (comment.kind, comment.run) {
                (CommentKind::Result, Some(run)) => shown.iter().filter(|e| e.run == Some(run)).cloned().collect(),
                (_, _) => Vec::new(),
            },
            message: queued.iter().find(|m| m.comment == comment.id).cloned(),
            comment,
        })
        .collect())
}

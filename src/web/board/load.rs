//! From rows to the board: its columns, their counts, their cards.

use crate::base::error::Result;
use crate::config::Config;
use crate::domain::ids::TicketId;
use crate::domain::run::Run;
use crate::domain::text::shortened;
use crate::domain::ticket::next_action::{NextAction, NextKind};
use crate::domain::ticket::{Status, Ticket};
use crate::domain::time::Time;
use crate::store::run::runs;
use crate::store::ticket::filter::Cursor;
use crate::store::ticket::{board as rows, filter, lists, next_actions, search};
use crate::web::board::card::Card;
use crate::web::board::filter::Filter;
use crate::web::board::query::Query;
use crate::web::board::view::{Board, Column};
use crate::web::composer;
use crate::web::shared::{activity, attention, choices};
use crate::web::ui::attention_card::Ask;
use crate::web::ui::run_activity::RunRow;
use rusqlite::Connection;
use std::collections::BTreeMap;

/// Cards in a column's window.
const WINDOW: usize = 30;

/// Under a filter a column is counted up to here.
const COUNT_CAP: usize = 500;

/// All columns.
///
/// # Errors
/// The store failed.
pub fn load_board(c: &Connection, config: &Config, query: &Query, now: Time) -> Result<Board> {
    let filter = query.filter();
    let statuses: Vec<Status> = match filter.status {
        Some(one) => vec![one],
        None => Status::ALL.iter().copied().filter(|s| *s != Status::Cancelled).collect(),
    };
    let col = query.col.parse().ok();
    let mut columns = Vec::new();
    for status in statuses {
        let after = if col == Some(status) { Cursor::parse(&query.after) } else { None };
        columns.push(load_column(c, config, &filter, status, after, now)?);
    }
    Ok(Board {
        columns,
        col,
        open: query.open.split(',').filter_map(|s| s.parse().ok()).collect(),
        roles: choices::roles(config),
        projects: choices::projects(c, config)?,
        composer: composer::load::composer(c, config)?,
        filter,
    })
}

/// The store's filter for one column.
#[must_use]
pub fn rows_filter(filter: &Filter, status: Status) -> filter::Filter {
    filter::Filter {
        status: Some(status),
        project: filter.project.clone(),
        role: filter.role.clone(),
        priority: filter.priority,
        q: (!filter.q.is_empty()).then(|| filter.q.clone()),
    }
}

/// How many tickets stand in a column under a filter.
///
/// # Errors
/// The store failed.
pub fn count(c: &Connection, filter: &Filter, status: Status) -> Result<i64> {
    let free = Filter { status: None, ..filter.clone() };
    if free.is_empty() {
        return Ok(rows::counts(c)?.get(&status).copied().unwrap_or(0));
    }
    Ok(i64::try_from(search::count_matching(c, &rows_filter(filter, status), COUNT_CAP)?).unwrap_or(0))
}

/// A window of one column.
///
/// # Errors
/// The store failed.
pub fn load_column(
    c: &Connection,
    config: &Config,
    filter: &Filter,
    status: Status,
    after: Option<Cursor>,
    now: Time,
) -> Result<Column> {
    let (list, next) = lists::faces(c, &rows_filter(filter, status), after, WINDOW)?;
    let all = count(c, filter, status)?;
    Ok(Column { status, count: all, cards: cards(c, &list, config, now)?, more: next.map(Cursor::text), note: None })
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
    let mut rows: BTreeMap<TicketId, RunRow> =
        activity::run_rows(c, &with_runs, now)?.into_iter().map(|row| (row.ticket, row)).collect();
    let asking: Vec<Ticket> = list.iter().filter(|t| t.status == Status::NeedsInput).cloned().collect();
    let mut asked: BTreeMap<TicketId, Ask> =
        attention::cards(c, &asking)?.into_iter().map(|card| (card.ticket, card.ask)).collect();
    let mut cards = Vec::with_capacity(list.len());
    for t in list {
        let run = rows.remove(&t.id);
        let mut action =
            actions.remove(&t.id).unwrap_or_else(|| NextAction { kind: NextKind::Triage, text: String::new(), at: None });
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

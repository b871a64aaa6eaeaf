//! The board: columns of cards, filtered by its address.

use crate::base::error::{Error, Result};
use crate::config::Config;
use crate::domain::ticket::{Priority, Status};
use crate::domain::time::Time;
use crate::store::ticket::board as rows;
use crate::store::ticket::filter::Cursor;
use crate::store::ticket::{filter, lists, search};
use crate::web::board::filter::Filter;
use crate::web::board::kept::kept_board;
use crate::web::board::view::{Board, Column, more_cards};
use crate::web::http::request::{Visit, html_response};
use crate::web::ui::shell::Nav;
use crate::web::view_models;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use rusqlite::Connection;
use serde::Deserialize;

/// Cards in a column's window.
const WINDOW: usize = 30;
/// Under a filter a column is counted up to here.
const COUNT_CAP: usize = 500;

/// What stands in the board's address.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Query {
    #[serde(default)]
    q: String,
    #[serde(default)]
    project: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    priority: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    col: String,
    #[serde(default)]
    open: String,
    #[serde(default)]
    after: String,
}

impl Query {
    /// The filter in it. Words that mean nothing filter nothing.
    #[must_use]
    pub fn filter(&self) -> Filter {
        let some = |text: &str| (!text.trim().is_empty()).then(|| text.trim().chars().take(200).collect::<String>());
        Filter {
            q: some(&self.q).unwrap_or_default(),
            project: some(&self.project),
            role: some(&self.role),
            priority: self.priority.parse::<Priority>().ok(),
            status: self.status.parse::<Status>().ok(),
        }
    }

    /// The change the page was rendered after.
    #[must_use]
    pub fn after(&self) -> i64 {
        self.after.parse().unwrap_or(0)
    }
}

/// `GET /board`
pub async fn get(visit: Visit, query: web::Query<Query>) -> HttpResponse {
    visit
        .answer(async {
            let board = kept_board(&visit, query.into_inner()).await?;
            Ok(visit.page_of(Nav::Board, "Board", board.q.clone(), &board.main).await)
        })
        .await
}

/// `GET /board/column/{status}`: more cards of a column.
pub async fn column(visit: Visit, path: web::Path<String>, query: web::Query<Query>) -> HttpResponse {
    visit
        .answer(async {
            let status: Status = path.parse().map_err(|_| Error::not_found("that column"))?;
            let query = query.into_inner();
            let filter = query.filter();
            if !visit.htmx {
                let to = filter.href(&[("col", status.as_str()), ("open", status.as_str()), ("after", &query.after)]);
                return Ok(HttpResponse::SeeOther().insert_header(("Location", to)).finish());
            }
            let after = Cursor::parse(&query.after).ok_or_else(|| Error::field("after", "is no cursor"))?;
            let (config, now, asked) = (visit.app.config.clone(), visit.now, filter.clone());
            let column = visit.app.store.query_long(move |c| load_column(c, &config, &asked, status, Some(after), now)).await?;
            Ok(html_response(StatusCode::OK, &more_cards(&column, &filter, visit.cx())))
        })
        .await
}

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
        roles: view_models::roles(config),
        projects: view_models::projects(c, config)?,
        composer: view_models::composer(c, config)?,
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
    Ok(Column { status, count: all, cards: view_models::cards(c, &list, config, now)?, more: next.map(Cursor::text), note: None })
}

//! The ticket's page, and the window of older events.

use crate::base::error::{Error, FieldError, Result};
use crate::config::Config;
use crate::domain::ids::{CommentId, EventId, TicketId};
use crate::store::run::{events, runs};
use crate::store::ticket::{comments, evidence, tickets};
use crate::web::http::request::{Visit, html_response};
use crate::web::ticket::stream;
use crate::web::ticket::stream::Cursor;
use crate::web::ticket::view;
use crate::web::ticket::view::{Tab, TicketPage};
use crate::web::ticket::view_live::older_events;
use crate::web::ui::shell::Nav;
use crate::web::view_models;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use rusqlite::Connection;
use serde::Deserialize;

/// What stands in the ticket's address.
#[derive(Debug, Default, Deserialize)]
pub struct Query {
    tab: Option<String>,
    before: Option<i64>,
    talk_before: Option<i64>,
}

/// `GET /tickets/{identifier}`
pub async fn get(visit: Visit, path: web::Path<String>, query: web::Query<Query>) -> HttpResponse {
    visit
        .answer(async {
            let id = identifier(&path)?;
            visit.who.ticket(id)?;
            let query = query.into_inner();
            show(&visit, id, &query, StatusCode::OK, String::new(), Vec::new()).await
        })
        .await
}

/// The page, with what was typed into the reply where sending failed.
///
/// # Errors
/// The ticket does not exist, or the store failed.
pub async fn show(
    visit: &Visit,
    id: TicketId,
    query: &Query,
    status: StatusCode,
    reply: String,
    errors: Vec<FieldError>,
) -> Result<HttpResponse> {
    let (config, now) = (visit.app.config.clone(), visit.now);
    let (before, talk_before) = (query.before.unwrap_or(i64::MAX), CommentId(query.talk_before.unwrap_or(i64::MAX)));
    let tab = Tab::read(query.tab.as_deref());
    let (mut page, mark) = visit
        .app
        .store
        .query(move |c| {
            let page = load_page(c, &config, id, before, talk_before, tab, now)?;
            let mark = stream::mark(c, &page.head.ticket, &config, now)?;
            Ok((page, mark))
        })
        .await?;
    page.reply = reply;
    page.errors = errors;
    let at = Cursor {
        event: page.live.events.last().map_or(EventId(0), |e| e.id),
        comment: page.talk.last().map_or(CommentId(0), |s| s.comment.id),
        mark,
    };
    let stream = format!("/tickets/{id}/stream?after={at}");
    let title = format!("{id} {}", page.head.ticket.title.as_str());
    let mut crumbs = Vec::new();
    if !page.head.ticket.project.is_empty() {
        let project = page.head.ticket.project.clone();
        let to = crate::web::board::filter::address("/board", [("project", project.as_str())]);
        crumbs.push((project, to));
    }
    crumbs.push((id.to_string(), format!("/tickets/{id}")));
    let main = view::ticket(&page, &stream, visit.cx());
    Ok(visit.page_with(status, Nav::Board, &title, crumbs, String::new(), main).await)
}

fn load_page(
    c: &Connection,
    config: &Config,
    id: TicketId,
    before: i64,
    talk_before: CommentId,
    tab: Tab,
    now: crate::domain::time::Time,
) -> Result<TicketPage> {
    let t = tickets::get(c, id)?;
    let list = comments::newest(c, id, talk_before, view_models::TALK_WINDOW)?;
    let talk_total = comments::count(c, id)?;
    let older = list.first().filter(|_| talk_total > view_models::TALK_WINDOW).map(|first| first.id);
    let older = match older {
        Some(first) if !comments::newest(c, id, first, 1)?.is_empty() => Some(format!("/tickets/{id}?talk_before={first}")),
        Some(_) | None => None,
    };
    Ok(TicketPage {
        head: view_models::head(c, &t, config, now)?,
        lit: view_models::lit(c, &t)?,
        talk: view_models::talk(c, &t, list)?,
        talk_total,
        talk_older: older,
        live: view_models::live(c, &t, before_seq(c, id, before)?, now)?,
        attempts: runs::of_ticket(c, id, 50)?,
        evidence: evidence::of_ticket(c, id, 100)?,
        tab,
        reply: String::new(),
        errors: Vec::new(),
    })
}

/// The number within the ticket of the event that a cursor names.
fn before_seq(c: &Connection, id: TicketId, before: i64) -> Result<i64> {
    if before == i64::MAX { Ok(i64::MAX) } else { events::seq_of(c, id, EventId(before)) }
}

/// `GET /tickets/{identifier}/events?before=`: older events as fragments; without script the page from there.
pub async fn older(visit: Visit, path: web::Path<String>, query: web::Query<Query>) -> HttpResponse {
    visit
        .answer(async {
            let id = identifier(&path)?;
            visit.who.ticket(id)?;
            let before = query.before.unwrap_or(i64::MAX);
            if !visit.htmx {
                let to = format!("/tickets/{id}?tab=live&before={before}");
                return Ok(HttpResponse::SeeOther().insert_header(("Location", to)).finish());
            }
            let now = visit.now;
            let live = visit
                .app
                .store
                .query(move |c| view_models::live(c, &tickets::get(c, id)?, before_seq(c, id, before)?, now))
                .await?;
            Ok(html_response(StatusCode::OK, &older_events(&live, visit.cx())))
        })
        .await
}

/// The ticket a path names.
///
/// # Errors
/// It names none.
pub fn identifier(text: &str) -> Result<TicketId> {
    text.parse().map_err(|_| Error::not_found(format!("a ticket {:?}", text.chars().take(40).collect::<String>())))
}

//! The ticket's page, and the window of older events.

use crate::base::error::{FieldError, Result};
use crate::domain::ids::{CommentId, EventId, TicketId};
use crate::store::ticket::tickets;
use crate::web::http::request::{Visit, html_response};
use crate::web::ticket::address::{Query, identifier};
use crate::web::ticket::cursor::Cursor;
use crate::web::ticket::load::{before_seq, load_page};
use crate::web::ticket::view::Tab;
use crate::web::ticket::view_live::older_events;
use crate::web::ticket::{load, parts, view};
use crate::web::ui::shell::Nav;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

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
            let mark = parts::mark(c, &page.head.ticket, &config, now)?;
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
            let live =
                visit.app.store.query(move |c| load::live(c, &tickets::get(c, id)?, before_seq(c, id, before)?, now)).await?;
            Ok(html_response(StatusCode::OK, &older_events(&live, visit.cx())))
        })
        .await
}

//! Events of a ticket, listed and live; and the board, live.

use crate::base::clock::Clock;
use crate::base::doorbell::Topic;
use crate::base::error::{Error, Result};
use crate::config::Config;
use crate::domain::ids::{ChangeId, EventId, TicketId};
use crate::domain::run::event::EventKind;
use crate::store::run::events;
use crate::store::ticket::{changes, tickets};
use crate::web::api::dto::{EventBody, Page, cut, ticket_out};
use crate::web::api::params::{Identifier, Params};
use crate::web::http::auth::Principal;
use crate::web::http::problem::ApiError;
use crate::web::http::state::App;
use crate::web::sse::event_stream;
use crate::web::sse::event_stream::Source;
use actix_web::{HttpRequest, HttpResponse, web};
use actix_web_lab::sse;
use rusqlite::Connection;
use serde::Serialize;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// Rows read at once by a stream.
const BATCH: i64 = 200;
/// Bytes of text read at once by a stream: it holds them until its reader has taken them, which may be long.
const BITE: usize = 64 * 1024;

/// `GET /tickets/{identifier}/events`
pub async fn list(
    app: web::Data<App>,
    _principal: Principal,
    id: Identifier,
    mut query: Params,
) -> std::result::Result<HttpResponse, ApiError> {
    let (limit, after) = (query.limit(), query.after().unwrap_or(0));
    let kind: Option<EventKind> = query.word("kind");
    query.finish()?;
    let found = app.store.query(move |c| {
        tickets::exists(c, id.0)?;
        let mut found = events::after(c, id.0, EventId(after), kind, i64::try_from(limit + 1).unwrap_or(51))?;
        let next_cursor = cut(&mut found, limit, |e| e.id.0);
        Ok(Page { items: found.iter().map(EventBody::from).collect(), next_cursor })
    });
    Ok(HttpResponse::Ok().json(found.await?))
}

/// `GET /tickets/{identifier}/stream`
pub async fn of_ticket(
    app: web::Data<App>,
    principal: Principal,
    id: Identifier,
    req: HttpRequest,
    mut query: Params,
) -> std::result::Result<HttpResponse, actix_web::Error> {
    let after = query.after();
    query.finish().map_err(ApiError)?;
    let cursor = event_stream::cursor(&req, after).map_err(ApiError)?.unwrap_or(0);
    app.store.query(move |c| tickets::exists(c, id.0)).await.map_err(ApiError)?;
    let source = TicketSource {
        id: id.0,
        cursor: EventId(cursor),
        face: None,
        config: app.config.clone(),
        clock: app.store.clock().clone(),
    };
    Ok(event_stream::open(&app, &req, principal, Topic::Ticket(id.0), source)?)
}

/// `GET /stream`
pub async fn of_board(
    app: web::Data<App>,
    principal: Principal,
    req: HttpRequest,
    mut query: Params,
) -> std::result::Result<HttpResponse, actix_web::Error> {
    let after = query.after();
    query.finish().map_err(ApiError)?;
    let cursor = match event_stream::cursor(&req, after).map_err(ApiError)? {
        Some(id) => ChangeId(id),
        None => app.store.query(changes::newest).await.map_err(ApiError)?,
    };
    let source = BoardSource { cursor, config: app.config.clone(), clock: app.store.clock().clone() };
    Ok(event_stream::open(&app, &req, principal, Topic::Board, source)?)
}

/// A ticket's events, and the ticket itself whenever its face changes.
#[derive(Clone)]
struct TicketSource {
    id: TicketId,
    cursor: EventId,
    /// A mark of the ticket as it was last told.
    face: Option<u64>,
    config: Arc<Config>,
    clock: Arc<dyn Clock>,
}

impl Source for TicketSource {
    fn read(&mut self, conn: &Connection) -> Result<(Vec<sse::Data>, bool)> {
        let (found, more) = events::bite(conn, self.id, self.cursor, usize::try_from(BATCH).unwrap_or(usize::MAX), BITE)?;
        let mut out = Vec::with_capacity(found.len() + 1);
        for event in &found {
            out.push(data(&EventBody::from(event))?.event("ticket_event").id(event.id.to_string()));
            self.cursor = event.id;
        }
        if !more {
            let ticket = ticket_out(conn, &tickets::get(conn, self.id)?, self.clock.now(), &self.config)?;
            let face = mark(&ticket.face());
            if self.face != Some(face) {
                out.push(data(&ticket)?.event("ticket"));
                self.face = Some(face);
            }
        }
        Ok((out, more))
    }

    fn place(&self) -> Option<String> {
        Some(format!("event {} {:?}", self.cursor, self.face))
    }
}

/// A mark of a text, good for as long as the program runs.
fn mark(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// Every ticket that changed, as it stands now.
#[derive(Clone)]
struct BoardSource {
    cursor: ChangeId,
    config: Arc<Config>,
    clock: Arc<dyn Clock>,
}

impl Source for BoardSource {
    fn read(&mut self, conn: &Connection) -> Result<(Vec<sse::Data>, bool)> {
        let found = changes::after(conn, self.cursor, BATCH)?;
        // Of several changes of one ticket the last one speaks for all.
        let last: BTreeMap<TicketId, ChangeId> = found.iter().map(|c| (c.ticket, c.id)).collect();
        let mut order: Vec<(ChangeId, TicketId)> = last.into_iter().map(|(ticket, id)| (id, ticket)).collect();
        order.sort_unstable();
        let mut out = Vec::with_capacity(order.len());
        for (id, ticket) in order {
            let ticket = ticket_out(conn, &tickets::get(conn, ticket)?, self.clock.now(), &self.config)?;
            out.push(data(&ticket)?.event("ticket").id(id.to_string()));
        }
        if let Some(change) = found.last() {
            self.cursor = change.id;
        }
        Ok((out, found.len() >= usize::try_from(BATCH).unwrap_or(usize::MAX)))
    }

    fn place(&self) -> Option<String> {
        Some(format!("change {}", self.cursor))
    }
}

fn data(value: &impl Serialize) -> Result<sse::Data> {
    sse::Data::new_json(value).map_err(|e| Error::Internal(e.to_string()))
}

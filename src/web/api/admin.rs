//! For the operator: health, liveness, the invariants, ticks by hand, resting profiles.

use crate::base::error::{Error, Result};
use crate::domain::ticket::{Status, Ticket};
use crate::domain::time::Time;
use crate::engine::inbox::drain;
use crate::engine::run::pickup;
use crate::engine::system::housekeeping;
use crate::engine::task;
use crate::store::db::check;
use crate::store::run::pauses;
use crate::store::ticket::filter::{Cursor, Filter};
use crate::store::ticket::lists;
use crate::store::ticket::next_actions;
use crate::web::api::body::Body;
use crate::web::api::dto::{NextBody, Page};
use crate::web::api::idempotent::{once, once_done};
use crate::web::api::params::Params;
use crate::web::http::auth::Principal;
use crate::web::http::problem::ApiError;
use crate::web::http::state::App;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::json;

type Answer = std::result::Result<HttpResponse, ApiError>;

/// `GET /health`: whether the server answers and its database can be read. Tells nothing else: it is public.
pub async fn health(app: web::Data<App>) -> Answer {
    let schema = app.store.query(check::schema_version).await?;
    Ok(HttpResponse::Ok().json(json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION"), "schema": schema })))
}

/// `GET /check`: all breaches of the invariants.
pub async fn invariants(app: web::Data<App>, _principal: Principal) -> Answer {
    let (store, max) = (app.store.clone(), app.config.max_workers);
    let found = tokio::task::spawn_blocking(move || crate::engine::system::check::check(&store, max))
        .await
        .map_err(|e| Error::Internal(format!("the check was cut off: {e}")))??;
    let breaches: Vec<_> = found.iter().map(|(name, text)| json!({ "invariant": name, "text": text })).collect();
    Ok(HttpResponse::Ok().json(json!({ "ok": breaches.is_empty(), "breaches": breaches })))
}

/// `POST /tick/{name}`: makes an engine look at once. A tick does no harm however often it comes.
pub async fn tick(
    app: web::Data<App>,
    principal: Principal,
    name: web::Path<String>,
    req: HttpRequest,
    mut body: Body,
) -> Answer {
    body.finish()?;
    if !matches!(name.as_str(), "pickup" | "reaper" | "drain" | "scheduler" | "housekeeping") {
        let shown: String = name.chars().filter(|c| !c.is_control()).take(40).collect();
        return Err(ApiError(Error::not_found(format!("an engine named {shown:?}"))));
    }
    let answer = json!({ "tick": name.as_str(), "ok": true });
    let (engine, name) = (app.engine.clone(), name.into_inner());
    let look = move || match name.as_str() {
        "drain" => drain::tick(&engine, drain::Pace::Now).map(|_| ()),
        "scheduler" => task::tick(&engine),
        "housekeeping" => housekeeping::tidy(&engine),
        "reaper" => pickup::reap(&engine),
        _ => pickup::tick(&engine).map(|_| ()),
    };
    let work = async {
        let looked = tokio::task::spawn_blocking(look).await;
        looked.map_err(|e| Error::Internal(format!("the tick was cut off: {e}")))?.map(|()| answer)
    };
    once_done(&app, &principal, &req, &body, work).await
}

/// `POST /profiles/{name}/resume`: ends the rest of a profile.
pub async fn resume(
    app: web::Data<App>,
    principal: Principal,
    name: web::Path<String>,
    req: HttpRequest,
    mut body: Body,
) -> Answer {
    body.finish()?;
    if app.config.profile(&name).is_none() {
        let shown: String = name.chars().filter(|c| !c.is_control()).take(40).collect();
        return Err(ApiError(Error::not_found(format!("a profile named {shown:?}"))));
    }
    let work = move |tx: &crate::store::Tx<'_>| {
        let resumed = pauses::resume(tx, &name)?;
        Ok(json!({ "profile": name.as_str(), "resumed": resumed }))
    };
    once(&app, &principal, &req, &body, StatusCode::OK, work).await
}

/// An open ticket and what moves it next.
#[derive(Serialize)]
struct Live {
    identifier: String,
    title: String,
    status: &'static str,
    role: String,
    status_since: Time,
    age_s: i64,
    next_action: NextBody,
}

/// `GET /liveness`: every open ticket with its next move, by status, last changed first.
pub async fn liveness(app: web::Data<App>, _principal: Principal, mut query: Params) -> Answer {
    let limit = query.limit();
    let from = match query.text("cursor").map(|text| Place::parse(&text)) {
        Some(Some(place)) => place,
        Some(None) => {
            query.wrong("cursor", "is no cursor of this list");
            Place::start()
        }
        None => Place::start(),
    };
    query.finish()?;
    let (config, now) = (app.config.clone(), app.store.clock().now());
    let found = app.store.query(move |c| {
        let mut list = open_tickets(c, from, limit + 1)?;
        let more = list.len() > limit;
        list.truncate(limit);
        let moves = next_actions::actions(c, &list, now, config.as_ref())?;
        let next_cursor = if more { list.last().map(Place::after) } else { None };
        let items = list
            .iter()
            .map(|t| Live {
                identifier: t.id.to_string(),
                title: t.title.as_str().to_owned(),
                status: t.status.as_str(),
                role: t.role.as_str().to_owned(),
                status_since: t.status_since,
                age_s: now.since(t.created_at) / 1000,
                next_action: NextBody::from(&moves[&t.id]),
            })
            .collect();
        Ok(Page { items, next_cursor })
    });
    Ok(HttpResponse::Ok().json(found.await?))
}

/// A place in the list of open tickets.
#[derive(Clone, Copy)]
struct Place {
    status: Status,
    cursor: Option<Cursor>,
}

impl Place {
    fn start() -> Place {
        Place { status: Status::ALL[0], cursor: None }
    }

    fn after(ticket: &Ticket) -> String {
        let cursor = Cursor { updated_at: ticket.updated_at, id: ticket.id };
        format!("{}.{}", ticket.status, cursor.text())
    }

    fn parse(text: &str) -> Option<Place> {
        let (status, cursor) = text.split_once('.')?;
        Some(Place { status: status.parse().ok()?, cursor: Some(Cursor::parse(cursor)?) })
    }
}

fn open_tickets(conn: &rusqlite::Connection, from: Place, most: usize) -> Result<Vec<Ticket>> {
    let mut found = Vec::new();
    let mut cursor = from.cursor;
    for status in Status::ALL.iter().skip_while(|s| **s != from.status).filter(|s| !s.is_closed()) {
        let filter = Filter { status: Some(*status), ..Filter::default() };
        found.extend(lists::window(conn, &filter, cursor.take(), most - found.len())?);
        if found.len() >= most {
            break;
        }
    }
    Ok(found)
}

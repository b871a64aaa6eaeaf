//! Turns: list, show, cancel, retry.

use crate::base::error::Result;
use crate::domain::ids::TurnId;
use crate::domain::orchestrator::turn::Turn;
use crate::store::Tx;
use crate::store::orchestrator::turns;
use crate::web::api::body::Body;
use crate::web::api::dto::{Page, cut, turn_out};
use crate::web::api::idempotent::once;
use crate::web::api::params::{Number, Params};
use crate::web::http::auth::Principal;
use crate::web::http::problem::ApiError;
use crate::web::http::state::App;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

type Answer = std::result::Result<HttpResponse, ApiError>;

/// `GET /turns`: newest first.
pub async fn list(app: web::Data<App>, _principal: Principal, mut query: Params) -> Answer {
    let (limit, before) = (query.limit(), query.after());
    query.finish()?;
    let found = app.store.query(move |c| {
        let mut found = turns::shown(c, before.map(TurnId), i64::try_from(limit + 1).unwrap_or(51))?;
        found.reverse();
        let next_cursor = cut(&mut found, limit, |t| t.id.0);
        Ok(Page { items: found.iter().map(|t| turn_out(c, t)).collect::<Result<_>>()?, next_cursor })
    });
    Ok(HttpResponse::Ok().json(found.await?))
}

/// `GET /turns/{id}`
pub async fn show(app: web::Data<App>, _principal: Principal, id: Number) -> Answer {
    let found = app.store.query(move |c| turn_out(c, &turns::get(c, TurnId(id.0))?));
    Ok(HttpResponse::Ok().json(found.await?))
}

/// `POST /turns/{id}/cancel`: withdrawn while it waits, interrupted while it is worked on.
pub async fn cancel(app: web::Data<App>, principal: Principal, id: Number, req: HttpRequest, body: Body) -> Answer {
    change(app, principal, id, req, body, turns::cancel).await
}

/// `POST /turns/{id}/retry`: a failed or cancelled one goes into the queue again.
pub async fn retry(app: web::Data<App>, principal: Principal, id: Number, req: HttpRequest, body: Body) -> Answer {
    change(app, principal, id, req, body, turns::retry).await
}

async fn change(
    app: web::Data<App>,
    principal: Principal,
    id: Number,
    req: HttpRequest,
    mut body: Body,
    how: fn(&Tx<'_>, TurnId) -> Result<Turn>,
) -> Answer {
    body.finish()?;
    let work = move |tx: &Tx<'_>| {
        let turn = how(tx, TurnId(id.0))?;
        Ok(json!({ "turn": turn_out(tx.conn, &turn)? }))
    };
    once(&app, &principal, &req, &body, StatusCode::OK, work).await
}

//! Comments and evidence of a ticket, and what a run's own agent reports.

use crate::base::error::Error;
use crate::domain::actor::Actor;
use crate::domain::ids::CommentId;
use crate::domain::ticket::evidence::ReportKind;
use crate::store::Tx;
use crate::store::run::{reports, runs};
use crate::store::ticket::{comments, evidence, lifecycle, tickets};
use crate::web::api::body::Body;
use crate::web::api::dto::{CommentBody, EvidenceBody, Page, cut};
use crate::web::api::idempotent::once;
use crate::web::api::params::{Identifier, Params};
use crate::web::http::auth::Principal;
use crate::web::http::problem::ApiError;
use crate::web::http::state::App;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

type Answer = Result<HttpResponse, ApiError>;

/// `GET /tickets/{identifier}/comments`
pub async fn list(app: web::Data<App>, _principal: Principal, id: Identifier, mut query: Params) -> Answer {
    let (limit, after) = (query.limit(), query.after().unwrap_or(0));
    query.finish()?;
    let found = app.store.query(move |c| {
        tickets::exists(c, id.0)?;
        let mut found = comments::after(c, id.0, CommentId(after), i64::try_from(limit + 1).unwrap_or(51))?;
        let next_cursor = cut(&mut found, limit, |c| c.id.0);
        Ok(Page { items: found.iter().map(CommentBody::from).collect(), next_cursor })
    });
    Ok(HttpResponse::Ok().json(found.await?))
}

/// `POST /tickets/{identifier}/comments`: a person's words are the reply that moves a waiting ticket on.
pub async fn add(app: web::Data<App>, principal: Principal, id: Identifier, req: HttpRequest, mut body: Body) -> Answer {
    let text = body.needed("body");
    let reply = body.flag("reply").unwrap_or(true);
    body.finish()?;
    let (actor, config) = (principal.actor.clone(), app.config.clone());
    let work = move |tx: &Tx<'_>| {
        let comment = match &actor {
            Actor::Person { .. } | Actor::Telegram { .. } if reply => lifecycle::reply(tx, id.0, &text, &actor, config.as_ref())?,
            Actor::Person { .. } | Actor::Telegram { .. } | Actor::Agent { .. } | Actor::System => {
                lifecycle::say(tx, id.0, &text, &actor)?
            }
        };
        Ok(CommentBody::from(&comment))
    };
    once(&app, &principal, &req, &body, StatusCode::CREATED, work).await
}

/// `GET /tickets/{identifier}/evidence`
pub async fn evidence(app: web::Data<App>, _principal: Principal, id: Identifier, mut query: Params) -> Answer {
    let (limit, before) = (query.limit(), query.after().unwrap_or(i64::MAX));
    query.finish()?;
    let found = app.store.query(move |c| {
        tickets::exists(c, id.0)?;
        let mut found = evidence::before(c, id.0, before, i64::try_from(limit + 1).unwrap_or(51))?;
        let next_cursor = cut(&mut found, limit, |e| e.id.to_string());
        Ok(Page { items: found.iter().map(EvidenceBody::from).collect(), next_cursor })
    });
    Ok(HttpResponse::Ok().json(found.await?))
}

/// `POST /tickets/{identifier}/report`: what the agent of a run says of its own work.
pub async fn report(app: web::Data<App>, principal: Principal, id: Identifier, req: HttpRequest, mut body: Body) -> Answer {
    if body.is_null("kind") || !body.has("kind") {
        body.wrong("kind", "is missing; known are done, review, question, comment, evidence");
    }
    let kind: Option<ReportKind> = body.word("kind");
    let text = body.needed("body");
    body.finish()?;
    let Some(kind) = kind else { return Err(ApiError(Error::field("kind", "is missing"))) };
    let run = match &principal.actor {
        Actor::Agent { run: Some(run), .. } => *run,
        Actor::Agent { run: None, .. } | Actor::Person { .. } | Actor::Telegram { .. } | Actor::System => {
            return Err(ApiError(Error::Denied(
                "only the agent of a run can report on it, with the token of that run".to_owned(),
            )));
        }
    };
    let client_id = body.key().unwrap_or_else(crate::base::random::uuid);
    let work = move |tx: &Tx<'_>| {
        let run = runs::get(tx.conn, run)?;
        let role = tickets::get(tx.conn, run.ticket)?.role.label();
        let new = reports::add(tx, &run, &role, kind, &text, &client_id)?;
        Ok(serde_json::json!({ "ticket": id.0.to_string(), "run": run.id.0, "kind": kind.as_str(), "new": new }))
    };
    once(&app, &principal, &req, &body, StatusCode::CREATED, work).await
}

//! Proposals: list, apply, dismiss, undo.

use crate::base::error::Result;
use crate::domain::ids::ProposalId;
use crate::domain::orchestrator::proposal::Proposal;
use crate::store::Tx;
use crate::store::orchestrator::actions;
use crate::store::orchestrator::effects::ActionsCx;
use crate::store::orchestrator::proposals;
use crate::web::api::body::Body;
use crate::web::api::dto::{Page, ProposalBody, cut};
use crate::web::api::idempotent::once;
use crate::web::api::params::{Number, Params};
use crate::web::http::auth::Principal;
use crate::web::http::problem::ApiError;
use crate::web::http::state::App;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

type Answer = std::result::Result<HttpResponse, ApiError>;

/// `GET /proposals`: newest first.
pub async fn list(app: web::Data<App>, _principal: Principal, mut query: Params) -> Answer {
    let (limit, before) = (query.limit(), query.after());
    query.finish()?;
    let found = app.store.query(move |c| {
        let mut found = proposals::list(c, before.map(ProposalId), i64::try_from(limit + 1).unwrap_or(51))?;
        let next_cursor = cut(&mut found, limit, |p| p.id.0);
        Ok(Page { items: found.iter().map(ProposalBody::from).collect(), next_cursor })
    });
    Ok(HttpResponse::Ok().json(found.await?))
}

/// `POST /proposals/{id}/apply`: as it stands, or as `action` says now; `answer` for one that asks the owner.
pub async fn apply(app: web::Data<App>, principal: Principal, id: Number, req: HttpRequest, mut body: Body) -> Answer {
    let answer = if body.has("answer") { Some(body.needed("answer")) } else { None };
    let changed = body.object("action");
    if answer.is_some() && changed.is_some() {
        body.wrong("answer", "and action do not go together");
    }
    body.finish()?;
    let (config, actor, id) = (app.config.clone(), principal.actor.clone(), ProposalId(id.0));
    let work = move |tx: &Tx<'_>| match (&answer, &changed) {
        (Some(answer), _) => actions::answer_owner(tx, id, answer, &actor),
        (None, Some(action)) => actions::edit(tx, id, &action.to_string(), &actor, &ActionsCx::of(config.as_ref())),
        (None, None) => actions::apply(tx, id, &actor, &ActionsCx::of(config.as_ref())),
    };
    done(&app, &principal, &req, &body, work).await
}

/// `POST /proposals/{id}/dismiss`
pub async fn dismiss(app: web::Data<App>, principal: Principal, id: Number, req: HttpRequest, mut body: Body) -> Answer {
    body.finish()?;
    let actor = principal.actor.clone();
    done(&app, &principal, &req, &body, move |tx: &Tx<'_>| actions::dismiss(tx, ProposalId(id.0), &actor)).await
}

/// `POST /proposals/{id}/undo`
pub async fn undo(app: web::Data<App>, principal: Principal, id: Number, req: HttpRequest, mut body: Body) -> Answer {
    body.finish()?;
    let (config, actor) = (app.config.clone(), principal.actor.clone());
    let work = move |tx: &Tx<'_>| actions::undo(tx, ProposalId(id.0), &actor, &ActionsCx::of(config.as_ref()));
    done(&app, &principal, &req, &body, work).await
}

async fn done(
    app: &App,
    principal: &Principal,
    req: &HttpRequest,
    body: &Body,
    work: impl FnOnce(&Tx<'_>) -> Result<Proposal> + Send + 'static,
) -> Answer {
    once(app, principal, req, body, StatusCode::OK, |tx| Ok(ProposalBody::from(&work(tx)?))).await
}

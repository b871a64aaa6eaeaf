//! Every POST may come twice: with a key it is done once, and answered the same way both times.

use crate::base::error::Result;
use crate::store::Tx;
use crate::store::db::idempotency;
use crate::store::db::idempotency::{Answer, Key};
use crate::web::api::body::Body;
use crate::web::http::auth::Principal;
use crate::web::http::problem::ApiError;
use crate::web::http::state::App;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

/// Does `work` in one transaction with its key, and answers with what it returned.
///
/// # Errors
/// What `work` returned (nothing is kept, the key stays free), or the key was used for another request.
pub async fn once<T: Serialize>(
    app: &App,
    principal: &Principal,
    req: &HttpRequest,
    body: &Body,
    status: StatusCode,
    work: impl FnOnce(&Tx<'_>) -> Result<T> + Send + 'static,
) -> std::result::Result<HttpResponse, ApiError> {
    let key = key_of(principal, req, body);
    let done = app.store.call(move |tx| {
        idempotency::once(tx, &key, || {
            let made = work(tx)?;
            let text = serde_json::to_string(&made).map_err(|e| crate::base::error::Error::Internal(e.to_string()))?;
            Ok(Answer { status: status.as_u16(), body: text })
        })
    });
    let answer = done.await?;
    let status = StatusCode::from_u16(answer.status).unwrap_or(status);
    Ok(HttpResponse::build(status).content_type("application/json").body(answer.body))
}

/// Does `work`, which is more than one transaction and harmless to do again, unless its key was seen before. Only work that
/// succeeded is remembered.
///
/// # Errors
/// What `work` returned (the key stays free), or the key was used for another request.
pub async fn once_done<T: Serialize + Send + 'static>(
    app: &App,
    principal: &Principal,
    req: &HttpRequest,
    body: &Body,
    work: impl Future<Output = Result<T>>,
) -> std::result::Result<HttpResponse, ApiError> {
    let key = key_of(principal, req, body);
    if key.key.is_some() {
        let asked = key.clone();
        if let Some(answer) = app.store.query(move |c| idempotency::seen(c, &asked)).await? {
            let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
            return Ok(HttpResponse::build(status).content_type("application/json").body(answer.body));
        }
    }
    let made = work.await?;
    once(app, principal, req, body, StatusCode::OK, move |_| Ok(made)).await
}

fn key_of(principal: &Principal, req: &HttpRequest, body: &Body) -> Key {
    Key {
        principal: principal.key.clone(),
        key: body.key(),
        route: format!("{} {}", req.method(), req.path()),
        body_hash: body.hash(),
    }
}

//! For the operator: health, the invariants, ticks by hand, resting profiles.

use crate::error::Error;
use crate::store::check;
use crate::web::guard::Principal;
use crate::web::problem::ApiError;
use crate::web::state::App;
use actix_web::{HttpResponse, web};
use serde_json::json;

/// Whether the server answers and its database can be read. Tells nothing else: it is public.
///
/// # Errors
/// The database cannot be read.
pub async fn health(app: web::Data<App>) -> Result<HttpResponse, ApiError> {
    let schema = app.store.query(check::schema_version).await?;
    Ok(HttpResponse::Ok().json(json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION"), "schema": schema })))
}

/// All breaches of the invariants.
///
/// # Errors
/// The store failed.
pub async fn invariants(app: web::Data<App>, _principal: Principal) -> Result<HttpResponse, ApiError> {
    let (store, max) = (app.store.clone(), app.config.max_workers);
    let found = tokio::task::spawn_blocking(move || crate::engine::check::check(&store, max))
        .await
        .map_err(|e| Error::Internal(format!("the check was cut off: {e}")))??;
    let breaches: Vec<_> = found.iter().map(|(name, text)| json!({ "invariant": name, "text": text })).collect();
    Ok(HttpResponse::Ok().json(json!({ "ok": breaches.is_empty(), "breaches": breaches })))
}

//! The conversation with Luci: the page, older turns, one turn as a fragment that asks for itself.

use crate::base::error::{Error, FieldError, Result};
use crate::domain::ids::TurnId;
use crate::store::orchestrator::turns;
use crate::web::http::request::{Visit, html_response};
use crate::web::orchestrator::load;
use crate::web::orchestrator::view::{luci as view, older_turns};
use crate::web::orchestrator::view_turn::turn as turn_view;
use crate::web::ui::shell::Nav;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

/// What stands in the page's address.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Query {
    #[serde(default)]
    before: String,
}

/// `GET /luci?before=`: the newest turns, or those before one; asked for by the link to them, these alone.
pub async fn get(visit: Visit, query: web::Query<Query>) -> HttpResponse {
    visit
        .answer(async {
            let before = query.before.parse().ok().map(TurnId);
            if visit.htmx && before.is_some() {
                let config = visit.app.config.clone();
                let luci = visit.app.store.query(move |c| load::luci(c, &config, before)).await?;
                return Ok(html_response(StatusCode::OK, &older_turns(&luci, visit.cx())));
            }
            show(&visit, before, StatusCode::OK, String::new(), Vec::new()).await
        })
        .await
}

/// The page, with what was typed where it was refused.
///
/// # Errors
/// The store failed.
pub async fn show(
    visit: &Visit,
    before: Option<TurnId>,
    status: StatusCode,
    message: String,
    errors: Vec<FieldError>,
) -> Result<HttpResponse> {
    let config = visit.app.config.clone();
    let (mut luci, change) =
        visit.app.store.query(move |c| Ok((load::luci(c, &config, before)?, turns::newest_change(c)?))).await?;
    (luci.message, luci.errors) = (message, errors);
    let stream = (!luci.past).then(|| format!("/luci/stream?after={change}.{}", luci.last));
    let main = view(&luci, stream.as_deref(), visit.cx());
    Ok(visit.page_with(status, Nav::Luci, "Luci", Vec::new(), String::new(), main).await)
}

/// What a poll has seen.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Seen {
    seen: Option<i64>,
}

/// `GET /luci/turns/{id}?seen=`: the turn as it stands; nothing where nothing changed since.
pub async fn turn(visit: Visit, path: web::Path<String>, query: web::Query<Seen>) -> HttpResponse {
    visit
        .answer(async {
            let id = turn_id(&path)?;
            if !visit.htmx {
                visit.app.store.query(move |c| turns::get(c, id)).await?;
                let to = format!("/luci?before={}#turn-{id}", id.0.saturating_add(1));
                return Ok(HttpResponse::SeeOther().insert_header(("Location", to)).finish());
            }
            let shown = visit.app.store.query(move |c| load::one(c, id)).await?;
            if query.seen == Some(shown.seen) {
                return Ok(HttpResponse::NoContent().finish());
            }
            Ok(html_response(StatusCode::OK, &turn_view(&shown, visit.cx())))
        })
        .await
}

/// Reads a turn's number.
///
/// # Errors
/// It is none.
pub fn turn_id(text: &str) -> Result<TurnId> {
    text.parse().map(TurnId).map_err(|_| Error::not_found("that turn"))
}

//! What the conversation's page sends: messages, what becomes of a turn, Start, Stop, Switch.

use crate::base::error::{Error, FieldError, Result};
use crate::domain::ids::TurnId;
use crate::store::Tx;
use crate::store::orchestrator::{sessions, turns};
use crate::web::composer::page::plan_of_form;
use crate::web::http::request::{Sent, Visit, html_response};
use crate::web::orchestrator::load;
use crate::web::orchestrator::page::{show, turn_id};
use crate::web::orchestrator::view::{say, taken};
use crate::web::orchestrator::view_side::{line, side, state};
use crate::web::orchestrator::view_turn::{appended, renewed};
use crate::web::ui::stream::partial;
use crate::web::ui::toast::{Tone, toast_partial};
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use maud::{Markup, html};
use serde::Deserialize;

/// A message.
#[derive(Debug, Clone, Deserialize)]
pub struct Message {
    #[serde(default)]
    message: String,
    #[serde(default)]
    client_id: String,
}

/// `POST /luci/send`
pub async fn send(sent: Sent<Message>) -> HttpResponse {
    let Sent { visit, form } = sent;
    visit
        .answer(async {
            visit.who.may_change_tickets()?;
            let made = plan_of_form(&visit, &form.message, &form.client_id).await;
            let turn = match made {
                Ok(turn) => turn,
                Err(Error::Invalid(errors)) => return refused(&visit, form.message, errors).await,
                Err(e) => return Err(e),
            };
            let id = turn.id;
            let (shown, previous) =
                visit.app.store.query(move |c| Ok((load::one(c, id)?, turns::shown_before(c, id)?.unwrap_or(TurnId(0))))).await?;
            let cx = visit.cx();
            Ok(visit.done(&to(id), html! { (appended(previous, &shown, cx)) (taken(cx)) }))
        })
        .await
}

async fn refused(visit: &Visit, typed: String, errors: Vec<FieldError>) -> Result<HttpResponse> {
    if visit.htmx {
        return Ok(html_response(StatusCode::UNPROCESSABLE_ENTITY, &say(&typed, &errors, visit.cx())));
    }
    show(visit, None, StatusCode::UNPROCESSABLE_ENTITY, typed, errors).await
}

/// Where a turn stands on the page.
#[must_use]
pub fn to(id: TurnId) -> String {
    format!("/luci#turn-{id}")
}

/// `POST /luci/turns/{id}/cancel`: withdraws it while it waits, interrupts it while it is worked on.
pub async fn cancel(visit: Visit, path: web::Path<String>) -> HttpResponse {
    change(&visit, &path, |tx, id| turns::cancel(tx, id).map(|_| ())).await
}

/// `POST /luci/turns/{id}/retry`
pub async fn retry(visit: Visit, path: web::Path<String>) -> HttpResponse {
    change(&visit, &path, |tx, id| turns::retry(tx, id).map(|_| ())).await
}

async fn change(visit: &Visit, path: &str, work: fn(&Tx<'_>, TurnId) -> Result<()>) -> HttpResponse {
    visit
        .answer(async {
            visit.who.may_change_tickets()?;
            let id = turn_id(path)?;
            visit.app.store.call(move |tx| work(tx, id)).await?;
            told(visit, id, html! {}).await
        })
        .await
}

/// Answers with a turn as it stands now, and something more.
///
/// # Errors
/// The store failed.
pub async fn told(visit: &Visit, id: TurnId, more: Markup) -> Result<HttpResponse> {
    let shown = visit.app.store.query(move |c| load::one(c, id)).await?;
    Ok(visit.done(&to(id), html! { (renewed(&shown, visit.cx())) (more) }))
}

/// `POST /luci/start`
pub async fn start(visit: Visit) -> HttpResponse {
    want(&visit, None, |tx| sessions::want(tx, true)).await
}

/// `POST /luci/stop`
pub async fn stop(visit: Visit) -> HttpResponse {
    want(&visit, None, |tx| sessions::want(tx, false)).await
}

/// A choice of profile.
#[derive(Debug, Clone, Deserialize)]
pub struct Choice {
    profile: String,
}

/// `POST /luci/switch`: the conversation goes on on another profile.
pub async fn switch(sent: Sent<Choice>) -> HttpResponse {
    let Sent { visit, form } = sent;
    if let Err(e) = visit.app.config.check_profile(&form.profile) {
        return visit.failed(&e).await;
    }
    let label = visit.app.config.profile(&form.profile).map(crate::domain::profile::Profile::label).unwrap_or_default();
    let name = form.profile;
    want(&visit, Some(format!("Luci goes over to {label}")), move |tx| sessions::want_profile(tx, &name)).await
}

/// Writes what is wanted of Luci; the engine brings it about. What the page shows anyway needs no words.
async fn want(visit: &Visit, words: Option<String>, work: impl FnOnce(&Tx<'_>) -> Result<()> + Send + 'static) -> HttpResponse {
    visit
        .answer(async {
            visit.who.may_change_tickets()?;
            visit.app.store.call(work).await?;
            let config = visit.app.config.clone();
            let s = visit.app.store.query(move |c| load::side(c, &config)).await?;
            let cx = visit.cx();
            let fragments = html! {
                (partial("#luci-state", "outerMorph", &state(&s, cx)))
                (partial("#luci-line", "outerMorph", &line(&s, cx)))
                (partial("#luci-side", "outerMorph", &side(&s, cx)))
                @if let Some(words) = &words { (toast_partial(Tone::Good, words, None)) }
            };
            Ok(visit.done("/luci", fragments))
        })
        .await
}

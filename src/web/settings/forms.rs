//! What the settings send: sessions, password, profile, autonomy, an end to a pause.

use crate::base::error::Error;
use crate::domain::orchestrator::proposal::ActionKind;
use crate::store::access::credentials;
use crate::store::db::settings as values;
use crate::store::orchestrator::autonomy;
use crate::store::run::pauses;
use crate::web::http::request::{Sent, Visit};
use crate::web::login::page::change_password;
use crate::web::settings::page::back;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

/// Numbers one thing to end.
#[derive(Debug, Deserialize)]
pub struct Numbered {
    id: i64,
}

/// `POST /settings/sessions/revoke`
pub async fn revoke_session(sent: Sent<Numbered>) -> HttpResponse {
    let Sent { visit, form } = sent;
    visit
        .answer(async {
            visit.who.owner()?;
            let id = form.id;
            let done = visit.app.store.call(move |tx| credentials::revoke_session(tx, id)).await;
            back(&visit, done).await
        })
        .await
}

/// A new password.
#[derive(Debug, Deserialize)]
pub struct Passwords {
    #[serde(default)]
    old: String,
    password: String,
}

/// `POST /settings/password`
pub async fn password(sent: Sent<Passwords>) -> HttpResponse {
    let Sent { visit, form } = sent;
    visit
        .answer(async {
            visit.who.owner()?;
            let done = change_password(&visit, form.old, &form.password).await;
            back(&visit, done).await
        })
        .await
}

/// A choice of profile.
#[derive(Debug, Deserialize)]
pub struct Choice {
    profile: String,
}

/// `POST /settings/profile`: the owner picks the profile that tickets run with by default.
pub async fn profile(sent: Sent<Choice>) -> HttpResponse {
    let Sent { visit, form } = sent;
    visit
        .answer(async {
            visit.who.owner()?;
            if visit.app.config.default_is_fixed() {
                return Err(Error::Conflict("the configuration file fixes the default profile: change it there".to_owned()));
            }
            visit.app.config.check_profile(&form.profile)?;
            let name = form.profile.clone();
            visit.app.store.call(move |tx| values::set(tx, values::PICKED_PROFILE, &name)).await?;
            // What is kept is in force: never the other way round.
            visit.app.config.pick(Some(&form.profile))?;
            back(&visit, Ok(())).await
        })
        .await
}

/// What Luci may do without asking.
#[derive(Debug, Deserialize)]
pub struct Grant {
    kind: String,
    #[serde(default)]
    on: String,
}

/// `POST /settings/autonomy`: the owner lets a kind of action happen without asking, or takes that back.
pub async fn autonomy(sent: Sent<Grant>) -> HttpResponse {
    let Sent { visit, form } = sent;
    visit
        .answer(async {
            visit.who.owner()?;
            let kind: ActionKind =
                form.kind.parse().map_err(|e: crate::domain::ticket::UnknownWord| Error::field("kind", e.to_string()))?;
            let (on, actor) = (form.on == "1", visit.who.actor.clone());
            visit.app.store.call(move |tx| autonomy::set_autonomy(tx, kind, on, &actor)).await?;
            Ok(HttpResponse::SeeOther().insert_header(("Location", "/settings#autonomy")).finish())
        })
        .await
}

/// `POST /settings/profiles/{name}/resume`: ends a profile's pause.
pub async fn resume(visit: Visit, path: web::Path<String>) -> HttpResponse {
    visit
        .answer(async {
            visit.who.may_change_tickets()?;
            let name = path.into_inner();
            let done = visit.app.store.call(move |tx| pauses::resume(tx, &name).map(|_| ())).await;
            back(&visit, done).await
        })
        .await
}

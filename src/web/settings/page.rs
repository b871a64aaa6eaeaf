//! Settings: profiles in force, tokens, sessions, password.

use crate::base::error::{Error, FieldError, Result};
use crate::base::random;
use crate::domain::actor::Scope;
use crate::domain::orchestrator::proposal::ActionKind;
use crate::store::access::credentials;
use crate::store::db::settings as values;
use crate::store::orchestrator::autonomy;
use crate::store::run::pauses;
use crate::web::http::request::{Sent, Visit};
use crate::web::login::page;
use crate::web::settings::telegram;
use crate::web::settings::view::{Session, Settings, Token, TypedToken, settings as view};
use crate::web::ui::shell::Nav;
use crate::web::view_models;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

/// `GET /settings`
pub async fn get(visit: Visit) -> HttpResponse {
    visit.answer(async { show(&visit, StatusCode::OK, Sequel::default()).await }).await
}

/// What came of a form that was sent.
#[derive(Default)]
struct Sequel {
    fresh_token: Option<(String, String)>,
    typed: TypedToken,
    errors: Vec<FieldError>,
}

async fn show(visit: &Visit, status: StatusCode, sequel: Sequel) -> Result<HttpResponse> {
    let now = visit.now;
    let config = visit.app.config.clone();
    let (tokens, sessions, paused, autonomy, telegram) = visit
        .app
        .store
        .query(move |c| {
            let granted = autonomy::autonomy(c)?;
            let autonomy = autonomy::GRANTABLE.iter().map(|kind| (*kind, granted(*kind))).collect();
            Ok((
                credentials::tokens(c)?,
                credentials::sessions(c, now)?,
                view_models::resting(c, now)?,
                autonomy,
                telegram::load(c, &config)?,
            ))
        })
        .await?;
    let config = &visit.app.config;
    let owner = visit.who.owner().is_ok();
    let shown = Settings {
        user_name: visit.who.actor.name().to_owned(),
        owner,
        profiles: config.profiles().cloned().collect(),
        default_profile: config.default_profile(),
        default_is_fixed: config.default_is_fixed(),
        paused,
        telegram,
        tokens: if owner {
            tokens
                .into_iter()
                .map(|t| Token { name: t.name, scope: t.scope, created_at: t.created_at, last_used_at: t.last_used_at })
                .collect()
        } else {
            Vec::new()
        },
        fresh_token: sequel.fresh_token,
        typed: sequel.typed,
        sessions: sessions
            .into_iter()
            .map(|s| Session {
                current: visit.who.session == Some(s.id),
                id: s.id,
                browser: browser_words(&s.user_agent),
                created_at: s.created_at,
                seen_at: s.last_seen_at,
            })
            .collect(),
        autonomy,
        config: config.origins.iter().map(|o| (o.key.clone(), o.value.clone(), o.from.to_owned())).collect(),
        errors: sequel.errors,
    };
    let main = view(&shown, visit.cx());
    Ok(visit.page_with(status, Nav::Settings, "Settings", Vec::new(), String::new(), main).await)
}

/// A browser in words, from what it says of itself; what is not known is shown as it came.
fn browser_words(agent: &str) -> String {
    // Order matters: nearly every browser also names the ones it wants to be taken for.
    let browsers = [("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari")];
    let systems = [
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "Mac"),
        ("Linux", "Linux"),
    ];
    let named = |list: &[(&str, &'static str)]| list.iter().find(|(sign, _)| agent.contains(sign)).map(|(_, name)| *name);
    match (named(&browsers), named(&systems)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, _) if agent.is_empty() => "An unnamed browser".to_owned(),
        (None, _) => agent.to_owned(),
    }
}

async fn back(visit: &Visit, done: Result<()>) -> Result<HttpResponse> {
    match done {
        Ok(()) => Ok(HttpResponse::SeeOther().insert_header(("Location", "/settings")).finish()),
        Err(Error::Invalid(errors)) => {
            show(visit, StatusCode::UNPROCESSABLE_ENTITY, Sequel { errors, ..Sequel::default() }).await
        }
        Err(e) => Err(e),
    }
}

/// A new token.
#[derive(Debug, Deserialize)]
pub struct NewToken {
    name: String,
    scope: String,
}

/// `POST /settings/tokens`: shows the token once. The name makes a repetition harmless.
pub async fn token(sent: Sent<NewToken>) -> HttpResponse {
    let Sent { visit, form } = sent;
    visit
        .answer(async {
            visit.who.owner()?;
            let (status, errors) = match make_token(&visit, &form).await {
                Ok(made) => {
                    return show(&visit, StatusCode::CREATED, Sequel { fresh_token: Some(made), ..Sequel::default() }).await;
                }
                Err(Error::Invalid(errors)) => (StatusCode::UNPROCESSABLE_ENTITY, errors),
                Err(Error::Conflict(why)) => (StatusCode::CONFLICT, vec![FieldError { field: "name".to_owned(), message: why }]),
                Err(e) => return Err(e),
            };
            let typed = TypedToken { name: form.name, scope: form.scope };
            show(&visit, status, Sequel { typed, errors, ..Sequel::default() }).await
        })
        .await
}

async fn make_token(visit: &Visit, form: &NewToken) -> Result<(String, String)> {
    let name = form.name.trim().to_owned();
    credentials::check_token_name(&name)?;
    let scope = Scope::parse(form.scope.trim())
        .ok_or_else(|| Error::field("scope", "is unknown: write owner, operator, viewer or ticket:MC-12"))?;
    let secret = random::secret("mct_");
    let (kept, kept_name) = (secret.clone(), name.clone());
    visit.app.store.call(move |tx| credentials::add_token(tx, &kept_name, &kept, scope, None)).await?;
    Ok((name, secret))
}

/// Names one thing to end.
#[derive(Debug, Deserialize)]
pub struct Named {
    name: String,
}

/// `POST /settings/tokens/revoke`
pub async fn revoke_token(sent: Sent<Named>) -> HttpResponse {
    let Sent { visit, form } = sent;
    visit
        .answer(async {
            visit.who.owner()?;
            let name = form.name;
            let done = visit.app.store.call(move |tx| credentials::revoke_token(tx, &name)).await;
            back(&visit, done).await
        })
        .await
}

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
            let done = page::change_password(&visit, form.old, &form.password).await;
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

#[cfg(test)]
mod tests {
    use crate::web::settings::page::browser_words;

    #[test]
    fn browsers_are_called_by_their_names() {
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";
        let phone =
            "Mozilla/5.0 (iPhone; CPU iPhone OS 20_1 like Mac OS X) AppleWebKit/605.1.15 Version/20.1 Mobile/15E148 Safari/604.1";
        assert_eq!(browser_words(chrome), "Chrome on Linux");
        assert_eq!(browser_words(phone), "Safari on iPhone");
        assert_eq!(browser_words("curl/8.5"), "curl/8.5");
        assert_eq!(browser_words(""), "An unnamed browser");
    }
}

//! The page of the settings, and what its forms answer with.

use crate::base::error::{Error, FieldError, Result};
use crate::store::access::credentials;
use crate::store::orchestrator::autonomy;
use crate::web::http::request::Visit;
use crate::web::settings::browser::browser_words;
use crate::web::settings::telegram;
use crate::web::settings::view::{Session, Settings, Token, TypedToken, settings as view};
use crate::web::shared::waiting;
use crate::web::ui::shell::Nav;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;

/// `GET /settings`
pub async fn get(visit: Visit) -> HttpResponse {
    visit.answer(async { show(&visit, StatusCode::OK, FormOutcome::default()).await }).await
}

/// What came of a form that was sent.
#[derive(Default)]
pub struct FormOutcome {
    /// A token just made: its name and its secret.
    pub fresh_token: Option<(String, String)>,
    /// What was typed for a new token.
    pub typed: TypedToken,
    /// What was wrong.
    pub errors: Vec<FieldError>,
}

/// The page, with what came of a form.
///
/// # Errors
/// The store failed.
pub async fn show(visit: &Visit, status: StatusCode, sequel: FormOutcome) -> Result<HttpResponse> {
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
                waiting::paused_profiles(c, now)?,
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

/// Back to the page, with what was wrong.
///
/// # Errors
/// What failed otherwise.
pub async fn back(visit: &Visit, done: Result<()>) -> Result<HttpResponse> {
    match done {
        Ok(()) => Ok(HttpResponse::SeeOther().insert_header(("Location", "/settings")).finish()),
        Err(Error::Invalid(errors)) => {
            show(visit, StatusCode::UNPROCESSABLE_ENTITY, FormOutcome { errors, ..FormOutcome::default() }).await
        }
        Err(e) => Err(e),
    }
}

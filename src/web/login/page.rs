//! Logging in and out: a one-time link first, a password from then on.

use crate::base::error::{Error, Result};
use crate::base::text::capitalised;
use crate::store::access::credentials;
use crate::web::http::auth;
use crate::web::http::auth::Limiter;
use crate::web::http::problem::status_of;
use crate::web::http::request::{Visit, html_response, words};
use crate::web::http::security;
use crate::web::http::state::App;
use crate::web::login::view;
use crate::web::ui::Ctx;
use crate::web::ui::error_page::{error, usual};
use crate::web::ui::shell;
use crate::web::ui::shell::Nav;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;

/// The owner's name until they choose another.
const OWNER: &str = "Owner";

/// What stands in the address.
#[derive(Debug, Default, Deserialize)]
pub struct Query {
    token: Option<String>,
    next: Option<String>,
}

/// `GET /login`: never spends a link, so that a preview of it does no harm.
pub async fn get(app: web::Data<App>, query: web::Query<Query>) -> HttpResponse {
    let query = query.into_inner();
    let now = app.store.clock().now();
    let token = query.token.clone().unwrap_or_default();
    let asked = token.clone();
    let found =
        app.store.query(move |c| Ok((credentials::link_is_good(c, &asked, now)?, credentials::owner(c)?.is_some()))).await;
    let seed = crate::web::http::request::seed();
    let cx = Ctx { now, seed: &seed };
    match found {
        Ok((true, has_password)) => bare(StatusCode::OK, &view::by_link(&token, has_password, &[], cx)),
        Ok((false, true)) => {
            let problem = (!token.is_empty()).then_some("This link was used or is too old. Your password works.");
            bare(StatusCode::OK, &view::by_password(auth::safe_next(query.next.as_deref().unwrap_or("/")), problem, cx))
        }
        Ok((false, false)) => {
            let problem = (!token.is_empty()).then_some("This link was used or is too old.");
            bare(StatusCode::OK, &view::no_way_in(problem))
        }
        Err(e) => problem_page(&e),
    }
}

/// The form: by link (`token`) or by password.
#[derive(Debug, Deserialize)]
pub struct Form {
    #[serde(default)]
    token: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
}

/// `POST /login`
pub async fn post(app: web::Data<App>, limiter: web::Data<Limiter>, req: HttpRequest, form: web::Form<Form>) -> HttpResponse {
    let form = form.into_inner();
    let seed = crate::web::http::request::seed();
    let now = app.store.clock().now();
    let cx = Ctx { now, seed: &seed };
    let peer = security::client_ip(req.headers(), req.peer_addr(), &app.config);
    if let Err(wait_s) = limiter.guess(peer, app.store.clock().mono_ms()) {
        let told = format!("Too many tries. Wait {wait_s} s and try again.");
        let mut response = bare(StatusCode::TOO_MANY_REQUESTS, &view::by_password(auth::safe_next(&form.next), Some(&told), cx));
        if let Ok(value) = wait_s.to_string().parse() {
            response.headers_mut().insert(actix_web::http::header::RETRY_AFTER, value);
        }
        return response;
    }
    let done = if form.token.is_empty() { by_password(&app, &form).await } else { by_link(&app, &form).await };
    match done {
        Ok(()) => match auth::open_session(&app, OWNER, user_agent(&req)).await {
            Ok(cookie) => {
                HttpResponse::SeeOther().cookie(cookie).insert_header(("Location", auth::safe_next(&form.next))).finish()
            }
            Err(e) => problem_page(&e),
        },
        Err(Error::Invalid(errors)) => {
            let has = app.store.query(credentials::owner).await.is_ok_and(|o| o.is_some());
            bare(StatusCode::UNPROCESSABLE_ENTITY, &view::by_link(&form.token, has, &errors, cx))
        }
        Err(e @ Error::Denied(_)) => {
            bare(StatusCode::FORBIDDEN, &view::by_password(auth::safe_next(&form.next), Some(&capitalised(&words(&e))), cx))
        }
        Err(e) => problem_page(&e),
    }
}

fn user_agent(req: &HttpRequest) -> &str {
    req.headers().get("User-Agent").and_then(|v| v.to_str().ok()).unwrap_or_default()
}

async fn by_password(app: &web::Data<App>, form: &Form) -> Result<()> {
    let owner = app.store.query(credentials::owner).await?;
    let wrong = || Error::Denied("That is not the password".to_owned());
    let Some((_, hash)) = owner else {
        return Err(Error::Denied("No password is set yet: use the one-time link that the server printed".to_owned()));
    };
    if auth::verify_password(&hash, &form.password).await? { Ok(()) } else { Err(wrong()) }
}

/// A link is spent only together with what it is spent on: a password that is refused leaves it good.
async fn by_link(app: &web::Data<App>, form: &Form) -> Result<()> {
    let has = app.store.query(credentials::owner).await?.is_some();
    // Whoever has a password may keep it.
    let hash = if has && form.password.is_empty() { None } else { Some(auth::hash_password(&form.password).await?) };
    let token = form.token.clone();
    app.store
        .call(move |tx| {
            credentials::use_link(tx, &token)?;
            match hash {
                Some(hash) => credentials::set_owner(tx, OWNER, &hash, None),
                None => Ok(()),
            }
        })
        .await
}

/// `POST /logout`
pub async fn logout(visit: Visit) -> HttpResponse {
    visit
        .answer(async {
            if let Some(id) = visit.who.session {
                visit.app.store.call(move |tx| credentials::revoke_session(tx, id)).await?;
            }
            let mut response = HttpResponse::SeeOther().insert_header(("Location", "/login")).finish();
            response.add_cookie(&auth::end_cookie(&visit.app)).map_err(|e| Error::Internal(e.to_string()))?;
            Ok(response)
        })
        .await
}

/// Sets another password; all other sessions end.
///
/// # Errors
/// The old one is wrong, or the new one too short.
pub async fn change_password(visit: &Visit, old: String, new: &str) -> Result<()> {
    let owner = visit.app.store.query(credentials::owner).await?;
    if let Some((_, hash)) = owner
        && !auth::verify_password(&hash, &old).await?
    {
        return Err(Error::field("old", "is not the password"));
    }
    let hash = auth::hash_password(new).await?;
    let keep = visit.who.session;
    visit.app.store.call(move |tx| credentials::set_owner(tx, OWNER, &hash, keep)).await
}

fn problem_page(e: &Error) -> HttpResponse {
    let status = status_of(e);
    bare(status, &error(&usual(status.as_u16(), &words(e), Nav::Nowhere)))
}

fn bare(status: StatusCode, main: &maud::Markup) -> HttpResponse {
    html_response(status, &shell::bare("Log in", main))
}

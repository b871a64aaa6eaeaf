//! The door: every handler of a route that is not public takes a [`Principal`], made here from a token or a cookie.

pub use crate::web::http::login::{Limiter, end_cookie, hash_password, open_session, verify_password};
pub use crate::web::http::principal::Principal;
pub use crate::web::http::refused::{LoginNeeded, Refused, is_api, safe_next};
pub use crate::web::http::routes::{Access, Route, configure};

use crate::base::error::Result;
use crate::config::Config;
use crate::domain::actor::{Actor, Scope};
use crate::domain::time::Time;
use crate::store::access::credentials;
use crate::store::ticket::tickets;
use crate::web::http::principal::{Credential, Who};
use crate::web::http::refused::login_needed;
use crate::web::http::routes::Asked;
use crate::web::http::security::cookie_name;
use crate::web::http::state::App;
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};
use rusqlite::Connection;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

/// A session or token is marked as used at most so often, in milliseconds.
const NOTE_MS: i64 = 60_000;

impl FromRequest for Principal {
    type Error = Refused;
    type Future = Ready<std::result::Result<Principal, Refused>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(enter(req))
    }
}

fn enter(req: &HttpRequest) -> std::result::Result<Principal, Refused> {
    let app = req.app_data::<web::Data<App>>().expect("the server is always built with its App");
    let Some(credential) = shown(req, &app.config) else { return Err(login_needed(req)) };
    let Some(principal) = admit(app, &credential)? else { return Err(login_needed(req)) };
    // A handler that is in no table cannot have been registered; if it could, it is the owner's alone.
    let access = req.app_data::<Asked>().and_then(|asked| asked.of(req.method())).unwrap_or(Access::Owner);
    principal.allowed(access, req)?;
    Ok(principal)
}

/// The token or cookie of a request; a token goes before a cookie, and never stands in an address.
fn shown(req: &HttpRequest, config: &Config) -> Option<Credential> {
    if let Some(value) = req.headers().get(header::AUTHORIZATION) {
        let (scheme, secret) = value.to_str().ok()?.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then(|| Credential::Token(secret.trim().to_owned()));
    }
    req.cookie(cookie_name(config)).map(|c| Credential::Cookie(c.value().to_owned()))
}

/// Who a credential stands for. Known ones are taken from memory, but only while nothing at all has been committed since
/// they were read: a login that was ended, by whatever program, is looked up again at its next request and is not there.
fn admit(app: &web::Data<App>, credential: &Credential) -> Result<Option<Principal>> {
    let now = app.store.clock().now();
    let key = match credential {
        Credential::Inside => return Ok(None),
        Credential::Token(secret) => ("token", credentials::digest(secret)),
        Credential::Cookie(secret) => ("cookie", credentials::digest(secret)),
    };
    // Asked for before the read: what is committed from here on makes what is read unfit to be found.
    let version = app.store.version();
    let known = app.reads.principals.get(version, &key).filter(|who| who.is_good_at(now));
    let who = match known {
        Some(who) => who,
        None => {
            let Some(who) = app.store.read_near(|c| look_up(c, credential, now))? else { return Ok(None) };
            let who = Arc::new(who);
            app.reads.principals.put(version, key, who.clone());
            who
        }
    };
    if who.takes_note(now, NOTE_MS) {
        note_use(app, &who);
    }
    Ok(Some(who.into()))
}

fn look_up(c: &Connection, credential: &Credential, now: Time) -> Result<Option<Who>> {
    match credential {
        Credential::Inside => Ok(None),
        Credential::Cookie(secret) => {
            let Some(session) = credentials::session(c, secret, now)? else { return Ok(None) };
            Ok(Some(Who {
                actor: Actor::Person { name: session.user, by_token: false },
                scope: Scope::Owner,
                key: format!("session:{}", session.id),
                session: Some(session.id),
                credential: credential.clone(),
                good_until: Some(session.good_until),
                note_use_at: AtomicI64::new(session.last_seen_at.0 + NOTE_MS),
            }))
        }
        Credential::Token(secret) => {
            let Some(token) = credentials::token(c, secret)? else { return Ok(None) };
            let note_use_at = AtomicI64::new(token.last_used_at.map_or(0, |at| at.0 + NOTE_MS));
            let key = format!("token:{}", token.name);
            let actor = match (token.scope, token.run) {
                (Scope::Owner | Scope::Operator | Scope::Viewer, _) => {
                    Actor::Person { name: shown_name(&token.name), by_token: true }
                }
                (Scope::Ticket(ticket), Some(run)) => {
                    Actor::Agent { name: tickets::get(c, ticket)?.role.label(), ticket, run: Some(run) }
                }
                (Scope::Ticket(ticket), None) => Actor::Agent { name: token.name, ticket, run: None },
            };
            let (scope, credential) = (token.scope, credential.clone());
            Ok(Some(Who { actor, scope, key, session: None, credential, good_until: None, note_use_at }))
        }
    }
}

/// Whether what was shown at the door still opens it: asked again and again while a stream is open. A database that is
/// busy does not throw anybody out.
pub fn is_still_good(app: &web::Data<App>, principal: &Principal) -> bool {
    match &principal.credential {
        Credential::Inside => true,
        credential => admit(app, credential).map_or(true, |found| found.is_some()),
    }
}

/// The terminal on the server's own machine speaks with a token whose name says nothing to people.
fn shown_name(token: &str) -> String {
    if token.starts_with("local-") { "Owner".to_owned() } else { token.to_owned() }
}

/// Notes a use beside the request: nobody waits for it, and its failure is nobody's.
fn note_use(app: &web::Data<App>, who: &Who) {
    let (store, session) = (app.store.clone(), who.session);
    let token = who.key.strip_prefix("token:").map(str::to_owned);
    actix_web::rt::spawn(async move {
        let noted = store.call(move |tx| match (session, token) {
            (Some(id), _) => credentials::touch_session(tx, id),
            (None, Some(name)) => credentials::touch_token(tx, &name),
            (None, None) => Ok(()),
        });
        noted.await.ok()
    });
}

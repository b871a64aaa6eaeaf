//! Who asks, and what they may: every handler of a route that is not public takes a [`Principal`].

pub use crate::web::http::login::{Limiter, end_cookie, hash_password, open_session, verify_password};
pub use crate::web::http::routes::{Access, Route, Table, configure};

use crate::base::error::{Error, Result};
use crate::config::Config;
use crate::domain::actor::{Actor, Scope};
use crate::domain::ids::TicketId;
use crate::domain::time::Time;
use crate::store::access::credentials;
use crate::store::ticket::tickets;
use crate::web::http::problem::Problem;
use crate::web::http::security::is_https;
use crate::web::http::state::App;
use actix_web::dev::Payload;
use actix_web::http::{Method, StatusCode, header};
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError, web};
use std::fmt;
use std::future::Future;
use std::pin::Pin;

/// A session or token is marked as used at most so often, in milliseconds.
const TOUCH_MS: i64 = 60_000;

/// Who asks. Its existence means: logged in, and allowed on this route by the route table.
#[derive(Clone)]
pub struct Principal {
    /// As recorded with what they do.
    pub actor: Actor,
    /// What they may do.
    pub scope: Scope,
    /// Whose idempotency keys these are.
    pub key: String,
    /// The browser session, if it is one.
    pub session: Option<i64>,
    credential: Credential,
}

/// What was shown at the door. Never printed.
#[derive(Clone)]
enum Credential {
    Token(String),
    Cookie(String),
    /// Nothing: it was never at the door.
    Inside,
}

impl Principal {
    /// The program itself, for measurements that serve a stream without a door. Never made from a request.
    #[must_use]
    pub fn inside() -> Principal {
        Principal {
            actor: Actor::System,
            scope: Scope::Viewer,
            key: "inside".to_owned(),
            session: None,
            credential: Credential::Inside,
        }
    }

    /// May read all tickets.
    ///
    /// # Errors
    /// A token bound to one ticket.
    pub fn may_read(&self) -> Result<()> {
        match self.scope {
            Scope::Owner | Scope::Operator | Scope::Viewer => Ok(()),
            Scope::Ticket(id) => Err(Error::Denied(format!("this token is for {id} alone"))),
        }
    }

    /// May change any ticket.
    ///
    /// # Errors
    /// A viewer, or a token bound to one ticket.
    pub fn may_change_tickets(&self) -> Result<()> {
        match self.scope {
            Scope::Owner | Scope::Operator => Ok(()),
            Scope::Viewer => Err(Error::Denied("this token may only read".to_owned())),
            Scope::Ticket(id) => Err(Error::Denied(format!("this token may only report and comment on {id}"))),
        }
    }

    /// Is the owner.
    ///
    /// # Errors
    /// Anybody else.
    pub fn owner(&self) -> Result<()> {
        match self.scope {
            Scope::Owner => Ok(()),
            Scope::Operator | Scope::Viewer | Scope::Ticket(_) => Err(Error::Denied("only the owner may do this".to_owned())),
        }
    }

    /// May see this ticket.
    ///
    /// # Errors
    /// A token bound to another ticket.
    pub fn ticket(&self, id: TicketId) -> Result<()> {
        match self.scope {
            Scope::Owner | Scope::Operator | Scope::Viewer => Ok(()),
            Scope::Ticket(own) if own == id => Ok(()),
            Scope::Ticket(own) => Err(Error::Denied(format!("this token is for {own} alone"))),
        }
    }

    /// Whether what was shown at the door still opens it: asked again and again while a stream is open.
    pub async fn still_good(&self, app: &App) -> bool {
        let (credential, now) = (self.credential.clone(), app.store.clock().now());
        let found = app.store.query(move |c| match credential {
            Credential::Token(secret) => Ok(credentials::token(c, &secret)?.is_some()),
            Credential::Cookie(secret) => Ok(credentials::session(c, &secret, now)?.is_some()),
            Credential::Inside => Ok(true),
        });
        // A database that is busy does not throw anybody out.
        found.await.unwrap_or(true)
    }

    fn allowed(&self, access: Access, req: &HttpRequest) -> Result<()> {
        match access {
            Access::Public => Ok(()),
            Access::Read => self.may_read(),
            Access::Change => self.may_change_tickets(),
            Access::Owner => self.owner(),
            Access::Ticket => {
                if self.scope == Scope::Viewer && !is_safe(req.method()) {
                    return self.may_change_tickets();
                }
                match req.match_info().get("identifier").map(str::parse::<TicketId>) {
                    Some(Ok(id)) => self.ticket(id),
                    // What is no identifier is told so by the handler.
                    Some(Err(_)) | None => Ok(()),
                }
            }
        }
    }
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Why somebody does not get in.
#[derive(Debug)]
pub enum Refused {
    /// Not logged in.
    Login(LoginNeeded),
    /// Logged in, but not for this; or the store failed.
    Problem(Problem),
}

/// How to tell that a login is needed.
#[derive(Debug)]
pub enum LoginNeeded {
    /// To a program, to a stream, to htmx that sends what somebody wrote (whose page is to stay): 401.
    Unauthorized,
    /// To htmx that looks: 401 and where to go.
    Htmx,
    /// To a browser: the login page, and back to here afterwards.
    Redirect(String),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Login(_) => f.write_str("a login is needed"),
            Refused::Problem(p) => p.fmt(f),
        }
    }
}

impl ResponseError for Refused {
    fn status_code(&self) -> StatusCode {
        match self {
            Refused::Login(LoginNeeded::Redirect(_)) => StatusCode::SEE_OTHER,
            Refused::Login(LoginNeeded::Unauthorized | LoginNeeded::Htmx) => StatusCode::UNAUTHORIZED,
            Refused::Problem(p) => p.code(),
        }
    }

    fn error_response(&self) -> HttpResponse {
        let problem = || {
            Problem::new(StatusCode::UNAUTHORIZED, "A login is needed")
                .with_next("Send `Authorization: Bearer TOKEN` (`mission-control token create NAME`), or log in at /login.")
        };
        match self {
            Refused::Login(LoginNeeded::Unauthorized) => problem().response(),
            Refused::Login(LoginNeeded::Htmx) => {
                let mut res = problem().response();
                res.headers_mut()
                    .insert(header::HeaderName::from_static("hx-redirect"), header::HeaderValue::from_static("/login"));
                res
            }
            Refused::Login(LoginNeeded::Redirect(to)) => {
                HttpResponse::SeeOther().insert_header((header::LOCATION, to.as_str())).finish()
            }
            Refused::Problem(p) => p.response(),
        }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Refused {
        Refused::Problem(Problem::from(error))
    }
}

impl FromRequest for Principal {
    type Error = Refused;
    type Future = Pin<Box<dyn Future<Output = std::result::Result<Principal, Refused>>>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let req = req.clone();
        Box::pin(async move {
            let app = req.app_data::<web::Data<App>>().expect("the server is always built with its App").clone();
            let Some(credential) = shown(&req, &app.config) else { return Err(login_needed(&req)) };
            let Some(principal) = admit(&app, credential).await? else { return Err(login_needed(&req)) };
            let access = req.app_data::<web::Data<Table>>().and_then(|t| t.access(req.method(), req.match_pattern().as_deref()));
            // A handler that is in no table cannot have been registered; if it could, it is the owner's alone.
            principal.allowed(access.unwrap_or(Access::Owner), &req)?;
            Ok(principal)
        })
    }
}

/// The token or cookie of a request; a token goes before a cookie, and never stands in an address.
fn shown(req: &HttpRequest, config: &Config) -> Option<Credential> {
    if let Some(value) = req.headers().get(header::AUTHORIZATION) {
        let (scheme, secret) = value.to_str().ok()?.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then(|| Credential::Token(secret.trim().to_owned()));
    }
    req.cookie(cookie_name(config)).map(|c| Credential::Cookie(c.value().to_owned()))
}

/// The session cookie's name.
#[must_use]
pub fn cookie_name(config: &Config) -> &'static str {
    if is_https(config) { "__Host-mc_session" } else { "mc_session" }
}

async fn admit(app: &web::Data<App>, credential: Credential) -> Result<Option<Principal>> {
    let now = app.store.clock().now();
    match credential.clone() {
        Credential::Inside => Ok(None),
        Credential::Cookie(secret) => {
            let Some(session) = app.store.query(move |c| credentials::session(c, &secret, now)).await? else { return Ok(None) };
            let id = session.id;
            if now.since(session.last_seen_at) >= TOUCH_MS {
                touch(app, move |tx| credentials::touch_session(tx, id));
            }
            Ok(Some(Principal {
                actor: Actor::Person { name: session.user, by_token: false },
                scope: Scope::Owner,
                key: format!("session:{id}"),
                session: Some(id),
                credential,
            }))
        }
        Credential::Token(secret) => {
            let found = app.store.query(move |c| {
                let Some(token) = credentials::token(c, &secret)? else { return Ok(None) };
                let role = match (token.scope, token.run) {
                    (Scope::Ticket(id), Some(_)) => Some(tickets::get(c, id)?.role.label()),
                    (Scope::Ticket(_) | Scope::Owner | Scope::Operator | Scope::Viewer, _) => None,
                };
                Ok(Some((token, role)))
            });
            let Some((token, role)) = found.await? else { return Ok(None) };
            if token.last_used_at.unwrap_or(Time(0)).plus_ms(TOUCH_MS) <= now {
                let name = token.name.clone();
                touch(app, move |tx| credentials::touch_token(tx, &name));
            }
            let actor = match token.scope {
                Scope::Owner | Scope::Operator | Scope::Viewer => Actor::Person { name: shown_name(&token.name), by_token: true },
                Scope::Ticket(ticket) => {
                    Actor::Agent { name: role.unwrap_or_else(|| token.name.clone()), ticket, run: token.run }
                }
            };
            Ok(Some(Principal { actor, scope: token.scope, key: format!("token:{}", token.name), session: None, credential }))
        }
    }
}

/// The terminal on the server's own machine speaks with a token whose name says nothing to people.
fn shown_name(token: &str) -> String {
    if token.starts_with("local-") { "Owner".to_owned() } else { token.to_owned() }
}

/// Notes a use beside the request: nobody waits for it, and its failure is nobody's.
fn touch(app: &web::Data<App>, note: impl FnOnce(&crate::store::Tx<'_>) -> Result<()> + Send + 'static) {
    let store = app.store.clone();
    actix_web::rt::spawn(async move { store.call(note).await.ok() });
}

fn login_needed(req: &HttpRequest) -> Refused {
    Refused::Login(if is_api(req.path()) || is_stream(req) {
        LoginNeeded::Unauthorized
    } else if req.headers().contains_key("hx-request") {
        if is_safe(req.method()) { LoginNeeded::Htmx } else { LoginNeeded::Unauthorized }
    } else {
        let here = if is_safe(req.method()) { req.uri().path_and_query().map_or("/", |p| p.as_str()) } else { "/" };
        LoginNeeded::Redirect(match safe_next(here) {
            "/" => "/login".to_owned(),
            next => format!("/login?next={}", percent(next)),
        })
    })
}

/// Whether a path is one of the JSON contract's.
#[must_use]
pub fn is_api(path: &str) -> bool {
    path == "/api" || path.starts_with("/api/")
}

fn is_stream(req: &HttpRequest) -> bool {
    let wants = req.headers().get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    req.path().ends_with("/stream") || wants.contains("text/event-stream")
}

/// Where to go after a login: a path on this site, or Home.
#[must_use]
pub fn safe_next(next: &str) -> &str {
    let good = next.starts_with('/')
        && !next.starts_with("//")
        && !next.starts_with("/login")
        && next.len() <= 500
        && !next.chars().any(|c| c.is_control() || c == '\\');
    if good { next } else { "/" }
}

fn percent(text: &str) -> String {
    let mut out = String::new();
    for b in text.bytes() {
        match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(b)),
            _ => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_login_one_stays_on_this_site() {
        for bad in ["//evil.com", "https://evil.com", "/\\evil.com", "", "evil", "/a\nb", "/login?next=/x"] {
            assert_eq!(safe_next(bad), "/", "{bad:?}");
        }
        assert_eq!(safe_next("/tickets/MC-1?x=1"), "/tickets/MC-1?x=1");
        assert_eq!(percent("/tickets?q=a b&c"), "/tickets%3Fq%3Da%20b%26c");
    }
}

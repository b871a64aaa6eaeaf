//! How somebody is told that they do not get in: a program by a status, a browser by the way to the login.

use crate::base::error::Error;
use crate::base::text::percent_encoded;
use crate::web::http::principal::is_safe;
use crate::web::http::problem::Problem;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use std::fmt;

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

/// What somebody is told who has to log in first.
#[must_use]
pub fn login_needed(req: &HttpRequest) -> Refused {
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

/// A path as a query's value; its slashes need no encoding there.
fn percent(path: &str) -> String {
    percent_encoded(path).replace("%2F", "/")
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

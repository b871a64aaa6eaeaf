//! What holds for every request and every answer: the host must be ours, a change must come from our own pages or with
//! a token, and each answer carries the headers that keep text from becoming script.

use crate::base::error::Error;
use crate::config::Config;
use crate::web::http::forwarded::by_proxy;
pub use crate::web::http::forwarded::client_ip;
pub use crate::web::http::hosts::Hosts;
use crate::web::http::hosts::{Origin, origin_parts};
use crate::web::http::problem::Problem;
use crate::web::http::state::App;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web;

/// Whether browsers reach us by https.
#[must_use]
pub fn is_https(config: &Config) -> bool {
    config.tls.is_some() || config.base_url.as_deref().is_some_and(|u| u.to_ascii_lowercase().starts_with("https://"))
}

/// The session cookie's name.
#[must_use]
pub fn cookie_name(config: &Config) -> &'static str {
    if is_https(config) { "__Host-mc_session" } else { "mc_session" }
}

/// The outermost layer of every route: see the module.
///
/// # Errors
/// Only those of the layers inside.
pub async fn secure(
    hosts: web::Data<Hosts>,
    app: web::Data<App>,
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let refused = check(&req, &hosts, &app.config).err();
    let mut res = match refused {
        Some(problem) => req.into_response(problem.response()),
        None => next.call(req).await?.map_into_boxed_body(),
    };
    if !is_bare(res.status()) {
        protect(res.headers_mut(), &crate::base::random::secret("")[..32]);
    }
    keep_out_of_caches(res.headers_mut());
    Ok(res)
}

fn check(req: &ServiceRequest, hosts: &Hosts, config: &Config) -> Result<(), Problem> {
    let host = host_of(req, config)?;
    if !hosts.accepts(&host) {
        return Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, "This server does not answer to that host name")
            .with_next("Add the name to allowed_hosts in the [server] section of config.toml."));
    }
    if matches!(*req.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    same_origin(req, hosts, config, &host)
}

/// The host a request is for.
fn host_of(req: &ServiceRequest, config: &Config) -> Result<String, Problem> {
    let bad = |text: &str| Problem::new(StatusCode::BAD_REQUEST, text);
    if req.headers().get_all(header::HOST).count() > 1 {
        return Err(bad("The request names two hosts"));
    }
    let named = match req.headers().get(header::HOST) {
        Some(value) => Some(value.to_str().map_err(|_| bad("The Host header is not readable"))?.to_owned()),
        None => None,
    };
    let in_line = req.uri().authority().map(ToString::to_string);
    let host = match (named, in_line) {
        (Some(a), Some(b)) if !a.eq_ignore_ascii_case(&b) => return Err(bad("The request names two hosts")),
        (Some(host), _) | (None, Some(host)) => host,
        (None, None) => return Err(bad("The Host header is missing")),
    };
    Ok(by_proxy(req.headers(), req.peer_addr(), config, "x-forwarded-host").map_or(host, str::to_owned))
}

/// Whether a change comes from our own pages, or from a program.
fn same_origin(req: &ServiceRequest, hosts: &Hosts, config: &Config, host: &str) -> Result<(), Problem> {
    let refuse = || {
        Problem::from(Error::Denied("this change did not come from Mission Control's own pages".to_owned()))
            .with_next("Open the page itself and try again there; programs send a token in the Authorization header.")
    };
    if let Some(site) = req.headers().get("sec-fetch-site") {
        return if matches!(site.as_bytes(), b"same-origin" | b"none") { Ok(()) } else { Err(refuse()) };
    }
    if let Some(origin) = req.headers().get(header::ORIGIN) {
        let ours = origin.to_str().ok().and_then(origin_parts).is_some_and(|o| is_ours(&o, req, hosts, config, host));
        return if ours { Ok(()) } else { Err(refuse()) };
    }
    // No browser of today leaves out both: a cookie without either is not to be trusted.
    if req.headers().contains_key(header::COOKIE) && !req.headers().contains_key(header::AUTHORIZATION) {
        return Err(refuse());
    }
    Ok(())
}

fn is_ours(origin: &Origin, req: &ServiceRequest, hosts: &Hosts, config: &Config, host: &str) -> bool {
    if hosts.is_base(origin) {
        return true;
    }
    let scheme = match config.tls {
        Some(_) => "https",
        None => by_proxy(req.headers(), req.peer_addr(), config, "x-forwarded-proto").unwrap_or("http"),
    };
    origin_parts(&format!("{scheme}://{host}")).as_ref() == Some(origin)
}

/// The headers of every answer that has a body.
fn protect(headers: &mut HeaderMap, nonce: &str) {
    let policy = format!(
        "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self'; connect-src 'self'; img-src 'self'; \
         font-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    let policy = HeaderValue::from_str(&policy).expect("hex and plain words are a header value");
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    for (name, value) in FIXED {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
}

/// What polls are answered with when nothing has changed. There is no document that a policy could protect, and an open
/// console is told so every second.
fn is_bare(status: StatusCode) -> bool {
    matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

fn keep_out_of_caches(headers: &mut HeaderMap) {
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

const FIXED: &[(&str, &str)] = &[
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("x-frame-options", "DENY"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
];

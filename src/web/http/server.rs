//! Puts the server together: the routes of the table, and around them what holds for every request.

use crate::base::error::{Error, Result};
use crate::config::Config;
use crate::web::http::auth;
use crate::web::http::auth::{Limiter, Route};
use crate::web::http::chunked_body;
use crate::web::http::problem::Problem;
use crate::web::http::request::wants_fragment;
use crate::web::http::security;
use crate::web::http::security::Hosts;
use crate::web::http::state::App;
use crate::web::ui::error_page;
use crate::web::ui::shell;
use crate::web::ui::shell::Nav;
use crate::web::ui::toast::{Tone, login_ended, toast_partial};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Server, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::{Compress, Next, from_fn};
use actix_web::{HttpRequest, HttpResponse, HttpServer, web};
use nix::sys::socket::{setsockopt, sockopt};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

/// The most bytes of a form: a message of 200,000 bytes, encoded.
const FORM_LIMIT: usize = 1024 * 1024;

/// A connection whose other side takes nothing of what was sent for so long is over.
const UNTAKEN_MS: u32 = 45_000;

/// Threads on which each of the two workers reads the store: together twice as many as it has readers.
const BLOCKING: usize = crate::store::READERS as usize;

/// Every route of the server.
#[must_use]
pub fn routes() -> Vec<Route> {
    crate::web::ROUTES.concat()
}

/// Serves on these sockets. The caller awaits the server, and stops it by its handle after `App::closing` turned true.
///
/// # Errors
/// A certificate is not readable, or a socket cannot be used.
pub fn serve(app: web::Data<App>, listeners: Vec<TcpListener>) -> Result<Server> {
    let addrs = listeners.iter().map(TcpListener::local_addr).collect::<std::io::Result<Vec<_>>>()?;
    let hosts = web::Data::new(Hosts::new(&app.config, &addrs));
    let table = routes();
    let limiter = web::Data::new(Limiter::default());
    let tls = app.config.tls.as_ref().map(|(cert, key)| tls(cert, key)).transpose()?;
    let mut server = HttpServer::new(move || {
        actix_web::App::new()
            .app_data(app.clone())
            .app_data(hosts.clone())
            .app_data(limiter.clone())
            .app_data(web::FormConfig::default().limit(FORM_LIMIT))
            .wrap(from_fn(look_for_projects))
            .wrap(from_fn(dress))
            .wrap(Compress::default())
            .wrap(from_fn(security::secure))
            .wrap(from_fn(chunked_body::cut))
            .configure(|cfg| auth::configure(&table, cfg))
            .default_service(web::to(nowhere))
    })
    .workers(2)
    // More would only wait for one of the store's readers, each with a stack and memory of its own, and in no order.
    .worker_max_blocking_threads(BLOCKING)
    .tcp_nodelay(true)
    .h1_write_buffer_size(chunked_body::FULL)
    .client_request_timeout(Duration::from_secs(10))
    .client_disconnect_timeout(Duration::from_secs(2))
    // A reader that has gone is seen at once, and not at the next message to it.
    .h1_allow_half_closed(false)
    .shutdown_timeout(1)
    .disable_signals();
    for listener in listeners {
        listener.set_nonblocking(true)?;
        // Its connections inherit it. Without it bytes that nobody takes would be kept, with their connection, for ever.
        if let Err(e) = setsockopt(&listener, sockopt::TcpUserTimeout, &UNTAKEN_MS) {
            tracing::info!(error = %e, "the system does not end connections whose other side takes nothing; going on");
        }
        server = match &tls {
            Some(config) => server.listen_rustls_0_23(listener, config.clone())?,
            None => server.listen(listener)?,
        };
    }
    Ok(server.run())
}

/// What is at no route.
async fn nowhere(req: HttpRequest) -> HttpResponse {
    let next = if auth::is_api(req.path()) { "GET /api/v1/openapi.json lists what there is." } else { "Go to / for Home." };
    Problem::new(StatusCode::NOT_FOUND, "There is nothing here").with_next(next).response()
}

/// What is sent to us may name a project, and that one may be a folder made a moment ago: the disk is looked at here, off the
/// async threads and before any write.
async fn look_for_projects(
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> std::result::Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    if !req.method().is_safe()
        && let Some(app) = req.app_data::<web::Data<App>>()
    {
        let config = app.config.clone();
        // Where there is no thread for it what was seen before has to do.
        let _looked = tokio::task::spawn_blocking(move || config.look_for_projects()).await;
    }
    next.call(req).await
}

/// Outside the JSON contract a problem is a page for people, and a toast where a form of a page that stays was sent.
async fn dress(
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> std::result::Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let plain = auth::is_api(req.path());
    let stays = wants_fragment(req.headers()) && !req.method().is_safe();
    let res = next.call(req).await?.map_into_boxed_body();
    let problem = if plain { None } else { res.response().extensions().get::<Problem>().cloned() };
    let Some(problem) = problem else { return Ok(res) };
    let (req, old) = res.into_parts();
    let shown = if stays { toast(&problem) } else { page(&problem, req.path()) };
    let mut page = HttpResponse::build(problem.code()).content_type("text/html; charset=utf-8").body(shown.into_string());
    for (name, value) in old.headers() {
        if name != actix_web::http::header::CONTENT_TYPE {
            page.headers_mut().insert(name.clone(), value.clone());
        }
    }
    Ok(ServiceResponse::new(req, page))
}

fn page(problem: &Problem, path: &str) -> maud::Markup {
    let shown = error_page::usual(problem.status, &problem.detail, Nav::of(path));
    shell::bare(&shown.title, &error_page::error(&shown))
}

fn toast(problem: &Problem) -> maud::Markup {
    if problem.code() == StatusCode::UNAUTHORIZED { login_ended() } else { toast_partial(Tone::Bad, &problem.detail, None) }
}

fn tls(cert: &Path, key: &Path) -> Result<rustls::ServerConfig> {
    let bad = |e: &dyn std::fmt::Display| Error::field("server.tls", e.to_string());
    let unread = |path: &Path, e: &pem::Error| match e {
        pem::Error::Io(e) => Error::field("server.tls", format!("{}: {e}", path.display())),
        e => bad(e),
    };
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<std::result::Result<Vec<_>, _>>)
        .map_err(|e| unread(cert, &e))?;
    if chain.is_empty() {
        return Err(bad(&"tls_cert holds no certificate"));
    }
    let key = PrivateKeyDer::from_pem_file(key).map_err(|e| match e {
        pem::Error::NoItemsFound => bad(&"tls_key holds no private key"),
        e => unread(key, &e),
    })?;
    rustls::ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(|e| bad(&e))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|e| bad(&e))
}

/// Whether the configured certificate can be used: asked before anything is started.
///
/// # Errors
/// What is wrong with it.
pub fn check_tls(config: &Config) -> Result<()> {
    config.tls.as_ref().map(|(cert, key)| tls(cert, key)).transpose().map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_cannot_be_used_is_told_in_words() {
        let dir = tempfile::tempdir().expect("a folder");
        let (none, cert) = (dir.path().join("none.pem"), dir.path().join("cert.pem"));
        let told = |cert: &Path, key: &Path| match tls(cert, key) {
            Err(e) => e.to_string(),
            Ok(_) => panic!("accepted"),
        };
        assert!(told(&none, &none).contains("none.pem"), "{}", told(&none, &none));
        std::fs::write(&none, "no certificate\n").expect("written");
        assert!(told(&none, &none).contains("tls_cert holds no certificate"), "{}", told(&none, &none));
        std::fs::write(&cert, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").expect("written");
        assert!(told(&cert, &none).contains("tls_key holds no private key"), "{}", told(&cert, &none));
    }
}

//! What holds for every request and every answer: the host must be ours, a change must come from our own pages or with
//! a token, and each answer carries the headers that keep text from becoming script.

use crate::base::error::Error;
use crate::config::Config;
use crate::web::http::problem::Problem;
use crate::web::http::state::App;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web;
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

/// The hosts we answer to.
#[derive(Debug, Clone)]
pub struct Hosts {
    /// With port, where the port is not the scheme's own.
    exact: BTreeSet<String>,
    /// By name, whatever the port: what the operator allowed.
    names: BTreeSet<String>,
    /// Any address is good: the operator said that the network is theirs alone.
    any_ip: bool,
    base: Option<(String, String)>,
}

impl Hosts {
    /// From the configuration and the addresses really listened on.
    #[must_use]
    pub fn new(config: &Config, addrs: &[SocketAddr]) -> Hosts {
        let mut exact = BTreeSet::new();
        let own = if config.tls.is_some() { 443 } else { 80 };
        for addr in addrs {
            let mut forms = vec![addr.ip().to_string(), "127.0.0.1".to_owned(), "localhost".to_owned(), "[::1]".to_owned()];
            if let IpAddr::V6(ip) = addr.ip() {
                forms[0] = format!("[{ip}]");
            }
            for form in forms {
                exact.insert(format!("{form}:{}", addr.port()));
                if addr.port() == own {
                    exact.insert(form);
                }
            }
        }
        let (with_port, names) = config.allowed_hosts.iter().cloned().partition(|h: &String| split_port(h).1.is_some());
        let with_port: BTreeSet<String> = with_port;
        exact.extend(with_port);
        let base = config.base_url.as_deref().and_then(origin_parts);
        if let Some((_, host)) = &base {
            exact.insert(host.clone());
        }
        Hosts { exact, names, any_ip: config.insecure && config.is_open_to_network(), base }
    }

    /// Whether a request for this host is for us.
    #[must_use]
    pub fn accepts(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let (name, port) = split_port(&host);
        if port.is_some_and(|p| p.parse::<u16>().is_err()) {
            return false;
        }
        self.exact.contains(&host) || self.names.contains(name) || (self.any_ip && is_ip(name))
    }
}

/// Splits `host:port`; an IPv6 address keeps its brackets.
fn split_port(host: &str) -> (&str, Option<&str>) {
    let end = host.rfind(']').map_or(0, |at| at + 1);
    match host[end..].find(':') {
        Some(at) => (&host[..end + at], Some(&host[end + at + 1..])),
        None => (host, None),
    }
}

fn is_ip(name: &str) -> bool {
    match name.strip_prefix('[').and_then(|n| n.strip_suffix(']')) {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => name.parse::<std::net::Ipv4Addr>().is_ok(),
    }
}

/// Scheme and host (with a port that is not the scheme's own) of an address.
fn origin_parts(url: &str) -> Option<(String, String)> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    let own = if scheme == "https" { "443" } else { "80" };
    let host = match split_port(&host) {
        (name, Some(port)) if port == own => name.to_owned(),
        (_, _) => host.clone(),
    };
    (!host.is_empty()).then_some((scheme, host))
}

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

/// Who is at the other end; a declared proxy is believed when it says for whom it speaks.
#[must_use]
pub fn client_ip(headers: &HeaderMap, peer: Option<SocketAddr>, config: &Config) -> IpAddr {
    let peer = peer.map_or(IpAddr::from([127, 0, 0, 1]), |a| a.ip());
    if !config.trusted_proxies.contains(&peer) {
        return peer;
    }
    // The last entry is the proxy's own word, those before it are anybody's.
    text(headers, "x-forwarded-for").and_then(|list| list.rsplit(',').next()?.trim().parse().ok()).unwrap_or(peer)
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
    let by_proxy = req.peer_addr().is_some_and(|peer| config.trusted_proxies.contains(&peer.ip()));
    let forwarded = if by_proxy { text(req.headers(), "x-forwarded-host") } else { None };
    Ok(forwarded.map_or(host, |list| list.split(',').next().unwrap_or_default().trim().to_owned()))
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

fn is_ours(origin: &(String, String), req: &ServiceRequest, hosts: &Hosts, config: &Config, host: &str) -> bool {
    if hosts.base.as_ref() == Some(origin) {
        return true;
    }
    let by_proxy = req.peer_addr().is_some_and(|peer| config.trusted_proxies.contains(&peer.ip()));
    let scheme = match (config.tls.is_some(), by_proxy) {
        (true, _) => "https",
        (false, true) => text(req.headers(), "x-forwarded-proto").unwrap_or("http"),
        (false, false) => "http",
    };
    origin_parts(&format!("{scheme}://{host}")).as_ref() == Some(origin)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(toml: &str, listen: &str) -> Hosts {
        let dir = tempfile::tempdir().expect("a temp dir");
        std::fs::write(dir.path().join("config.toml"), toml).expect("written");
        let flags = crate::config::Flags { data: Some(dir.path().into()), listen: Some(listen.into()), ..Default::default() };
        let config = Config::load(&flags, &|_| None, &|_| None).expect("good");
        Hosts::new(&config, &[config.listen])
    }

    #[test]
    fn only_our_own_names_are_accepted() {
        let h = hosts("", "127.0.0.1:8420");
        for good in ["127.0.0.1:8420", "localhost:8420", "LOCALHOST:8420", "[::1]:8420"] {
            assert!(h.accepts(good), "{good}");
        }
        for bad in [
            "evil.com",
            "127.0.0.1.evil.com:8420",
            "127.0.0.1",
            "127.0.0.1:8421",
            "localhost.:8420",
            "",
            "[::1]",
            "192.168.1.4:8420",
        ] {
            assert!(!h.accepts(bad), "{bad}");
        }
    }

    #[test]
    fn the_operators_names_are_accepted_on_any_port_and_the_base_address_as_written() {
        let toml = "[server]\nbase_url = \"https://mc.example.org\"\nallowed_hosts = [\"box.lan\", \"other.lan:99\"]\n";
        let h = hosts(toml, "127.0.0.1:8420");
        for good in ["mc.example.org", "box.lan", "box.lan:1234", "other.lan:99"] {
            assert!(h.accepts(good), "{good}");
        }
        for bad in ["mc.example.org:81", "other.lan", "x.box.lan", "box.lan:http", "10.0.0.1"] {
            assert!(!h.accepts(bad), "{bad}");
        }
    }

    #[test]
    fn in_a_network_of_ones_own_any_address_will_do_but_no_name() {
        let h = hosts("[server]\ninsecure = true\n", "0.0.0.0:8420");
        assert!(h.accepts("192.168.1.4:8420") && h.accepts("[fe80::1]:9"));
        assert!(!h.accepts("evil.com:8420") && !h.accepts("192.168.1.4.evil.com"));
    }

    #[test]
    fn an_origin_is_compared_without_its_schemes_own_port() {
        let of = |u: &str| origin_parts(u).expect("an origin");
        assert_eq!(of("https://A.b:443"), ("https".into(), "a.b".into()));
        assert_eq!(of("http://a.b:8420/x"), ("http".into(), "a.b:8420".into()));
        assert_eq!(origin_parts("null"), None);
    }
}

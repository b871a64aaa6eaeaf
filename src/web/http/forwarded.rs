//! What proxies say of a request. Only a declared proxy is believed, and only what it wrote itself: each one adds its word
//! behind what was sent to it, in the same header line or in one of its own.

use crate::config::Config;
use actix_web::http::header::HeaderMap;
use std::net::{IpAddr, SocketAddr};

/// Who is at the other end: the nearest address that is no proxy of ours.
#[must_use]
pub fn client_ip(headers: &HeaderMap, peer: Option<SocketAddr>, config: &Config) -> IpAddr {
    let mut ip = peer.map_or(IpAddr::from([127, 0, 0, 1]), |a| a.ip());
    for said in words(headers, "x-forwarded-for").into_iter().rev() {
        if !config.trusted_proxies.contains(&ip) {
            break;
        }
        match said.parse() {
            Ok(next) => ip = next,
            // Nobody knows who was there before.
            Err(_) => break,
        }
    }
    ip
}

/// What the nearest proxy says in this header, if the request came from a proxy of ours.
#[must_use]
pub fn by_proxy<'a>(headers: &'a HeaderMap, peer: Option<SocketAddr>, config: &Config, name: &str) -> Option<&'a str> {
    let is_proxy = peer.is_some_and(|peer| config.trusted_proxies.contains(&peer.ip()));
    if is_proxy { words(headers, name).pop() } else { None }
}

/// All words of a header, over all its lines. A line that is not readable is one word that means nothing.
fn words<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    headers.get_all(name).flat_map(|line| line.to_str().unwrap_or_default().split(',')).map(str::trim).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Flags;
    use actix_web::http::header::{HeaderName, HeaderValue};

    fn config(toml: &str) -> (tempfile::TempDir, Config) {
        let dir = tempfile::tempdir().expect("a temp dir");
        std::fs::write(dir.path().join("config.toml"), toml).expect("written");
        let flags = Flags { data: Some(dir.path().into()), ..Flags::default() };
        let config = Config::load(&flags, &|_| None, &|_| None).expect("good");
        (dir, config)
    }

    fn lines(name: &'static str, all: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in all {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(line));
        }
        headers
    }

    #[test]
    fn the_client_is_the_nearest_address_that_is_no_proxy_of_ours_over_all_lines() {
        let (_dir, config) = config("[server]\ntrusted_proxies = [\"127.0.0.1\", \"10.0.0.2\"]\n");
        let of = |peer: &str, all: &[&'static str]| {
            let peer = Some(SocketAddr::new(peer.parse().expect("an address"), 4_000));
            client_ip(&lines("x-forwarded-for", all), peer, &config).to_string()
        };
        assert_eq!(of("127.0.0.1", &["6.6.6.6", "9.9.9.9"]), "9.9.9.9", "the client's own line comes first");
        assert_eq!(of("127.0.0.1", &["6.6.6.6, 9.9.9.9"]), "9.9.9.9", "and so in one line");
        assert_eq!(of("127.0.0.1", &["6.6.6.6", "9.9.9.9", "10.0.0.2"]), "9.9.9.9", "past a second proxy of ours");
        assert_eq!(of("127.0.0.1", &["6.6.6.6, 10.0.0.2"]), "6.6.6.6");
        assert_eq!(of("127.0.0.1", &["6.6.6.6", "nobody"]), "127.0.0.1", "what is unreadable hides what is before it");
        assert_eq!(of("127.0.0.1", &[]), "127.0.0.1");
        assert_eq!(of("8.8.8.8", &["6.6.6.6"]), "8.8.8.8", "no proxy of ours");
    }

    #[test]
    fn of_a_host_that_was_sent_and_one_that_the_proxy_added_the_proxys_counts() {
        let (_dir, config) = config("[server]\ntrusted_proxies = [\"127.0.0.1\"]\n");
        let peer = |ip: &str| Some(SocketAddr::new(ip.parse().expect("an address"), 4_000));
        let headers = lines("x-forwarded-host", &["evil.com", "box.lan"]);
        assert_eq!(by_proxy(&headers, peer("127.0.0.1"), &config, "x-forwarded-host"), Some("box.lan"));
        assert_eq!(by_proxy(&headers, peer("8.8.8.8"), &config, "x-forwarded-host"), None);
    }
}

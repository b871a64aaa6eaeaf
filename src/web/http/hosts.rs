//! The hosts that we answer to, and how the origin of a page is read.

use crate::config::Config;
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
    base: Option<Origin>,
}

/// Scheme and host of an address.
pub type Origin = (String, String);

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

    /// Whether pages of this origin are ours by the configured address.
    #[must_use]
    pub fn is_base(&self, origin: &Origin) -> bool {
        self.base.as_ref() == Some(origin)
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
#[must_use]
pub fn origin_parts(url: &str) -> Option<Origin> {
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

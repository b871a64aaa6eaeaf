//! `[telegram]`: which bot, whom it listens to, when it keeps quiet.

use crate::base::error::FieldError;
use crate::config::origin::Origin;
use crate::domain::notice::Quiet;
use crate::drivers::telegram::{API_URL, Token};
use serde::Deserialize;
use std::path::PathBuf;

/// The section as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Section {
    token_env: Option<String>,
    token_file: Option<PathBuf>,
    api_url: Option<String>,
    chats: Vec<i64>,
    quiet: Option<String>,
    timezone: Option<String>,
}

/// The connection to Telegram, as configured.
#[derive(Debug, Clone)]
pub struct Telegram {
    /// The bot's token, or why there is none. A missing one is no reason not to start.
    pub token: Result<Token, String>,
    /// Where the Bot API is.
    pub api_url: String,
    /// The only chats that are heard, and where notices go.
    pub chats: Vec<i64>,
    /// When only urgent notices are sent.
    pub quiet: Option<Quiet>,
}

/// Reads the section; none where it is not there.
pub(crate) fn read(
    section: Option<&Section>,
    env: &dyn Fn(&str) -> Option<String>,
    origins: &mut Vec<Origin>,
    faults: &mut Vec<FieldError>,
) -> Option<Telegram> {
    let section = section?;
    let mut fault = |field: &str, message: String| faults.push(FieldError { field: format!("telegram.{field}"), message });
    if let Some(name) = section.token_env.as_deref().filter(|n| !n.starts_with("TELEGRAM_") && !n.starts_with("MC_")) {
        fault("token_env", format!("{name:?} would reach every agent: variables that begin with TELEGRAM_ or MC_ do not"));
    }
    let (token, from) = match (&section.token_env, &section.token_file) {
        (Some(name), None) => (token_of(env(name), &format!("the variable {name}")), format!("the variable {name}")),
        (None, Some(path)) => {
            let read = std::fs::read_to_string(path);
            let place = path.display().to_string();
            (read.map_err(|e| format!("{place} cannot be read: {e}")).and_then(|text| token_of(Some(text), &place)), place)
        }
        (None, None) => (Err("neither token_env nor token_file says where the token is".to_owned()), String::new()),
        (Some(_), Some(_)) => {
            fault("token_env", "and token_file exclude each other".to_owned());
            (Err(String::new()), String::new())
        }
    };
    let api_url = section.api_url.clone().unwrap_or_else(|| API_URL.to_owned());
    if !is_safe(&api_url) {
        fault(
            "api_url",
            format!("{api_url:?} is no address that a token may go to: write https://… (http:// only for this machine)"),
        );
    }
    let zone = section.timezone.as_deref().unwrap_or("UTC");
    let zone = zone.parse::<chrono_tz::Tz>().unwrap_or_else(|_| {
        fault("timezone", format!("{zone:?} is unknown: write Europe/Berlin"));
        chrono_tz::UTC
    });
    let quiet = section.quiet.as_deref().and_then(|text| {
        let quiet = Quiet::parse(text, zone);
        if quiet.is_none() {
            fault("quiet", format!("{text:?} is no span of hours: write 22:00-07:00"));
        }
        quiet
    });
    let mut note = |key: &str, value: String| {
        origins.push(Origin { key: format!("telegram.{key}"), value, from: "config file" });
    };
    note("token", if token.is_ok() { format!("set, from {from}") } else { "not set".to_owned() });
    note("api_url", api_url.clone());
    note("chats", section.chats.iter().map(i64::to_string).collect::<Vec<_>>().join(", "));
    note("quiet", section.quiet.as_ref().map_or_else(String::new, |q| format!("{q} {zone}")));
    Some(Telegram { token, api_url, chats: section.chats.clone(), quiet })
}

fn token_of(text: Option<String>, place: &str) -> Result<Token, String> {
    let text = text.ok_or_else(|| format!("{place} is not set"))?;
    text.parse().map_err(|why| format!("{place} {why}"))
}

/// A token goes over TLS, or does not leave the machine.
fn is_safe(url: &str) -> bool {
    let host = |rest: &str| !rest.is_empty() && !rest.contains(['@', '?', '#', ' ']);
    if let Some(rest) = url.strip_prefix("https://") {
        return host(rest);
    }
    let near = ["127.0.0.1", "localhost", "[::1]"];
    url.strip_prefix("http://").is_some_and(|rest| {
        host(rest) && near.iter().any(|n| rest.strip_prefix(n).is_some_and(|r| r.is_empty() || r.starts_with([':', '/'])))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> (Telegram, Vec<String>, Vec<Origin>) {
        let section: Section = toml::from_str(text).expect("TOML");
        let (mut origins, mut faults) = (Vec::new(), Vec::new());
        let env = |name: &str| (name == "TELEGRAM_BOT").then(|| "77:abcdefghijklmnopqrst".to_owned());
        let read = read(Some(&section), &env, &mut origins, &mut faults).expect("there");
        (read, faults.into_iter().map(|f| f.field).collect(), origins)
    }

    #[test]
    fn a_missing_token_is_told_and_no_fault() {
        let (read, faults, _) = load("token_env = \"MC_NOT_THERE\"\nchats = [5]");
        assert!(faults.is_empty(), "{faults:?}");
        assert!(read.token.expect_err("none").contains("MC_NOT_THERE is not set"));
        let (read, faults, _) = load("token_file = \"/nonexistent/token\"");
        assert!(faults.is_empty(), "{faults:?}");
        assert!(read.token.expect_err("none").contains("cannot be read"));
    }

    #[test]
    fn the_settings_in_force_do_not_tell_the_token() {
        let (read, faults, origins) =
            load("token_env = \"TELEGRAM_BOT\"\nchats = [5, -7]\nquiet = \"22:00-07:00\"\ntimezone = \"Europe/Berlin\"");
        assert!(faults.is_empty(), "{faults:?}");
        assert!(read.token.is_ok() && read.quiet.is_some());
        assert!(!format!("{origins:?} {read:?}").contains("abcdefgh"));
    }

    #[test]
    fn every_fault_is_told() {
        let (_, faults, _) = load(
            "token_env = \"TELEGRAM_BOT\"\ntoken_file = \"x\"\napi_url = \"http://example.org\"\nquiet = \"late\"\ntimezone = \"Mars\"",
        );
        assert_eq!(faults, ["telegram.token_env", "telegram.api_url", "telegram.timezone", "telegram.quiet"]);
    }

    #[test]
    fn a_variable_that_agents_would_inherit_is_refused() {
        assert_eq!(load("token_env = \"BOT_TOKEN\"").1, ["telegram.token_env"]);
    }

    #[test]
    fn a_token_goes_over_tls_or_stays_on_the_machine() {
        for good in ["https://api.telegram.org", "http://127.0.0.1:8081", "http://localhost/x", "http://[::1]:9"] {
            assert!(is_safe(good), "{good}");
        }
        for bad in [
            "http://example.org",
            "http://127.0.0.1.example.org",
            "https://",
            "ftp://127.0.0.1",
            "https://a@b",
            "api.telegram.org",
        ] {
            assert!(!is_safe(bad), "{bad}");
        }
    }
}

//! Signs of trouble in the words, codes and statuses that agents and their services use, read into failure codes.

use crate::domain::run::FailureCode;
use crate::domain::time::Time;
use chrono::DateTime;

/// A reset further from now than this is not believed.
const FARTHEST_RESET_MS: i64 = 8 * 86_400_000;

/// The failure behind an agent's own code word.
#[must_use]
pub fn by_kind(kind: &str) -> Option<FailureCode> {
    Some(match kind {
        "authentication_failed" | "authentication_error" | "permission_error" | "oauth_org_not_allowed" => {
            FailureCode::AuthFailure
        }
        "rate_limit" | "rate_limit_error" => FailureCode::RateLimit,
        "server_error" | "overloaded" | "overloaded_error" | "api_error" => FailureCode::ServerError,
        "billing_error" => FailureCode::Billing,
        "model_not_found" => FailureCode::ModelNotFound,
        "invalid_request" | "invalid_request_error" => FailureCode::InvalidRequest,
        _ => return None,
    })
}

/// The failure behind an HTTP status.
#[must_use]
pub fn by_status(status: i64) -> Option<FailureCode> {
    Some(match status {
        401 | 403 => FailureCode::AuthFailure,
        402 => FailureCode::Billing,
        404 => FailureCode::ModelNotFound,
        429 => FailureCode::RateLimit,
        400 | 413 | 422 => FailureCode::InvalidRequest,
        500..=599 => FailureCode::ServerError,
        _ => return None,
    })
}

/// The failure that a sentence of the agent's program tells of. Only for texts that are known to be errors, or so
/// short that they can be nothing else: a ticket may well be *about* rate limits.
#[must_use]
pub fn by_text(text: &str) -> Option<FailureCode> {
    let text = text.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|w| text.contains(w));
    if says(&["credit balance"]) {
        return Some(FailureCode::Billing);
    }
    if says(&[
        "not logged in",
        "please run /login",
        "invalid api key",
        "failed to authenticate",
        "oauth token has expired",
        "oauth token has been revoked",
        "oauth token revoked",
        "authentication_error",
        "authentication_failed",
    ]) {
        return Some(FailureCode::AuthFailure);
    }
    if says(&[
        "usage limit",
        "rate limit",
        "rate_limit",
        "hit your limit",
        "limit reached",
        "rejected (429)",
        "too many requests",
    ]) {
        return Some(FailureCode::RateLimit);
    }
    if says(&["prompt is too long", "request too large"]) {
        return Some(FailureCode::InvalidRequest);
    }
    if says(&["overloaded", "econnreset", "econnrefused", "connection refused", "connection dropped", "internal server error"]) {
        return Some(FailureCode::ServerError);
    }
    None
}

/// The agent does not know the session it was told to resume.
#[must_use]
pub fn unknown_session(text: &str) -> bool {
    text.contains("No conversation found") || text.contains("requires a valid session")
}

/// The agent refuses to run as root without a sandbox.
#[must_use]
pub fn root_refused(text: &str) -> bool {
    text.contains("cannot be used with root/sudo privileges")
}

/// When a limit resets, where the text says so: `…|1763740800`, `resets in 2h 15m`, `retry after 3600`,
/// `resets at 2026-11-21T21:00:00Z`, `resets 9pm (UTC)`. A time of day without a zone is not guessed at.
#[must_use]
pub fn reset_time(text: &str, now: Time) -> Option<Time> {
    let text = text.to_lowercase();
    let found = unix_after(&text, "|")
        .or_else(|| {
            ["resets in ", "reset in ", "try again in ", "retry in ", "retry after ", "retry-after: ", "retry-after "]
                .iter()
                .find_map(|m| Some(now.plus_ms(span_ms(after(&text, m)?)?)))
        })
        .or_else(|| ["resets at ", "reset at ", "resets "].iter().find_map(|m| moment(after(&text, m)?, now)))?;
    (found > now && is_believable(found, now)).then_some(found)
}

/// Whether a limit can reset then: one that resets in a year would stop a profile for a year.
#[must_use]
pub fn is_believable(reset: Time, now: Time) -> bool {
    reset.since(now).max(now.since(reset)) <= FARTHEST_RESET_MS
}

fn after<'a>(text: &'a str, marker: &str) -> Option<&'a str> {
    text.split_once(marker).map(|(_, rest)| rest)
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// A moment in seconds or milliseconds since 1970.
fn unix(number: &str) -> Option<Time> {
    match number.len() {
        10 => number.parse::<i64>().ok().map(|s| Time(s * 1000)),
        13 => number.parse::<i64>().ok().map(Time),
        _ => None,
    }
}

fn unix_after(text: &str, marker: &str) -> Option<Time> {
    text.split(marker).skip(1).find_map(|rest| unix(digits(rest).0))
}

/// `2h 15m`, `45 minutes`, `3600`.
fn span_ms(text: &str) -> Option<i64> {
    let mut rest = text.trim_start();
    let mut total: i64 = 0;
    let mut found = false;
    loop {
        let (number, tail) = digits(rest);
        if number.is_empty() || number.len() > 9 {
            break;
        }
        let tail = tail.trim_start();
        let unit_len = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let each = match &tail[..unit_len] {
            "" | "s" | "sec" | "secs" | "second" | "seconds" => 1_000,
            "m" | "min" | "mins" | "minute" | "minutes" => 60_000,
            "h" | "hr" | "hrs" | "hour" | "hours" => 3_600_000,
            "d" | "day" | "days" => 86_400_000,
            _ => break,
        };
        total = total.saturating_add(number.parse::<i64>().ok()?.saturating_mul(each));
        found = true;
        rest = tail[unit_len..].trim_start_matches([' ', ',']);
    }
    found.then_some(total)
}

/// `2026-11-21t21:00:00z`, `1763740800`, `9pm (utc)`, `21:30 utc`.
fn moment(text: &str, now: Time) -> Option<Time> {
    let word = text.split_whitespace().next()?;
    if let Ok(at) = DateTime::parse_from_rfc3339(&word.trim_end_matches(['.', ',', ')']).to_uppercase()) {
        return Some(Time(at.timestamp_millis()));
    }
    if let Some(at) = unix(digits(word).0) {
        return Some(at);
    }
    let (hour, rest) = digits(text.trim_start());
    let (minute, rest) = match rest.strip_prefix(':') {
        Some(rest) => digits(rest),
        None => ("0", rest),
    };
    let (hour, minute): (i64, i64) = (hour.parse().ok()?, minute.parse().ok()?);
    let rest = rest.trim_start();
    let (hour, rest) = match (rest.strip_prefix("pm"), rest.strip_prefix("am")) {
        (Some(rest), _) if (1..=12).contains(&hour) => (hour % 12 + 12, rest),
        (_, Some(rest)) if (1..=12).contains(&hour) => (hour % 12, rest),
        _ => (hour, rest),
    };
    if !rest.trim_start().trim_start_matches('(').starts_with("utc") || hour > 23 || minute > 59 {
        return None;
    }
    let midnight = now.0.div_euclid(86_400_000) * 86_400_000;
    let today = Time(midnight + hour * 3_600_000 + minute * 60_000);
    // The minute that is now: its reset comes within it, not tomorrow.
    let minute_end = today.plus_ms(60_000);
    Some(if today > now {
        today
    } else if minute_end > now {
        minute_end
    } else {
        today.plus_ms(86_400_000)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21 12:00 UTC.
    const NOON: Time = Time(1_795_262_400_000);

    #[test]
    fn the_reset_is_read_where_it_is_said_for_certain() {
        let hour = 3_600_000;
        for (text, wanted) in [
            ("Claude AI usage limit reached|1795266000", Some(NOON.plus_ms(hour))),
            ("limit reached · resets in 2h 15m", Some(NOON.plus_ms(2 * hour + 15 * 60_000))),
            ("Too many requests, retry after 3600 seconds", Some(NOON.plus_ms(hour))),
            ("retry-after: 90", Some(NOON.plus_ms(90_000))),
            ("You've hit your limit · resets 9pm (UTC)", Some(NOON.plus_ms(9 * hour))),
            ("resets at 11:30am (UTC)", Some(NOON.plus_ms(23 * hour + hour / 2))),
            ("resets 12pm (UTC)", Some(NOON.plus_ms(60_000))),
            ("resets 11:59am (UTC)", Some(NOON.plus_ms(24 * hour - 60_000))),
            ("resets at 2026-11-21T21:00:00Z.", Some(NOON.plus_ms(9 * hour))),
            ("resets 9pm", None),
            ("resets 9pm (Europe/Berlin)", None),
            ("resets at 99:99 utc", None),
            ("resets in a while", None),
            ("usage limit reached|17", None),
            ("usage limit reached|1600000000", None),
            ("retry after 999999999", None),
            ("", None),
        ] {
            assert_eq!(reset_time(text, NOON), wanted, "{text:?}");
        }
    }

    #[test]
    fn sentences_of_the_agent_are_recognised() {
        for (text, wanted) in [
            ("Invalid API key · Fix external API key", Some(FailureCode::AuthFailure)),
            ("Not logged in · Please run /login", Some(FailureCode::AuthFailure)),
            ("OAuth token revoked. Please log in again", Some(FailureCode::AuthFailure)),
            ("API Error: Request rejected (429) · limit reached", Some(FailureCode::RateLimit)),
            ("API Error: Repeated 529 Overloaded errors", Some(FailureCode::ServerError)),
            ("API Error: Connection dropped (ECONNRESET)", Some(FailureCode::ServerError)),
            ("Credit balance is too low", Some(FailureCode::Billing)),
            ("Prompt is too long · 1,200,000 tokens", Some(FailureCode::InvalidRequest)),
            ("All tests pass.", None),
        ] {
            assert_eq!(by_text(text), wanted, "{text}");
        }
    }
}

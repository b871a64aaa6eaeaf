//! Times on the page: relative words that stay right (the script reads `data-at`) and show the moment on hover.

use crate::domain::time::{Time, span_words};
use maud::{Markup, html};

/// `12 min`: how long it is since then.
#[must_use]
pub fn span(at: Time, now: Time) -> Markup {
    html! { time datetime=(at.rfc3339()) title=(absolute(at)) data-at=(at.0) data-as="span" { (span_words(now.since(at))) } }
}

/// `12 min ago`, `just now`, and `in 5 min` for a moment to come.
#[must_use]
pub fn ago(at: Time, now: Time) -> Markup {
    html! { time datetime=(at.rfc3339()) title=(absolute(at)) data-at=(at.0) data-as="ago" { (ago_words(at, now)) } }
}

/// `12:41`, or the day where it is not today. The script puts it into the reader's own zone.
#[must_use]
pub fn clock(at: Time, now: Time) -> Markup {
    html! { time datetime=(at.rfc3339()) title=(absolute(at)) data-at=(at.0) data-as="clock" { (clock_words(at, now)) } }
}

/// `Today`, `Yesterday`, `Friday 20 Nov`. The script puts it into the reader's own zone.
#[must_use]
pub fn day(at: Time, now: Time) -> Markup {
    html! { time datetime=(at.rfc3339()) title=(absolute(at)) data-at=(at.0) data-as="day" { (day_words(at, now)) } }
}

fn clock_words(at: Time, now: Time) -> String {
    at.utc().format(if now.since(at) < 86_400_000 { "%H:%M" } else { "%-d %b" }).to_string()
}

fn day_words(at: Time, now: Time) -> String {
    match now.utc().date_naive().signed_duration_since(at.utc().date_naive()).num_days() {
        0 => "Today".to_owned(),
        1 => "Yesterday".to_owned(),
        _ => at.utc().format("%A %-d %b").to_string(),
    }
}

/// `2026-11-21 12:41 UTC`.
#[must_use]
pub fn absolute(at: Time) -> String {
    at.utc().format("%Y-%m-%d %H:%M UTC").to_string()
}

fn ago_words(at: Time, now: Time) -> String {
    match (at.0 > now.0.saturating_add(999), now.since(at) < 1000) {
        (true, _) => format!("in {}", span_words(at.since(now))),
        (false, true) => "just now".to_owned(),
        (false, false) => format!("{} ago", span_words(now.since(at))),
    }
}

/// The words of a moment in one of the forms above, by its name in `data-as`; none for another name.
#[must_use]
pub fn words(form: &str, at: Time, now: Time) -> Option<String> {
    match form {
        "span" => Some(span_words(now.since(at))),
        "ago" => Some(ago_words(at, now)),
        "clock" => Some(clock_words(at, now)),
        "day" => Some(day_words(at, now)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_says_how_long_ago_and_when_exactly() {
        let now = Time(1_795_264_860_000);
        let shown = ago(now.plus_ms(-12 * 60_000), now).into_string();
        assert!(shown.contains(">12 min ago<") && shown.contains("UTC\""), "{shown}");
        assert_eq!(ago_words(now, now), "just now");
        assert_eq!(ago_words(now.plus_ms(300_000), now), "in 5 min");
    }
}

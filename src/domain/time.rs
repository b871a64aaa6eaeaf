//! A moment, as whole milliseconds since 1970 UTC. Stored as an integer, shown as RFC 3339.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i64);

impl Time {
    /// The moment of a file's time stamp; 1970 for what lies before.
    #[must_use]
    pub fn of(stamp: std::time::SystemTime) -> Time {
        let since = stamp.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Time(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// RFC 3339 in UTC with milliseconds, e.g. `2026-11-21T12:41:03.120Z`.
    #[must_use]
    pub fn rfc3339(self) -> String {
        self.utc().to_rfc3339_opts(SecondsFormat::Millis, true)
    }

    /// The same moment as a calendar value.
    #[must_use]
    pub fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or(DateTime::UNIX_EPOCH)
    }

    /// This moment plus so many milliseconds.
    #[must_use]
    pub fn plus_ms(self, ms: i64) -> Time {
        Time(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this moment; never negative.
    #[must_use]
    pub fn since(self, earlier: Time) -> i64 {
        self.0.saturating_sub(earlier.0).max(0)
    }

    /// As [`Time::since`], of a wait that began then. Where the clock was put back since, nobody knows how long it has
    /// lasted: it counts as over, for else it would last until the clock has caught up.
    #[must_use]
    pub fn waited(self, began: Time) -> i64 {
        if began.0.saturating_sub(self.0) > TREMBLES_MS { i64::MAX } else { self.since(began) }
    }

    /// Whether a wait until this moment, never longer than `most` when it began, still goes on. One that has longer to go
    /// was begun before the clock was put back, and is over.
    #[must_use]
    pub fn is_ahead(self, now: Time, most: i64) -> bool {
        self > now && self.since(now) <= most.saturating_add(TREMBLES_MS)
    }
}

/// By less than this a clock trembles; by more it was put back.
pub const TREMBLES_MS: i64 = 2_000;

/// A span in words a person would say: `now`, `12 s`, `26 min`, `2 h`, `3 d`.
#[must_use]
pub fn span_words(ms: i64) -> String {
    let s = ms.max(0) / 1000;
    match s {
        0 => "now".to_owned(),
        1..=59 => format!("{s} s"),
        60..=3599 => format!("{} min", s / 60),
        3600..=86_399 => format!("{} h", s / 3600),
        _ => format!("{} d", s / 86_400),
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.rfc3339())
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        DateTime::parse_from_rfc3339(&text).map(|t| Time(t.timestamp_millis())).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_does_not_last_until_a_clock_that_was_put_back_has_caught_up() {
        let now = Time(1_000_000);
        assert_eq!(now.waited(now.plus_ms(-500)), 500);
        assert_eq!(now.waited(now.plus_ms(700)), 0, "it only trembled");
        assert_eq!(now.waited(now.plus_ms(3_600_000)), i64::MAX);
        assert!(now.plus_ms(60_000).is_ahead(now, 60_000));
        assert!(!now.is_ahead(now, 60_000));
        assert!(!now.plus_ms(3_600_000).is_ahead(now, 60_000));
    }
}

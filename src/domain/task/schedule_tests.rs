//! When tasks are due, over every change of the clocks, held against croner's own enumeration.

use crate::domain::task::schedule::Schedule;
use crate::domain::time::Time;
use chrono::{DateTime, TimeZone, Utc};
use chrono_tz::Tz;
use croner::Cron;
use proptest::prelude::*;
use std::str::FromStr;

fn cron(line: &str, zone: &str) -> Schedule {
    Schedule::parse(Some(line), None, zone).unwrap_or_else(|e| panic!("{line}: {}", e.reason))
}

fn at(text: &str) -> Time {
    Time(DateTime::parse_from_rfc3339(text).expect("a time").timestamp_millis())
}

fn due(s: &Schedule, from: &str, until: &str) -> Vec<String> {
    let (mut now, until) = (at(from), at(until));
    let mut found = Vec::new();
    while let Some(next) = s.next_after(now).filter(|n| *n < until) {
        assert!(next > now);
        found.push(next.utc().format("%m-%d %H:%M").to_string());
        now = next;
    }
    found
}

#[test]
fn a_time_that_the_spring_change_leaves_out_fires_once_right_after_the_gap() {
    let s = cron("30 2 * * *", "Europe/Berlin");
    assert_eq!(due(&s, "2026-03-28T12:00:00Z", "2026-03-31T00:00:00Z"), ["03-29 01:00", "03-30 00:30"]);
    // Four times of the gap are one moment after it, and so is the one that stands there anyway.
    let s = cron("*/15 2,3 * * *", "Europe/Berlin");
    let found = due(&s, "2026-03-29T00:00:00Z", "2026-03-29T12:00:00Z");
    assert_eq!(found, ["03-29 01:00", "03-29 01:15", "03-29 01:30", "03-29 01:45"]);
}

#[test]
fn a_time_that_the_autumn_change_repeats_fires_once() {
    let s = cron("30 2 * * *", "Europe/Berlin");
    assert_eq!(due(&s, "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z"), ["10-25 00:30", "10-26 01:30"]);
    let s = cron("0 1,2,3 * * *", "Europe/Berlin");
    assert_eq!(due(&s, "2026-10-24T22:00:00Z", "2026-10-25T12:00:00Z"), ["10-24 23:00", "10-25 00:00", "10-25 02:00"]);
}

#[test]
fn every_quarter_of_an_hour_stays_that_over_both_changes() {
    for (from, until) in [("2026-03-28T20:00:00Z", "2026-03-29T08:00:00Z"), ("2026-10-24T20:00:00Z", "2026-10-25T08:00:00Z")] {
        let found = due(&cron("*/15 * * * *", "Europe/Berlin"), from, until);
        assert_eq!(found.len(), 12 * 4 - 1, "{found:?}");
    }
}

#[test]
fn where_the_clocks_never_change_nothing_does() {
    let s = cron("30 2 * * *", "Africa/Johannesburg");
    for (from, until) in [("2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z"), ("2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z")] {
        let found = due(&s, from, until);
        assert!(found.len() == 2 && found.iter().all(|t| t.ends_with("00:30")), "{found:?}");
    }
}

#[test]
fn a_day_that_a_zone_leaves_out_whole_is_got_over() {
    // Samoa had no 30 December 2011.
    let s = cron("0 12 * * *", "Pacific/Apia");
    assert_eq!(
        due(&s, "2011-12-29T00:00:00Z", "2012-01-01T00:00:00Z"),
        ["12-29 22:00", "12-30 10:00", "12-30 22:00", "12-31 22:00"]
    );
}

#[test]
fn a_span_is_counted_from_nowhere_and_keeps_its_beat() {
    let s = Schedule::parse(None, Some("15m"), "UTC").expect("good");
    assert_eq!(due(&s, "2026-11-21T12:00:00Z", "2026-11-21T12:46:00Z"), ["11-21 12:15", "11-21 12:30", "11-21 12:45"]);
}

#[test]
fn what_never_comes_or_cannot_be_is_refused_with_its_key_and_in_words() {
    for (line, word) in [
        ("0 0 30 2 *", "never comes"),
        ("0 0 31 4,6,9,11 *", "never comes"),
        ("60 * * * *", "no minute 60"),
        ("0 25 * * *", "no hour 25"),
        ("0 0 0 * *", "no day 0"),
        ("*/0 * * * *", "leads nowhere"),
        ("0 0 * * 8", "no weekday 8"),
        ("0 * * * * *", "6 of five"),
        ("0 0 * * * * 2026", "7 of five"),
        ("* * * *", "4 of five"),
        ("", "0 of five"),
        ("@reboot", "not known"),
        ("a b c d e", ":"),
        ("5-1 * * * *", ":"),
        ("\u{1b}[31mx * * * *", ":"),
    ] {
        let bad = Schedule::parse(Some(line), None, "UTC").expect_err(line);
        assert!(bad.key == "schedule" && bad.reason.contains(word), "{line}: {}", bad.reason);
        assert!(!bad.reason.contains(char::is_control), "{:?}", bad.reason);
    }
    for zone in ["Mars/Olympus", "", "Berlin", "../etc"] {
        assert_eq!(Schedule::parse(Some("@daily"), None, zone).expect_err(zone).key, "timezone");
    }
    for span in ["", "m", "5", "-5m", "1s", "0m", "999999999999999999d", "1w", "15 m"] {
        assert_eq!(Schedule::parse(None, Some(span), "UTC").expect_err(span).key, "every", "{span}");
    }
    assert!(Schedule::parse(Some("@daily"), Some("1h"), "UTC").is_err());
}

#[test]
fn a_leap_day_is_waited_for() {
    assert_eq!(due(&cron("0 0 29 2 *", "UTC"), "2026-01-01T00:00:00Z", "2029-01-01T00:00:00Z"), ["02-29 00:00"]);
}

#[test]
fn schedules_are_said_as_people_say_them() {
    for (line, zone, words) in [
        ("0 18 * * *", "Europe/Berlin", "every day at 18:00, Berlin"),
        ("10 3 * * *", "Europe/Berlin", "every night at 03:10, Berlin"),
        ("15 7 * * 1-5", "UTC", "weekdays at 07:15, UTC"),
        ("30 6 * * 1", "UTC", "Mondays at 06:30, UTC"),
        ("0 16 * * FRI", "Africa/Johannesburg", "Fridays at 16:00, Johannesburg"),
        ("0 */4 * * *", "UTC", "every 4 hours, UTC"),
        ("*/15 * * * *", "UTC", "every 15 minutes, UTC"),
        ("@hourly", "UTC", "every hour, UTC"),
        ("0 0 1 * *", "UTC", "on the 1st of each month at 00:00, UTC"),
        ("0 0 24 12 *", "America/New_York", "every 24 December at 00:00, New York"),
    ] {
        assert_eq!(cron(line, zone).words(), words);
    }
    assert!(!cron("5,7 1-3 */2 * *", "UTC").words().is_empty());
    assert_eq!(Schedule::parse(None, Some("4h"), "UTC").expect("good").words(), "every 4 hours");
    assert_eq!(Schedule::parse(None, None, "UTC").expect("good").words(), "by hand");
}

fn field(least: u32, most: u32) -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just("*".to_owned()),
        3 => (least..=most).prop_map(|n| n.to_string()),
        1 => (2..=7_u32).prop_map(|n| format!("*/{n}")),
        1 => (least..=most, least..=most).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        1 => (least..=most, least..=most).prop_map(|(a, b)| format!("{a},{b}")),
    ]
}

fn line() -> impl Strategy<Value = String> {
    (field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 6))
        .prop_map(|(m, h, d, mo, w)| format!("{m} {h} {d} {mo} {w}"))
}

/// Days around both changes of some zone, and an ordinary one.
const STARTS: &[&str] =
    &["2026-03-28T06:20:00Z", "2026-10-24T06:20:00Z", "2026-04-04T00:00:30Z", "2026-10-03T12:00:00Z", "2026-06-10T00:00:00Z"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn due_times_are_those_that_croner_enumerates(
        line in line(),
        zone in prop::sample::select(vec!["Europe/Berlin", "Africa/Johannesburg", "Australia/Lord_Howe", "America/New_York", "UTC"]),
        start in prop::sample::select(STARTS.to_vec()),
    ) {
        let ours = cron(&line, zone);
        let theirs = Cron::from_str(&line).expect("the same line");
        let tz: Tz = zone.parse().expect("a zone");
        let named_hours = !line.split(' ').nth(1).expect("hours").starts_with('*');
        let (from, until) = (at(start), Time(at(start).0 + 3 * 86_400_000));
        // Minute by minute, what croner says of the clock on the wall, and the two rules about changes.
        let matches = |ms: i64| theirs.is_time_matching(&Time(ms).utc().with_timezone(&tz)).expect("matchable");
        let wall = |ms: i64| Time(ms).utc().with_timezone(&tz).naive_local();
        let mut expected = Vec::new();
        let mut minute = (from.0 / 60_000 + 1) * 60_000;
        while minute < until.0 {
            let repeated = tz.from_local_datetime(&wall(minute)).earliest().expect("on the wall").timestamp_millis() < minute;
            // The wall jumped just before this minute: what stood in between fires now.
            let jumped = wall(minute) - wall(minute - 60_000) > chrono::Duration::minutes(1);
            let in_gap = jumped && named_hours && {
                let mut t = wall(minute - 60_000) + chrono::Duration::minutes(1);
                let mut hit = false;
                while t < wall(minute) {
                    hit |= theirs.is_time_matching(&Utc.from_utc_datetime(&t)).expect("matchable");
                    t += chrono::Duration::minutes(1);
                }
                hit
            };
            if (matches(minute) && !(named_hours && repeated)) || in_gap {
                expected.push(Time(minute));
            }
            minute += 60_000;
        }
        let mut found = Vec::new();
        let mut now = from;
        while let Some(next) = ours.next_after(now).filter(|n| *n < until) {
            prop_assert!(next > now);
            found.push(next);
            now = next;
        }
        prop_assert_eq!(&found, &expected, "{} {}", line, zone);
        // And where no clock changes in between, its iterator says the same.
        let start_utc = from.utc().with_timezone(&tz);
        if ["Africa/Johannesburg", "UTC"].contains(&zone) {
            let listed: Vec<Time> = theirs.iter_after(start_utc).map(|t| Time(t.timestamp_millis())).take_while(|t| *t < until).collect();
            prop_assert_eq!(listed, found);
        }
    }

    #[test]
    fn from_any_moment_the_next_time_is_the_first_of_the_list(
        line in line(),
        offset in 0_i64..(3 * 86_400_000),
        start in prop::sample::select(STARTS.to_vec()),
    ) {
        let s = cron(&line, "Europe/Berlin");
        let from = at(start);
        let middle = Time(from.0 + offset);
        let mut now = from;
        while let Some(next) = s.next_after(now).filter(|n| n.0 < from.0 + 4 * 86_400_000) {
            if next > middle {
                prop_assert_eq!(s.next_after(middle), Some(next));
                return Ok(());
            }
            now = next;
        }
    }
}

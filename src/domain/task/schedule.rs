//! When a task is due: five-field cron in its own zone, `every: 15m`, or never by itself. Pure.
//!
//! The next time is looked for on the wall (where days have 24 hours) and then put into the zone. Where a cron line
//! names its hours, a time that the spring change leaves out fires once, right after the gap, and one that the autumn
//! change repeats fires once, the first time. Where the hour is `*` or `*/n` it is real time that counts: what is left
//! out is left out, what is repeated fires again, so that "every 15 minutes" stays that.

use crate::domain::text::{shortened, strip_control};
use crate::domain::time::Time;
use chrono::{DateTime, LocalResult, NaiveDateTime, Offset, TimeZone, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

/// The shortest span of `every`.
pub const SHORTEST_MS: i64 = 10_000;
/// The longest span of `every`.
const LONGEST_MS: i64 = 366 * 86_400_000;
/// Characters of what a file says that are quoted when it is wrong.
const QUOTED: usize = 80;
/// No zone repeats more than this.
const NEAR_MS: i64 = 3 * 3_600_000;
/// No zone is further from UTC, what it leaves out at once included.
const SHIFT_S: i64 = 40 * 3_600;
/// Years in which a day must come that a line of cron fits: 29 February on a Monday comes every 28 (40 over 2100).
const YEARS: i32 = 41;

/// Why a schedule is none: which key of the file, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadSchedule {
    /// `schedule`, `every` or `timezone`.
    pub key: &'static str,
    /// In words.
    pub reason: String,
}

#[derive(Debug, Clone)]
enum Rule {
    /// Times on the wall; true where the line names its hours.
    Cron(Box<Cron>, bool),
    /// Each multiple of so many milliseconds.
    Every(i64),
    /// Only by hand.
    ByHand,
}

/// When a task is due.
#[derive(Debug, Clone)]
pub struct Schedule {
    rule: Rule,
    zone: Tz,
    /// As written: what makes two schedules the same one.
    text: String,
}

impl Schedule {
    /// Reads a schedule as a task's file gives it.
    ///
    /// # Errors
    /// What is wrong, and under which key.
    pub fn parse(cron: Option<&str>, every: Option<&str>, zone: &str) -> Result<Schedule, BadSchedule> {
        let bad = |key, reason: String| BadSchedule { key, reason };
        let zone: Tz = zone.parse().map_err(|_| {
            bad("timezone", format!("{:?} is no time zone: write one like Europe/Berlin or UTC", shortened(zone, QUOTED)))
        })?;
        let (rule, text) = match (cron, every) {
            (Some(_), Some(_)) => {
                return Err(bad("every", "stands beside schedule: a task has one of them".to_owned()));
            }
            (Some(line), None) => (cron_rule(line).map_err(|reason| bad("schedule", reason))?, line.trim().to_owned()),
            (None, Some(span)) => {
                let ms = span_ms(span).map_err(|reason| bad("every", reason))?;
                if !(SHORTEST_MS..=LONGEST_MS).contains(&ms) {
                    return Err(bad("every", format!("{:?} is not between 10s and 366d", shortened(span, QUOTED))));
                }
                (Rule::Every(ms), format!("every {}", span.trim()))
            }
            (None, None) => (Rule::ByHand, String::new()),
        };
        Ok(Schedule { rule, zone, text })
    }

    /// What two equal schedules have in common and no others.
    #[must_use]
    pub fn key(&self) -> String {
        match self.rule {
            Rule::Cron(..) | Rule::Every(_) => format!("{} {}", self.text, self.zone),
            Rule::ByHand => String::new(),
        }
    }

    /// Its zone.
    #[must_use]
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// The first due time after a moment; none for a task that runs by hand only.
    #[must_use]
    pub fn next_after(&self, at: Time) -> Option<Time> {
        match &self.rule {
            Rule::ByHand => None,
            Rule::Every(ms) => Some(Time((at.0.div_euclid(*ms) + 1).checked_mul(*ms)?)),
            Rule::Cron(cron, named_hours) => next_of(cron, *named_hours, self.zone, at),
        }
    }

    /// In words: `weekdays at 07:15, Berlin`.
    #[must_use]
    pub fn words(&self) -> String {
        match &self.rule {
            Rule::ByHand => "by hand".to_owned(),
            Rule::Every(ms) => every_words(*ms),
            Rule::Cron(cron, _) => {
                let words = cron_words(&self.text).unwrap_or_else(|| lower_first(cron.describe().trim_end_matches('.')));
                // The place is what people say; UTC is said as it is.
                let place = self.zone.name().rsplit('/').next().unwrap_or_default().replace('_', " ");
                format!("{words}, {place}")
            }
        }
    }
}

/// A moment in a zone as people there write it, with the zone's short name: `2026-11-22 03:10 CET`.
#[must_use]
pub fn local_words(at: Time, zone: Tz) -> String {
    at.utc().with_timezone(&zone).format("%Y-%m-%d %H:%M %Z").to_string()
}

/// A span as a task's file writes it: `90s`, `15m`, `2h`, `1d`.
///
/// # Errors
/// Says how to write one.
pub fn span_ms(text: &str) -> Result<i64, String> {
    let text = text.trim();
    let wrong = || format!("{:?} is no span: write 30s, 15m, 2h or 1d", text.chars().take(40).collect::<String>());
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let unit = match &text[digits..] {
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    text[..digits].parse::<i64>().ok().and_then(|n| n.checked_mul(unit)).ok_or_else(wrong)
}

fn cron_rule(line: &str) -> Result<Rule, String> {
    let line = line.trim();
    let fields = named(line)?;
    let shown = shortened(line, QUOTED);
    let parts: Vec<&str> = fields.split_whitespace().collect();
    if parts.len() != 5 {
        let hint = if parts.len() > 5 { "; seconds and years are not known here" } else { "" };
        return Err(format!("{shown:?} has {} of five fields (minute hour day month weekday){hint}", parts.len()));
    }
    for (part, (what, least, most)) in parts.iter().zip(FIELDS) {
        check_field(part, what, *least, *most).map_err(|why| format!("{shown:?}: {why}"))?;
    }
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    // What is wrong is quoted by the parser as it stands there.
    let cron = parser.parse(&fields).map_err(|e| format!("{shown:?}: {}", strip_control(&e.to_string())))?;
    if !ever_comes(&cron) {
        return Err(format!("{shown:?} never comes: there is no such day"));
    }
    let named_hours = !parts[1].starts_with('*');
    Ok(Rule::Cron(Box::new(cron), named_hours))
}

/// The five fields behind a name like `@daily`.
fn named(line: &str) -> Result<String, String> {
    let fields = match line.to_ascii_lowercase().as_str() {
        "@hourly" => "0 * * * *",
        "@daily" | "@midnight" => "0 0 * * *",
        "@weekly" => "0 0 * * 0",
        "@monthly" => "0 0 1 * *",
        "@yearly" | "@annually" => "0 0 1 1 *",
        other if other.contains('@') => {
            let shown = shortened(line, QUOTED);
            return Err(format!("{shown:?} is not known: write @hourly, @daily, @weekly, @monthly or @yearly"));
        }
        _ => return Ok(line.to_owned()),
    };
    Ok(fields.to_owned())
}

/// The fields: name, smallest and largest number.
const FIELDS: &[(&str, u32, u32)] = &[("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7)];

/// Numbers that cannot be, in words of our own; what else is wrong the parser says.
fn check_field(part: &str, what: &str, least: u32, most: u32) -> Result<(), String> {
    for item in part.split(',') {
        let (range, step) = item.split_once('/').map_or((item, None), |(range, step)| (range, Some(step)));
        if let Some(step) = step
            && step.parse::<u32>().map_or(true, |n| n == 0)
        {
            return Err(format!("a step of {:?} leads nowhere", shortened(step, QUOTED)));
        }
        for number in range.split('-').filter_map(|n| n.parse::<u32>().ok()) {
            if !(least..=most).contains(&number) {
                return Err(format!("there is no {what} {number}"));
            }
        }
    }
    Ok(())
}

/// Whether some day fits. Asked before the search for a next time, which would go on for centuries.
fn ever_comes(cron: &Cron) -> bool {
    (2024..2024 + YEARS).any(|year| {
        (1..=12).filter(|m| cron.pattern.month_match(*m).unwrap_or(false)).any(|month| {
            (1..=31).any(|day| {
                chrono::NaiveDate::from_ymd_opt(year, month, day).is_some()
                    && cron.pattern.day_match(year, month, day).unwrap_or(false)
            })
        })
    })
}

fn next_of(cron: &Cron, named_hours: bool, zone: Tz, at: Time) -> Option<Time> {
    // What the wall repeats hereabouts: those times come again after times that stand later on the wall.
    let offset = |ms: i64| Time(at.0 + ms).utc().with_timezone(&zone).offset().fix().local_minus_utc();
    let repeated = (offset(-NEAR_MS) - offset(NEAR_MS)).max(0);
    // Whole seconds: croner carries fractions along.
    let whole = Time(at.0.div_euclid(1000) * 1000);
    let mut wall = whole.utc().with_timezone(&zone).naive_local() - chrono::Duration::seconds(i64::from(repeated));
    let mut best: Option<Time> = None;
    loop {
        let next = cron.find_next_occurrence(&Utc.from_utc_datetime(&wall), false).ok()?.naive_utc();
        wall = next;
        let moments = moments(next, zone, named_hours);
        for moment in moments.iter().flatten().filter(|m| **m > at) {
            best = Some(best.map_or(*moment, |b| b.min(*moment)));
        }
        // The first moments of later wall times are never earlier.
        let first = moments[0].or_else(|| after_gap(next, zone));
        if let (Some(best), Some(first)) = (best, first)
            && first >= best
        {
            return Some(best);
        }
    }
}

/// When a time on the wall comes: not at all, once, or twice.
fn moments(wall: NaiveDateTime, zone: Tz, named_hours: bool) -> [Option<Time>; 2] {
    match zone.from_local_datetime(&wall) {
        LocalResult::Single(at) => [Some(millis(&at)), None],
        LocalResult::Ambiguous(first, second) => [Some(millis(&first)), (!named_hours).then(|| millis(&second))],
        LocalResult::None if named_hours => [after_gap(wall, zone), None],
        LocalResult::None => [None, None],
    }
}

/// The first moment after the gap a time on the wall fell into.
fn after_gap(wall: NaiveDateTime, zone: Tz) -> Option<Time> {
    // Between these two lies the change and nothing else: halve until it is found.
    let middle = wall.and_utc().timestamp();
    let (mut low, mut high) = (middle - SHIFT_S, middle + SHIFT_S);
    let is_past = |t: i64| DateTime::from_timestamp(t, 0).map(|at| at.with_timezone(&zone).naive_local() > wall);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if is_past(middle)? { high = middle } else { low = middle }
    }
    Some(Time(high * 1000))
}

fn millis(at: &DateTime<Tz>) -> Time {
    Time(at.timestamp_millis())
}

fn every_words(ms: i64) -> String {
    for (unit, one, many) in [(86_400_000, "day", "days"), (3_600_000, "hour", "hours"), (60_000, "minute", "minutes")] {
        if ms % unit == 0 {
            return if ms == unit { format!("every {one}") } else { format!("every {} {many}", ms / unit) };
        }
    }
    format!("every {} seconds", ms / 1000)
}

/// The usual lines as a person would say them; none for the others.
fn cron_words(line: &str) -> Option<String> {
    let fields = named(line).ok()?;
    let parts: Vec<&str> = fields.split_whitespace().collect();
    let [minute, hour, day, month, weekday] = parts.as_slice() else { return None };
    let number = |text: &str| text.parse::<u32>().ok();
    let step = |text: &str| text.strip_prefix("*/").and_then(|n| n.parse::<u32>().ok());
    if (*day, *month, *weekday) == ("*", "*", "*") {
        match (number(minute), step(minute), *hour) {
            (_, Some(n), "*") => return Some(if n == 1 { "every minute".into() } else { format!("every {n} minutes") }),
            (Some(0), None, "*") => return Some("every hour".to_owned()),
            (Some(m), None, "*") => return Some(format!("every hour at :{m:02}")),
            (None, None, "*") if *minute == "*" => return Some("every minute".to_owned()),
            (Some(0), None, hours) if step(hours).is_some_and(|n| n > 1) => {
                return Some(format!("every {} hours", step(hours)?));
            }
            _ => {}
        }
    }
    let at = format!("{:02}:{:02}", number(hour)?, number(minute)?);
    let days = match (*day, *month, *weekday) {
        ("*", "*", "*") if number(hour)? < 5 => "every night".to_owned(),
        ("*", "*", "*") => "every day".to_owned(),
        ("*", "*", "1-5" | "MON-FRI" | "mon-fri" | "Mon-Fri") => "weekdays".to_owned(),
        ("*", "*", one) => format!("{}s", weekday_name(one)?),
        (n, "*", "*") => format!("on the {} of each month", ordinal(number(n)?)),
        (n, m, "*") => {
            const MONTHS: [&str; 12] = [
                "January",
                "February",
                "March",
                "April",
                "May",
                "June",
                "July",
                "August",
                "September",
                "October",
                "November",
                "December",
            ];
            format!("every {} {}", number(n)?, MONTHS.get(usize::try_from(number(m)?).ok()?.checked_sub(1)?)?)
        }
        _ => return None,
    };
    Some(format!("{days} at {at}"))
}

fn weekday_name(text: &str) -> Option<&'static str> {
    const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
    let by_number = text.parse::<usize>().ok().and_then(|n| DAYS.get(n % 7));
    let by_name = || (text.len() == 3).then(|| DAYS.iter().find(|d| d[..3].eq_ignore_ascii_case(text)))?;
    by_number.or_else(by_name).copied()
}

fn ordinal(n: u32) -> String {
    let end = match (n % 10, n % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{n}{end}")
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|c| c.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// The end of the quiet hours (minutes since midnight, on the wall of the zone) that a moment falls into, if it does.
#[must_use]
pub fn quiet_end(at: Time, from: u32, until: u32, zone: Tz) -> Option<Time> {
    let here = at.utc().with_timezone(&zone).naive_local();
    let minute = chrono::Timelike::hour(&here) * 60 + chrono::Timelike::minute(&here);
    let inside = if from < until { (from..until).contains(&minute) } else { minute >= from || minute < until };
    if !inside {
        return None;
    }
    let day = if minute < until { here.date() } else { here.date().succ_opt()? };
    let end = day.and_hms_opt(until / 60, until % 60, 0)?;
    moments(end, zone, true)[0]
}

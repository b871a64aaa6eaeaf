//! The ledger of due times: over both changes of the clocks, over servers that were down and over pauses, each due time
//! has exactly one row.

use crate::task::rig::{Rig, at};
use chrono::TimeZone;
use chrono_tz::Tz;
use mission_control::base::clock::Clock;
use mission_control::domain::task::TaskRunState;
use mission_control::domain::task::schedule::Schedule;
use mission_control::domain::time::Time;
use mission_control::store::task::tasks;
use proptest::prelude::*;

/// Nothing is started: only the ledger is written.
pub const LEDGER: &str = "[scheduler]\nmax_running = 0\ntimezone = \"UTC\"\n";

pub fn enumerated(line: &str, zone: &str, from: Time, until: Time) -> Vec<Time> {
    let schedule = Schedule::parse(Some(line), None, zone).expect("good");
    let mut now = from;
    let mut found = Vec::new();
    while let Some(next) = schedule.next_after(now).filter(|n| *n <= until) {
        found.push(next);
        now = next;
    }
    found
}

/// As croner says it in the zone itself.
fn by_croner(line: &str, zone: &str, from: Time, until: Time) -> Vec<Time> {
    let tz: Tz = zone.parse().expect("a zone");
    let cron: croner::Cron = line.parse().expect("good");
    let start = tz.timestamp_millis_opt(from.0).single().expect("a moment");
    // Where the clocks go back it lists both passes interleaved.
    let far = until.plus_ms(2 * 3_600_000);
    let mut found: Vec<Time> = cron.iter_after(start).map(|t| Time(t.timestamp_millis())).take_while(|t| *t <= far).collect();
    found.sort();
    found.retain(|t| *t <= until);
    found
}

#[test]
fn over_both_changes_of_the_clocks_and_a_server_that_was_down_every_due_time_has_one_row() {
    let spring = ("2026-03-28T00:00:30Z", "2026-03-30T12:00:00Z");
    let autumn = ("2026-10-24T00:00:30Z", "2026-10-26T12:00:00Z");
    for (from, until) in [spring, autumn] {
        for zone in ["Europe/Berlin", "Africa/Johannesburg"] {
            for missed in ["run_once", "skip"] {
                for overlap in ["skip", "queue", "kill_old"] {
                    let mut rig = Rig::new(LEDGER, from);
                    let lines = [("half", "30 2 * * *"), ("quarters", "*/15 * * * *"), ("hours", "0 1,2,3 * * *")];
                    for (name, line) in lines {
                        let front = format!(
                            "schedule: \"{line}\"\ntimezone: {zone}\ncommand: [\"true\"]\nmissed: {missed}\noverlap: {overlap}"
                        );
                        rig.task(&format!("{name}.md"), &front, "");
                    }
                    rig.tick();
                    let mut down = 0;
                    while rig.hands.now() < at(until) {
                        // Steps of ten minutes; every now and then the server is down for five hours.
                        rig.pass(10 * 60_000);
                        down += 1;
                        if down % 37 == 0 {
                            rig.pass(5 * 3_600_000);
                            rig.restart();
                        }
                        rig.tick();
                    }
                    for (name, line) in lines {
                        let expected = enumerated(line, zone, at(from), rig.hands.now());
                        assert!(rig.due_times(name) == expected, "{name} in {zone}, {missed}, {overlap}");
                        if line.starts_with("30 2") || zone == "Africa/Johannesburg" || line.starts_with("*/15") {
                            assert!(by_croner(line, zone, at(from), rig.hands.now()) == expected, "{name} in {zone}");
                        }
                        let waiting = rig.states(name).iter().filter(|s| **s == TaskRunState::Waiting).count();
                        assert!(overlap == "queue" || waiting <= 1, "{name}, {overlap}: {waiting}");
                    }
                }
            }
        }
    }
}

#[test]
fn what_was_missed_is_made_up_for_once_or_not_at_all_as_the_policy_says() {
    let mut rig = Rig::new(LEDGER, "2026-11-21T12:00:30Z");
    rig.task("once.md", "schedule: \"0 * * * *\"\ncommand: [\"true\"]", "");
    rig.task("skip.md", "schedule: \"0 * * * *\"\ncommand: [\"true\"]\nmissed: skip", "");
    rig.tick();
    rig.pass(5 * 3_600_000 + 120_000);
    rig.restart();
    rig.tick();
    use TaskRunState::{Missed, Waiting};
    assert_eq!(rig.states("once"), [Missed, Missed, Missed, Missed, Waiting]);
    assert_eq!(rig.states("skip"), [Missed; 5]);
    // One that is only a moment late runs in both cases.
    rig.pass(3_600_000 - 140_000);
    rig.tick();
    assert_eq!(rig.states("skip").last(), Some(&Waiting));
}

#[test]
fn a_month_of_downtime_is_written_down_whole() {
    let mut rig = Rig::new(LEDGER, "2026-11-01T00:00:30Z");
    rig.task("often.md", "every: 15m\ncommand: [\"true\"]", "");
    rig.tick();
    rig.pass(30 * 86_400_000);
    rig.restart();
    rig.tick();
    assert_eq!(rig.due_times("often").len(), 30 * 96);
    assert_eq!(rig.states("often").iter().filter(|s| **s == TaskRunState::Waiting).count(), 1);
}

#[test]
fn a_paused_task_writes_down_what_it_leaves_out_and_a_disabled_one_is_never_due() {
    let rig = Rig::new(LEDGER, "2026-11-21T12:00:30Z");
    rig.task("p.md", "every: 10m\ncommand: [\"true\"]", "");
    rig.task("d.md", "every: 10m\ncommand: [\"true\"]\nenabled: false", "");
    rig.tick();
    rig.engine.store.write(|tx| tasks::pause(tx, "p", true)).expect("paused");
    rig.pass(30 * 60_000);
    rig.tick();
    assert_eq!(rig.states("p"), [TaskRunState::Skipped; 3]);
    assert_eq!((rig.states("d"), rig.row("d").next_due_at), (Vec::new(), None));
    rig.engine.store.write(|tx| tasks::pause(tx, "p", false)).expect("resumed");
    rig.pass(10 * 60_000);
    rig.tick();
    assert_eq!(rig.states("p").last(), Some(&TaskRunState::Waiting));
}

#[test]
fn jitter_and_quiet_hours_put_the_start_off_and_say_so_the_same_way_every_time() {
    let begin = |front: &str| {
        let rig = Rig::new(LEDGER, "2026-11-21T21:59:30Z");
        rig.task("t.md", &format!("every: 1h\ncommand: [\"true\"]\n{front}"), "");
        rig.tick();
        rig.pass(40_000);
        rig.tick();
        rig.runs("t")[0].not_before
    };
    let jitter = begin("jitter: 10m");
    assert!(jitter.is_some_and(|t| t > at("2026-11-21T22:00:10Z") && t < at("2026-11-21T22:10:00Z")), "{jitter:?}");
    assert_eq!(begin("jitter: 10m"), jitter);
    let quiet = begin("quiet: 22:30-07:00\ntimezone: Europe/Berlin");
    assert_eq!(quiet, Some(at("2026-11-22T06:00:00Z")));
    assert_eq!(begin("quiet: 07:00-22:30"), Some(at("2026-11-21T22:30:00Z")));
    assert_eq!(begin("quiet: 01:00-05:00"), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_schedule_and_whenever_the_server_looks_the_ledger_is_croners_enumeration(
        minute in prop_oneof![Just("*".to_owned()), (0..60_u32).prop_map(|n| n.to_string()), (2..30_u32).prop_map(|n| format!("*/{n}"))],
        hour in prop_oneof![Just("*".to_owned()), (2..6_u32).prop_map(|n| format!("*/{n}"))],
        day in prop_oneof![Just("*".to_owned()), (24..28_u32).prop_map(|n| n.to_string())],
        zone in prop::sample::select(vec!["Europe/Berlin", "Africa/Johannesburg", "America/New_York", "UTC"]),
        missed in prop::sample::select(vec!["run_once", "skip"]),
        gaps in prop::collection::vec(1_000_i64..6 * 3_600_000, 4..20),
    ) {
        let line = format!("{minute} {hour} {day} * *");
        let from = "2026-10-24T12:00:17Z";
        let mut rig = Rig::new(LEDGER, from);
        rig.task("t.md", &format!("schedule: \"{line}\"\ntimezone: {zone}\ncommand: [\"true\"]\nmissed: {missed}"), "");
        rig.tick();
        for (i, gap) in gaps.iter().enumerate() {
            rig.pass(*gap);
            if i % 3 == 0 {
                rig.restart();
            }
            rig.tick();
        }
        prop_assert!(rig.due_times("t") == by_croner(&line, zone, at(from), rig.hands.now()), "{} {}", line, zone);
    }
}

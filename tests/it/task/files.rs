//! Task files: taken in as they change, edited whole, reported once they are broken.

use crate::task::due_times::LEDGER;
use crate::task::rig::{Rig, at, edit_file};
use mission_control::store::task::tasks;
use std::collections::BTreeMap;

#[test]
fn files_are_taken_in_as_they_change_and_a_broken_one_does_not_hold_the_others_up() {
    let rig = Rig::new(LEDGER, "2026-11-21T12:00:30Z");
    rig.task("a.md", "name: one\nevery: 10m\ncommand: [\"true\"]", "");
    rig.task("b.md", "name: one\nevery: 10m\ncommand: [\"true\"]", "");
    rig.task("c.md", "name: c\nschedule: \"0 0 30 2 *\"\ncommand: [\"true\"]", "");
    std::fs::write(rig.engine.config.tasks().join("d.md"), [0xff, 0xfe, b'x']).expect("written");
    rig.tick();
    let broken = || -> BTreeMap<String, (Option<i64>, String)> {
        let rows = rig.engine.store.read(tasks::all).expect("readable");
        rows.into_iter().filter_map(|r| r.broken.map(|b| (r.file, (b.line, b.reason)))).collect()
    };
    let found = broken();
    assert_eq!(found.keys().map(String::as_str).collect::<Vec<_>>(), ["b.md", "c.md", "d.md"]);
    assert!(found["b.md"].1.contains("taken by tasks/a.md"), "{found:?}");
    assert_eq!(found["c.md"].0, Some(3));
    assert!(rig.row("one").next_due_at.is_some());

    // The name is free once the first file gives it up; names may also be exchanged.
    let due = rig.row("one").next_due_at;
    rig.task("a.md", "name: two\nevery: 10m\ncommand: [\"true\"]", "");
    rig.tick();
    assert_eq!((rig.row("one").file.as_str(), rig.row("two").file.as_str()), ("b.md", "a.md"));
    rig.task("a.md", "name: one\nevery: 10m\ncommand: [\"true\"]", "");
    rig.task("b.md", "name: two\nevery: 10m\ncommand: [\"true\"]", "");
    rig.tick();
    assert_eq!((rig.row("one").file.as_str(), rig.row("two").file.as_str()), ("a.md", "b.md"));
    assert_eq!(rig.row("one").next_due_at, due);

    // While it is broken nothing of its beat is lost.
    rig.task("a.md", "name: one\nevery: 10m\ncommand: [", "");
    rig.tick();
    rig.pass(25 * 60_000);
    rig.tick();
    assert!(rig.states("one").is_empty());
    rig.task("a.md", "name: one\nevery: 10m\ncommand: [\"true\"]", "");
    rig.tick();
    assert_eq!(rig.states("one").len(), 2);
    // A file that goes takes its due times along, and a file that comes back begins anew, still paused if it was.
    rig.engine.store.write(|tx| tasks::pause(tx, "two", true)).expect("paused");
    std::fs::remove_file(rig.engine.config.tasks().join("b.md")).expect("removed");
    let before = rig.states("two").len();
    rig.tick();
    rig.pass(60 * 60_000);
    rig.tick();
    assert!(rig.engine.store.read(|c| tasks::by_name(c, "two")).is_err());
    rig.task("b.md", "name: two\nevery: 10m\ncommand: [\"true\"]", "");
    rig.tick();
    assert_eq!((rig.states("two").len(), rig.row("two").paused), (before, true));
}

#[test]
fn a_scheduled_task_whose_file_breaks_is_reported_once_when_it_is_due() {
    let mut rig = Rig::new(LEDGER, "2026-11-21T12:00:30Z");
    let good = "every: 10m\ncommand: [\"true\"]";
    for name in ["t", "paused", "by_hand"] {
        rig.task(&format!("{name}.md"), if name == "by_hand" { "command: [\"true\"]" } else { good }, "");
    }
    rig.task("new.md", "every: 10m\ncommand: [", "");
    rig.tick();
    rig.engine.store.write(|tx| tasks::pause(tx, "paused", true)).expect("paused");
    for name in ["t", "paused", "by_hand"] {
        rig.task(&format!("{name}.md"), "every: 10m\ncommand: [", "");
    }
    let reports = |rig: &Rig| -> Vec<(Option<String>, String)> {
        rig.tick();
        let items = rig.engine.store.read(|c| mission_control::store::inbox::items::waiting(c, 10)).expect("readable");
        items.into_iter().map(|i| (i.source_id, i.message)).collect()
    };
    assert!(reports(&rig).is_empty(), "nobody has missed anything yet");
    rig.pass(10 * 60_000);
    let found = reports(&rig);
    assert_eq!((found.len(), found[0].0.as_deref()), (1, Some("t")), "{found:?}");
    assert!(found[0].1.contains("tasks/t.md"), "{found:?}");
    rig.pass(60 * 60_000);
    rig.restart();
    assert_eq!(reports(&rig).len(), 1, "once");
    rig.task("t.md", "every: 10m\ncommand: {", "");
    assert_eq!(reports(&rig).len(), 2, "broken in another way");
    rig.task("t.md", good, "");
    assert_eq!(reports(&rig).len(), 2);
    assert!(!rig.states("t").is_empty(), "mended it goes on");
}

#[test]
fn a_changed_schedule_counts_from_now_and_a_changed_prompt_changes_nothing_about_time() {
    let rig = Rig::new(LEDGER, "2026-11-21T12:00:30Z");
    rig.task("t.md", "schedule: \"0 18 * * *\"\ncommand: [\"true\"]", "one");
    rig.tick();
    let due = rig.row("t").next_due_at;
    rig.task("t.md", "schedule: \"0 18 * * *\"\ncommand: [\"true\", \"x\"]", "two");
    rig.tick();
    assert_eq!(rig.row("t").next_due_at, due);
    rig.task("t.md", "schedule: \"0 18 * * *\"\ntimezone: Europe/Berlin\ncommand: [\"true\"]", "two");
    rig.tick();
    assert_eq!(rig.row("t").next_due_at, Some(at("2026-11-21T17:00:00Z")));
}

#[test]
fn a_file_is_edited_whole_or_not_at_all_and_never_over_somebody_elses_change() {
    let rig = Rig::new(LEDGER, "2026-11-21T12:00:30Z");
    rig.task("t.md", "every: 10m\ncommand: [\"true\"]", "one");
    rig.tick();
    let path = rig.engine.config.tasks().join("t.md");
    let before = std::fs::read_to_string(&path).expect("readable");
    let seen = rig.row("t").hash;
    let edit = |hash: &str, text: &str| edit_file(&rig, "t.md", hash, text);
    assert!(edit(&seen, "---\nevery: 10m\nschedul: x\n---\n").expect_err("refused").to_string().contains("line 3"));
    assert_eq!(std::fs::read_to_string(&path).expect("readable"), before);
    edit(&seen, &before.replace("one", "two")).expect("saved");
    assert!(std::fs::read_to_string(&path).expect("readable").contains("two"));
    assert!(
        matches!(edit(&seen, &before), Err(mission_control::base::error::Error::Conflict(_))),
        "it was seen before the change"
    );
    assert!(edit_file(&rig, "../../etc/passwd", &seen, &before).is_err());
    assert_eq!(std::fs::read_dir(rig.engine.config.tasks()).expect("readable").count(), 1, "no half file stays");
}

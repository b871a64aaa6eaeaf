//! Outcomes of tasks: failures in a row, recoveries, refused logins, and whom they are told to.

use crate::inbox::rig::Rig;
use mission_control::domain::actor::Actor;
use mission_control::domain::inbox::{InboxPriority, Notify, OutcomeClass};
use mission_control::domain::ticket::Status;
use mission_control::store::inbox::items;
use mission_control::store::task::streaks;
use mission_control::store::task::streaks::Outcome;
use mission_control::store::ticket::lifecycle;
use mission_control::store::ticket::{comments, tickets};

fn outcome(task: &str, run: i64, class: OutcomeClass, notify: Notify) -> Outcome {
    Outcome {
        task: task.to_owned(),
        ok: class == OutcomeClass::Ok,
        class,
        summary: format!("exit {run}\n```\n</b>"),
        source_id: run.to_string(),
        notify,
        priority: InboxPriority::Normal,
        told: false,
    }
}

#[test]
fn the_third_failure_in_a_row_makes_one_ticket_and_recovery_closes_it() {
    let rig = Rig::new();
    let run = |n: i64, class: OutcomeClass| {
        let o = outcome("mirror", n, class, Notify::Inbox);
        rig.store.write(move |tx| streaks::outcome(tx, &o)).expect("followed");
        rig.store.read(|c| streaks::of_task(c, "mirror")).expect("readable").expect("a streak")
    };
    assert_eq!(run(1, OutcomeClass::Ok).failures, 0);
    assert_eq!(run(2, OutcomeClass::Failed).ticket, None);
    assert_eq!(run(3, OutcomeClass::TimedOut).ticket, None);
    let id = run(4, OutcomeClass::Failed).ticket.expect("made at the third");
    let ticket = rig.store.read(|c| tickets::get(c, id)).expect("there");
    assert_eq!((ticket.status, ticket.created_by.as_str()), (Status::Inbox, "Scheduler"));
    for n in 5..8 {
        assert_eq!(run(n, OutcomeClass::Failed).ticket, Some(id), "not a second one");
    }
    let said = rig.store.read(|c| comments::count(c, id)).expect("counted");
    assert_eq!(said, 3);
    let after = run(8, OutcomeClass::Ok);
    assert_eq!((after.failures, after.ticket), (0, None));
    assert_eq!(rig.store.read(|c| tickets::get(c, id)).expect("there").status, Status::Done);
    let items = rig.store.read(|c| items::waiting(c, 100)).expect("readable");
    let heads: Vec<String> = items.iter().map(|i| i.headline(60)).collect();
    assert_eq!(heads[1], "failed: exit 2");
    assert_eq!(heads[3], format!("failed, 3 in a row ({id} was made for it): exit 4"));
    assert_eq!(heads[7], format!("ok again after 6 failures ({id}): exit 8"));
    assert_eq!(items[3].source_id.as_deref(), Some("mirror/4"));
    assert!(rig.notices().is_empty());
    rig.holds();
}

#[test]
fn a_ticket_that_somebody_has_begun_with_is_only_told_of_the_recovery() {
    let rig = Rig::new();
    let run = |n: i64, class: OutcomeClass| {
        let o = outcome("feeds", n, class, Notify::Inbox);
        rig.store.write(move |tx| streaks::outcome(tx, &o)).expect("followed");
        rig.store.read(|c| streaks::of_task(c, "feeds")).expect("readable").expect("a streak")
    };
    for n in 1..3 {
        run(n, OutcomeClass::Failed);
    }
    let id = run(3, OutcomeClass::Failed).ticket.expect("made");
    let ann = Actor::Person { name: "Ann".into(), by_token: false };
    rig.store.write(move |tx| lifecycle::say(tx, id, "I look at it", &ann).map(|_| ())).expect("said");
    run(4, OutcomeClass::Ok);
    assert_eq!(rig.store.read(|c| tickets::get(c, id)).expect("there").status, Status::Inbox);
    // Closed by her; failing again is a row of its own.
    let ann = Actor::Person { name: "Ann".into(), by_token: false };
    for n in 5..8 {
        run(n, OutcomeClass::Failed);
    }
    let second = run(8, OutcomeClass::Failed).ticket.expect("made");
    assert_ne!(second, id);
    let config = rig.engine.config.clone();
    rig.store.write(move |tx| lifecycle::move_to(tx, second, Status::Done, &ann, None, config.as_ref())).expect("closed");
    let fresh = run(9, OutcomeClass::Failed);
    assert_eq!((fresh.failures, fresh.ticket), (1, None));
    rig.holds();
}

#[test]
fn a_refused_login_is_told_at_once_and_once_and_makes_no_ticket() {
    let rig = Rig::new();
    for n in 1..6 {
        let o = outcome("agent", n, OutcomeClass::AuthFailed, Notify::Inbox);
        rig.store.write(move |tx| streaks::outcome(tx, &o)).expect("followed");
    }
    let notices = rig.notices();
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert!(notices[0].1 && notices[0].0.contains("login refused"), "{notices:?}");
    assert_eq!(rig.store.read(|c| streaks::of_task(c, "agent")).expect("readable").expect("there").ticket, None);
    assert_eq!(rig.store.read(|c| items::waiting(c, 100)).expect("readable").len(), 5, "and it stands in the inbox");
    rig.holds();
}

#[test]
fn a_refused_login_neither_counts_as_a_failure_nor_ends_a_row_of_them() {
    let rig = Rig::new();
    let run = |n: i64, class: OutcomeClass| {
        let o = Outcome { told: class == OutcomeClass::AuthFailed, ..outcome("agent", n, class, Notify::Both) };
        rig.store.write(move |tx| streaks::outcome(tx, &o)).expect("followed");
        let s = rig.store.read(|c| streaks::of_task(c, "agent")).expect("readable").expect("there");
        (s.failures, s.ticket.is_some())
    };
    assert_eq!(run(1, OutcomeClass::AuthFailed), (0, false));
    assert!(rig.notices().is_empty(), "the pause of its profile was told");
    assert_eq!(run(2, OutcomeClass::Ok), (0, false));
    assert_eq!(run(3, OutcomeClass::Failed), (1, false));
    assert_eq!(run(4, OutcomeClass::Failed), (2, false));
    assert_eq!(run(5, OutcomeClass::AuthFailed), (2, false));
    assert_eq!(run(6, OutcomeClass::Failed), (3, true));
    let said = rig.store.read(|c| items::waiting(c, 100)).expect("readable");
    assert!(said[1].message.starts_with("ok again after a refused login"), "{said:?}");
    assert!(said[4].message.starts_with("login refused:"), "{said:?}");
    rig.holds();
}

#[test]
fn a_task_may_tell_the_owner_directly_or_both_ways() {
    let rig = Rig::new();
    for (n, notify) in [(1, Notify::Direct), (2, Notify::Both), (3, Notify::Inbox)] {
        let o = outcome("t", n, OutcomeClass::Ok, notify);
        rig.store.write(move |tx| streaks::outcome(tx, &o)).expect("followed");
    }
    assert_eq!(rig.notices().len(), 2);
    assert_eq!(rig.store.read(|c| items::waiting(c, 100)).expect("readable").len(), 2);
}

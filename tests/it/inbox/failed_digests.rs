//! Digests that are not answered: their reports wait, and are asked for less and less often.

use crate::inbox::rig::{MINUTE, Rig};
use mission_control::base::error::Error;
use mission_control::domain::ids::ItemId;
use mission_control::domain::inbox::{InboxPriority, ItemStatus};
use mission_control::engine::inbox::drain::Drained;
use mission_control::store::inbox::digests;
use mission_control::store::orchestrator::turns;

#[test]
fn a_failed_or_cancelled_digest_makes_its_items_wait_and_is_asked_for_less_and_less_often() {
    let rig = Rig::new();
    let id = rig.post(InboxPriority::Normal, "one");
    let mut waits = Vec::new();
    for round in 0..4 {
        until_cycle_sends(&rig, &mut waits);
        let turn = rig.takes().expect("queued");
        let failed = turn.clone();
        rig.store.write(move |tx| turns::fail(tx, &failed, "broken", None)).expect("hers");
        assert_eq!(rig.cycle(), Drained { given_back: 1, ..Drained::default() }, "round {round}");
        assert_eq!(rig.status(id), ItemStatus::Pending);
        let refused = rig.store.write(move |tx| turns::retry(tx, turn.id));
        assert!(matches!(refused, Err(Error::Conflict(_))), "a digest is not asked again under its old number: {refused:?}");
    }
    assert!(waits.windows(2).all(|w| w[0] < w[1]), "{waits:?}");
    assert_eq!(rig.drain().sent, 1, "asked for by hand it goes at once");
    rig.answered("read");
    rig.drain();
    rig.post(InboxPriority::Normal, "two");
    rig.later(2 * MINUTE);
    assert_eq!(rig.cycle().sent, 1, "after an answer all is forgotten");
    rig.holds();
}

#[test]
fn the_pause_after_a_failed_digest_does_not_wait_for_a_clock_that_was_put_back() {
    let rig = Rig::new();
    rig.post(InboxPriority::Normal, "one");
    assert_eq!(rig.cycle().sent, 1);
    let failed = rig.takes().expect("queued");
    rig.store.write(move |tx| turns::fail(tx, &failed, "broken", None)).expect("hers");
    assert_eq!((rig.cycle().given_back, rig.cycle().sent), (1, 0));
    rig.later(-24 * 60 * MINUTE);
    assert_eq!(rig.cycle().sent, 1);
    rig.holds();
}

#[test]
fn a_report_that_no_digest_gets_through_with_keeps_no_other_waiting_and_is_told_once() {
    let rig = Rig::new();
    // Neither the first nor the last of its digest, and more urgent than most.
    let others: Vec<ItemId> = (0..7).map(|n| rig.post(InboxPriority::Critical, &format!("urgent {n}"))).collect();
    let poison = rig.post(InboxPriority::Critical, "it makes her fall");
    let more: Vec<ItemId> = (0..40).map(|n| rig.post(InboxPriority::Normal, &format!("thing {n}"))).collect();
    let others: Vec<ItemId> = others.into_iter().chain(more).collect();
    let minute = || {
        rig.cycle();
        if let Some(turn) = rig.takes() {
            let items = rig.store.read(|c| digests::items(c, turn.id)).expect("readable");
            if items.iter().any(|(item, _)| item.id == poison) {
                rig.store.write(move |tx| turns::fail(tx, &turn, "her program fell", None)).expect("hers");
            } else {
                rig.answers(&turn, "read").expect("hers");
            }
            rig.cycle();
        }
        rig.later(MINUTE);
    };
    let all_read = |ids: &[ItemId], most: i64| {
        let minutes = (0..most).find(|_| {
            minute();
            ids.iter().all(|id| rig.status(*id) == ItemStatus::Processed)
        });
        minutes.expect("all others are read")
    };
    let took = all_read(&others, 4 * 60);
    assert!(took > 2, "{took} min");
    let unanswered = || rig.notices().iter().filter(|(key, _)| key.starts_with("inbox-unanswered:")).count();
    // What comes later waits for an hour at most, and nothing more is told of the same report.
    for n in 0..6 {
        let late = rig.post(InboxPriority::Low, &format!("later {n}"));
        all_read(&[late], 61);
        for _ in 0..47 * (n % 3) {
            minute();
        }
    }
    assert_eq!((unanswered(), rig.status(poison) == ItemStatus::Processed), (1, false));
    // Once she gets through with it, it is read like any other.
    rig.later(60 * MINUTE);
    assert_eq!(rig.cycle().sent, 1);
    rig.answered("read");
    rig.cycle();
    assert_eq!(rig.status(poison), ItemStatus::Processed);
    rig.holds();
}

fn until_cycle_sends(rig: &Rig, waits: &mut Vec<i64>) {
    let mut minutes = 0;
    while rig.cycle().sent == 0 {
        rig.later(MINUTE);
        minutes += 1;
        assert!(minutes < 100, "it is never sent");
    }
    waits.push(minutes);
}

//! How long a digest has its items, and who may still write for it afterwards.

use crate::inbox::rig::{MINUTE, Rig, ignore};
use mission_control::base::clock::Clock;
use mission_control::base::error::Error;
use mission_control::domain::inbox::{InboxPriority, ItemStatus};
use mission_control::domain::orchestrator::turn::TurnState;
use mission_control::engine::inbox::drain::Drained;
use mission_control::store::inbox::digests;
use mission_control::store::orchestrator::{sessions, turns};

#[test]
fn an_expired_claim_is_withdrawn_from_the_queue_before_its_items_wait_again() {
    let rig = Rig::new();
    let id = rig.post(InboxPriority::Normal, "one");
    rig.drain();
    let first = rig.open().expect("open");
    rig.later(29 * MINUTE);
    rig.drain();
    rig.later(29 * MINUTE);
    assert_eq!(rig.drain(), Drained::default(), "renewed while it is queued");
    assert_eq!(rig.open().map(|d| d.turn), Some(first.turn));
    rig.store.write(|tx| sessions::want(tx, false)).expect("stopped");
    rig.later(31 * MINUTE);
    assert_eq!(rig.drain(), Drained { given_back: 1, ..Drained::default() });
    assert_eq!(rig.store.read(|c| turns::get(c, first.turn)).expect("there").state, TurnState::Cancelled);
    assert_eq!(rig.status(id), ItemStatus::Pending);
    rig.store.write(|tx| sessions::want(tx, true)).expect("started");
    assert_eq!(rig.drain().sent, 1);
    assert_ne!(rig.open().map(|d| d.turn), Some(first.turn));
    rig.holds();
}

#[test]
fn a_digest_in_her_hands_is_never_given_back_and_a_late_writer_changes_nothing() {
    let rig = Rig::new();
    let id = rig.post(InboxPriority::Normal, "one");
    rig.drain();
    let turn = rig.takes().expect("queued");
    rig.later(3 * 60 * MINUTE);
    assert_eq!(rig.drain(), Drained::default());
    assert_eq!(rig.status(id), ItemStatus::Claimed);
    let back = turn.clone();
    rig.store.write(move |tx| turns::give_back(tx, &back)).expect("given back, unread");
    let old = rig.newest();
    rig.later(31 * MINUTE);
    assert_eq!(rig.drain(), Drained { given_back: 1, sent: 1, ..Drained::default() });
    assert!(matches!(rig.answers(&turn, &ignore(&[id])), Err(Error::Conflict(_))), "stale");
    assert!(rig.store.write(move |tx| digests::decide(tx, &old)).is_err(), "not answered");
    rig.answered("read");
    rig.drain();
    assert_eq!(rig.status(id), ItemStatus::Processed);
    rig.holds();
}

#[test]
fn claims_of_another_program_come_back_when_they_ran_out() {
    let rig = Rig::new();
    let id = rig.post(InboxPriority::Normal, "one");
    let at = mission_control::domain::inbox::stamp(rig.clock.now().plus_ms(10 * MINUTE));
    rig.store
        .write(move |tx| {
            tx.conn.execute("update orchestrator_inbox set status = 'claimed', claim_expires_at = ?1", [at])?;
            Ok(())
        })
        .expect("claimed");
    assert_eq!(rig.drain(), Drained::default());
    rig.later(11 * MINUTE);
    assert_eq!(rig.cycle().given_back, 1);
    rig.drain();
    assert_eq!(rig.status(id), ItemStatus::Claimed);
    rig.holds();
}

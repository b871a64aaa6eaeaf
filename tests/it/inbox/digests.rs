//! Digests: which items they take, and what an answer does to them.

use crate::inbox::rig::{Rig, ignore, with_demo_luci};
use crate::support::wait::{Dice, until_ms};
use mission_control::domain::ids::{ItemId, TurnId};
use mission_control::domain::inbox::digest::{DigestState, TEXT_MAX};
use mission_control::domain::inbox::{InboxPriority, ItemStatus};
use mission_control::engine::inbox::drain::Drained;
use mission_control::store::inbox::digests;
use mission_control::store::orchestrator::{proposals, sessions, turns};
use serde_json::json;

#[test]
fn a_digest_takes_twenty_the_most_urgent_first_then_the_oldest() {
    use InboxPriority::{Critical, Low, Normal};
    let rig = Rig::new();
    let mut posted = Vec::new();
    let mut dice = Dice::new(7);
    for n in 0..50 {
        let priority = [Critical, Low, Normal][dice.roll(3) as usize];
        posted.push((priority, rig.post(priority, &format!("report number {n}"))));
    }
    posted.sort();
    let mut left: Vec<ItemId> = posted.into_iter().map(|(_, id)| id).collect();
    for expected in [20, 20, 10] {
        assert_eq!(rig.drain().sent, expected);
        let now: Vec<ItemId> = left.drain(..usize::try_from(expected).expect("few")).collect();
        let digest = rig.open().expect("open");
        let mut in_it: Vec<ItemId> =
            rig.store.read(|c| digests::items(c, digest.turn)).expect("readable").into_iter().map(|(i, _)| i.id).collect();
        in_it.sort();
        let mut wanted = now.clone();
        wanted.sort();
        assert_eq!(in_it, wanted);
        assert!(now.iter().all(|id| rig.status(*id) == ItemStatus::Claimed));
        let text = rig.store.read(|c| turns::get(c, digest.turn)).expect("there").message;
        assert!(text.len() <= TEXT_MAX && text.starts_with(&format!("Digest {}: {expected} reports", digest.number)), "{text}");
        assert_eq!(rig.drain(), Drained::default(), "one is on its way at a time");
        rig.answered("All read.");
        rig.engine.store.read(|_| Ok(())).expect("readable");
    }
    assert_eq!(rig.drain(), Drained { decided: 10, given_back: 0, sent: 0 });
    rig.holds();
}

#[test]
fn what_the_answer_names_is_ignored_and_the_rest_is_read() {
    let rig = Rig::new();
    let ids: Vec<ItemId> = (0..6).map(|n| rig.post(InboxPriority::Normal, &format!("thing {n}"))).collect();
    rig.drain();
    rig.answered(&ignore(&[ids[0], ids[2], ItemId(4_711)]));
    assert_eq!(rig.drain().decided, 6);
    for (n, id) in ids.iter().enumerate() {
        let wanted = if n == 0 || n == 2 { ItemStatus::Ignored } else { ItemStatus::Processed };
        assert_eq!(rig.status(*id), wanted, "item {n}");
    }
    let digest = rig.newest();
    assert_eq!(digest.state, DigestState::Decided);
    assert!(digest.note.is_some_and(|n| n.contains("#4711")));
    let before = rig.store.read(|c| digests::items(c, digest.turn)).expect("readable");
    let again = rig.newest();
    rig.store.write(move |tx| digests::decide(tx, &again)).expect("a second time changes nothing");
    assert_eq!(rig.store.read(|c| digests::items(c, digest.turn)).expect("readable"), before);
    rig.holds();
}

#[test]
fn an_answer_with_a_bad_block_reads_everything_and_says_so() {
    let rig = Rig::new();
    let id = rig.post(InboxPriority::Normal, "one");
    rig.drain();
    rig.answered("```json\n{\"mc_actions\":[{\"kind\":\"ignore\",\"items\":\"all\"}]}\n```");
    rig.drain();
    assert_eq!(rig.status(id), ItemStatus::Processed);
    assert!(rig.newest().note.is_some_and(|n| n.contains("could not be read")));
    rig.holds();
}

#[test]
fn an_empty_inbox_and_a_luci_who_cannot_wake_nobody() {
    let rig = Rig::new();
    assert_eq!(rig.drain(), Drained::default());
    assert!(rig.open().is_none());
    let id = rig.post(InboxPriority::Critical, "something");
    rig.store.write(|tx| sessions::want(tx, false)).expect("stopped");
    assert_eq!(rig.drain(), Drained::default());
    assert_eq!(rig.status(id), ItemStatus::Pending);
    rig.store.write(|tx| sessions::want(tx, true)).expect("started");
    let session = rig.session.id;
    rig.store.write(move |tx| sessions::down(tx, session, "again and again", None, true)).expect("broken");
    let state = rig.store.read(|c| sessions::get(c, session)).expect("there").state;
    assert_eq!(rig.drain(), Drained::default(), "{state}");
    rig.store.write(|tx| sessions::want(tx, true)).expect("started");
    assert_eq!(rig.drain().sent, 1);
    rig.holds();
}

#[test]
fn the_demo_agent_decides_a_digest_by_plain_rules_and_its_ticket_is_suggested() {
    let live = with_demo_luci(0);
    // Stopped while they come, so that they come in one digest.
    assert_eq!(live.try_json("/api/v1/persistent_luci/stop", &json!({})).expect("an answer").status / 100, 2);
    for (about, words) in [
        ("backup", "ok: 4 databases"),
        ("mirror", "failed: no route"),
        ("mirror", "failed: no route"),
        ("mirror", "failed: no route"),
    ] {
        let body = json!({ "source_type": "api", "source_id": about, "message": words });
        assert_eq!(live.try_json("/api/v1/orchestrator_inbox", &body).expect("an answer").status, 201);
    }
    assert_eq!(live.try_json("/api/v1/persistent_luci/start", &json!({})).expect("an answer").status / 100, 2);
    until_ms(60_000, "the digest decided", || {
        let _ = live.try_json("/api/v1/tick/drain", &json!({}));
        let n: i64 = live.one("select count(*) from digests where state = 'decided'");
        (n == 1).then_some(())
    });
    assert_eq!(
        live.all::<String>("select status from orchestrator_inbox order by id"),
        ["ignored", "processed", "processed", "processed"]
    );
    let kinds: Vec<String> = live.all("select kind || ' ' || state from proposals order by id");
    assert_eq!(kinds, ["create_ticket open", "ignore applied"]);
    live.check();
}

#[test]
fn proposals_of_a_digest_hang_on_its_turn() {
    let rig = Rig::new();
    rig.post(InboxPriority::Normal, "one");
    rig.drain();
    let turn = rig.answered("read");
    assert!(rig.store.read(|c| proposals::of_turn(c, turn.id)).expect("readable").is_empty());
    assert_eq!(rig.store.read(|c| digests::of_turn(c, turn.id)).expect("readable").map(|d| d.number), Some(1));
    assert_eq!(rig.store.read(|c| digests::of_turn(c, TurnId(99))).expect("readable"), None);
}

//! Every item is decided exactly once: with many writers and drainers, and with a server that is killed.

use crate::inbox::rig::{MINUTE, Rig, engine_at, ignore, with_demo_luci};
use crate::support::wait::{Dice, until_ms};
use mission_control::base::clock::{Clock, SystemClock, pause};
use mission_control::base::error::Error;
use mission_control::domain::ids::ItemId;
use mission_control::domain::inbox::InboxPriority;
use mission_control::domain::inbox::digest::DigestState;
use mission_control::engine::inbox::drain;
use mission_control::engine::inbox::drain::Pace;
use mission_control::store::inbox::digests;
use mission_control::store::orchestrator::turns;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

/// Writers, drainers with stores of their own as if they were two programs, a Luci of all moods, and a clock that jumps.
#[test]
fn thousands_of_items_are_each_decided_once_whatever_luci_does() {
    let count: i64 = std::env::var("MC_INBOX_ITEMS").ok().and_then(|n| n.parse().ok()).unwrap_or(10_000);
    let rig = Arc::new(Rig::new());
    let writing = Arc::new(AtomicI64::new(8));
    let done = Arc::new(AtomicBool::new(false));
    let mut threads = Vec::new();
    for writer in 0..8 {
        let (rig, writing) = (rig.clone(), writing.clone());
        threads.push(std::thread::spawn(move || {
            let mut dice = Dice::new(100 + writer);
            for n in 0..count / 8 {
                let priority = InboxPriority::ALL[dice.roll(3) as usize];
                rig.post(priority, &format!("writer {writer} says {n}"));
            }
            writing.fetch_sub(1, Ordering::SeqCst);
        }));
    }
    for _ in 0..2 {
        let (done, engine) = (done.clone(), engine_at(&rig.dir, &rig.clock));
        threads.push(std::thread::spawn(move || {
            while !done.load(Ordering::SeqCst) {
                match drain::tick(&engine, Pace::Now) {
                    Ok(_) | Err(Error::Busy(_) | Error::Conflict(_)) => {}
                    Err(e) => panic!("{e}"),
                }
                pause(Duration::from_millis(1));
            }
        }));
    }
    let mut dice = Dice::new(3);
    let clock = SystemClock::new();
    loop {
        assert!(clock.mono_ms() < 600_000, "it never ends");
        if dice.roll(30) == 0 {
            rig.later(31 * MINUTE);
        }
        let Some(turn) = rig.takes() else {
            let left: i64 = rig
                .store
                .read(|c| {
                    let sql = "select count(*) from orchestrator_inbox where status in ('pending', 'claimed')";
                    Ok(c.query_row(sql, [], |r| r.get(0))?)
                })
                .expect("readable");
            if left == 0 && writing.load(Ordering::SeqCst) == 0 {
                break;
            }
            pause(Duration::from_millis(1));
            continue;
        };
        let items = rig.store.read(|c| digests::items(c, turn.id)).expect("readable");
        let half: Vec<ItemId> = items.iter().map(|(i, _)| i.id).filter(|_| dice.roll(2) == 0).collect();
        let mine = turn.clone();
        let said = match dice.roll(8) {
            0 => rig.store.write(move |tx| turns::fail(tx, &mine, "a bad moment", None)),
            1 => rig.store.write(move |tx| turns::give_back(tx, &mine)),
            2 => rig.answers(&turn, "```json\n{\"mc_actions\":[{\"kind\":\"nonsense\"}]}\n```"),
            3 => rig.answers(&turn, &ignore(&[ItemId(-1), ItemId(1 << 40)])),
            4 => rig.store.write(move |tx| {
                turns::cancel(tx, mine.id)?;
                turns::interrupted(tx, &mine, None)
            }),
            _ => rig.answers(&turn, &ignore(&half)),
        };
        said.expect("the turn is hers");
    }
    done.store(true, Ordering::SeqCst);
    for thread in threads {
        thread.join().expect("it ends well");
    }
    let (all, decided, most): (i64, i64, i64) = rig
        .store
        .read(|c| {
            let one = |sql: &str| c.query_row(sql, [], |r| r.get::<_, i64>(0));
            Ok((
                one("select count(*) from orchestrator_inbox where status in ('processed', 'ignored')")?,
                one("select count(*) from digest_items d join turns t on t.id = d.turn_id where d.decision in ('processed', 'ignored') and t.state = 'answered'")?,
                one("select max(n) from (select count(*) as n from digest_items group by turn_id)")?,
            ))
        })
        .expect("readable");
    assert_eq!((all, decided), (count / 8 * 8, count / 8 * 8));
    assert!(most <= 20);
    let all = rig.store.read(|c| digests::list(c, None, 100_000)).expect("readable");
    let given_back = all.iter().filter(|d| d.state == DigestState::GivenBack).count();
    assert!(
        given_back > 0 && all.iter().any(|d| d.note.as_deref().is_some_and(|n| n.contains("not in this digest"))),
        "{given_back}"
    );
    rig.holds();
}

/// The real server with the demo agent in Luci's place, killed at random: what was acknowledged is decided, once.
#[test]
fn items_survive_kill_9_of_the_server_and_are_decided_once() {
    let kills: u64 = std::env::var("MC_INBOX_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(3);
    let mut live = with_demo_luci(20);
    let mut dice = Dice::new(11);
    let mut acknowledged = BTreeSet::new();
    for round in 0..=kills {
        for n in 0..30 {
            let words = if n % 3 == 0 { "failed: no route" } else { "ok: nothing new" };
            let body =
                json!({ "source_type": "api", "source_id": format!("probe {}", n % 5), "message": format!("{words} {round}") });
            let answer = live.try_json("/api/v1/orchestrator_inbox", &body).expect("an answer");
            assert_eq!(answer.status, 201, "{}", answer.body);
            let item: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
            acknowledged.insert(item["id"].as_i64().expect("a number"));
        }
        if round < kills {
            pause(Duration::from_millis(dice.roll(1_500)));
            live.restart();
        }
    }
    until_ms(120_000, "all items decided", || {
        let _ = live.try_json("/api/v1/tick/drain", &json!({}));
        let left: i64 = live.one("select count(*) from orchestrator_inbox where status in ('pending', 'claimed')");
        (left == 0).then_some(())
    });
    let there: BTreeSet<i64> =
        live.all("select id from orchestrator_inbox where status in ('processed', 'ignored')").into_iter().collect();
    assert_eq!(there, acknowledged);
    let twice: i64 = live.one(
        "select count(*) from (select item_id from digest_items where decision in ('processed', 'ignored') group by item_id having count(*) <> 1)",
    );
    assert_eq!(twice, 0);
    let ignored: i64 = live.one("select count(*) from orchestrator_inbox where status = 'ignored' and message not like 'ok%'");
    assert_eq!(ignored, 0, "only routine is ignored");
    live.check();
}

//! The inbox and its digests: posted, claimed, decided, given back; whatever falls over meanwhile.

use crate::ops::live_server::{Dice, EXE, Live, until_ms};
use crate::support::app::TestApp;
use mission_control::base::clock::{Clock, SystemClock, pause};
use mission_control::base::error::Error;
use mission_control::config::data_dir::DataDir;
use mission_control::config::{Config, Flags};
use mission_control::domain::actor::{Actor, Scope};
use mission_control::domain::ids::{ItemId, TurnId};
use mission_control::domain::inbox::digest::{DigestState, TEXT_MAX};
use mission_control::domain::inbox::{InboxPriority, ItemStatus, Notify, OutcomeClass, Source};
use mission_control::domain::orchestrator::session::{DriverKind, Session};
use mission_control::domain::orchestrator::turn::{Turn, TurnOrigin, TurnState};
use mission_control::domain::run::closing::{Closing, Next};
use mission_control::domain::run::conclude::Conclusion;
use mission_control::domain::run::{Failure, FailureCode, RunState};
use mission_control::domain::ticket::Status;
use mission_control::domain::time::Time;
use mission_control::engine::Engine;
use mission_control::engine::inbox::drain;
use mission_control::engine::inbox::drain::{Drained, Pace};
use mission_control::engine::system::check;
use mission_control::store::Store;
use mission_control::store::inbox::digests;
use mission_control::store::inbox::digests::Digest;
use mission_control::store::inbox::items;
use mission_control::store::inbox::items::NewItem;
use mission_control::store::orchestrator::{proposals, sessions, turns};
use mission_control::store::run::conclude;
use mission_control::store::run::runs;
use mission_control::store::task::streaks;
use mission_control::store::task::streaks::Outcome;
use mission_control::store::ticket::lifecycle;
use mission_control::store::ticket::tickets::NewTicket;
use mission_control::store::ticket::{comments, tickets};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

const MINUTE: i64 = 60_000;

/// A clock that goes with the machine's and can be turned on.
struct Turned {
    clock: SystemClock,
    ahead: AtomicI64,
}

impl Clock for Turned {
    fn now(&self) -> Time {
        self.clock.now().plus_ms(self.ahead.load(Ordering::SeqCst))
    }

    fn mono_ms(&self) -> i64 {
        self.clock.mono_ms() + self.ahead.load(Ordering::SeqCst)
    }
}

/// An engine over a store, with a Luci that is played by hand.
struct Rig {
    engine: Arc<Engine>,
    store: Store,
    session: Session,
    clock: Arc<Turned>,
    nonces: AtomicI64,
    dir: tempfile::TempDir,
}

impl Rig {
    fn new() -> Rig {
        let dir = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(Turned { clock: SystemClock::new(), ahead: AtomicI64::new(0) });
        let engine = engine_at(&dir, &clock);
        let store = engine.store.clone();
        let root = dir.path().join("sessions");
        let new = sessions::NewSession {
            driver: DriverKind::Headless,
            profile: "demo".to_owned(),
            agent_session: "s".to_owned(),
            begun: String::new(),
            root,
            brief: String::new(),
            hand_over: None,
        };
        let session = store.write(move |tx| sessions::open(tx, &new)).expect("a session");
        Rig { engine, store, session, clock, nonces: AtomicI64::new(0), dir }
    }

    fn later(&self, ms: i64) {
        self.clock.ahead.fetch_add(ms, Ordering::SeqCst);
    }

    fn post(&self, priority: InboxPriority, message: &str) -> ItemId {
        let new = NewItem { source: Source::Api, source_id: Some("test".into()), message: message.to_owned(), priority };
        self.store.write(move |tx| items::post(tx, &new)).expect("posted")
    }

    fn drain(&self) -> Drained {
        drain::tick(&self.engine, Pace::Now).expect("drained")
    }

    fn cycle(&self) -> Drained {
        drain::tick(&self.engine, Pace::Cycle).expect("drained")
    }

    fn status(&self, id: ItemId) -> ItemStatus {
        self.store.read(|c| items::get(c, id)).expect("there").status
    }

    fn open(&self) -> Option<Digest> {
        self.store.read(digests::open).expect("readable")
    }

    fn newest(&self) -> Digest {
        self.store.read(digests::newest).expect("readable").expect("a digest")
    }

    /// Luci takes the next turn of the queue.
    fn takes(&self) -> Option<Turn> {
        let nonce = format!("n{}", self.nonces.fetch_add(1, Ordering::SeqCst));
        let session = self.session.id;
        self.store
            .write(move |tx| {
                let Some(turn) = turns::claim(tx, session, &nonce)? else { return Ok(None) };
                turns::sending(tx, &turn)?;
                turns::get(tx.conn, turn.id).map(Some)
            })
            .expect("a turn may be taken")
    }

    fn answers(&self, turn: &Turn, words: &str) -> Result<(), Error> {
        let (turn, words) = (turn.clone(), words.to_owned());
        self.store.write(move |tx| turns::answer(tx, &turn, &words))
    }

    /// Luci answers the open digest.
    fn answered(&self, words: &str) -> Turn {
        let turn = self.takes().expect("a digest is queued");
        assert_eq!(turn.origin, TurnOrigin::Digest);
        self.answers(&turn, words).expect("it is hers");
        turn
    }

    fn notices(&self) -> Vec<(String, bool)> {
        self.store
            .read(|c| {
                let mut stmt = c.prepare("select key || '|' || text, urgent from notifications order by id")?;
                let rows = stmt.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?;
                Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?)
            })
            .expect("readable")
    }

    fn holds(&self) {
        let found = check::check(&self.store, 64).expect("checkable");
        assert!(found.is_empty(), "{found:?}");
    }
}

fn engine_at(dir: &tempfile::TempDir, clock: &Arc<Turned>) -> Arc<Engine> {
    let data = DataDir::open(&dir.path().join("data")).expect("a data folder");
    let flags = Flags { data: Some(data.path().to_owned()), ..Flags::default() };
    let config = Arc::new(Config::load(&flags, &|_| None, &|_| None).expect("a configuration"));
    let store = Store::open(&data.database(), clock.clone()).expect("a store");
    Arc::new(Engine::new(store, config, data, PathBuf::from(EXE), "http://127.0.0.1:1".to_owned()))
}

fn ignore(ids: &[ItemId]) -> String {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    format!("Read.\n\n```json\n{}\n```", json!({ "mc_actions": [{ "kind": "ignore", "items": ids }] }))
}

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
    let mut live = Live::prepare(0, &[], "");
    let state = live.root().join("demo-state").display().to_string();
    let config = format!(
        "[pickup]\nmax_workers = 0\nevery = \"1s\"\n[orchestrator]\nprofile = \"fast\"\ndriver = \"headless\"\n\
         [profiles.fast]\nruntime = \"demo\"\nenv = {{ MC_DEMO_PACE_MS = \"20\", MC_DEMO_STATE = {state:?} }}\n"
    );
    std::fs::write(live.root().join("config.toml"), config).expect("a configuration");
    live.boot();
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

#[test]
fn a_critical_report_that_nobody_reads_is_told_once_with_luci_down() {
    let rig = Rig::new();
    rig.store.write(|tx| sessions::want(tx, false)).expect("stopped");
    let id = rig.post(InboxPriority::Critical, "the disk is full");
    rig.post(InboxPriority::Normal, "nothing much");
    rig.later(14 * MINUTE);
    rig.cycle();
    assert!(rig.notices().is_empty());
    rig.later(2 * MINUTE);
    for _ in 0..3 {
        rig.cycle();
        rig.later(MINUTE);
    }
    let notices = rig.notices();
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert!(notices[0].1 && notices[0].0.starts_with(&format!("inbox:{id}|")) && notices[0].0.contains("the disk is full"));
    for n in 0..30 {
        rig.post(InboxPriority::Critical, &format!("disk {n}"));
    }
    rig.later(16 * MINUTE);
    rig.cycle();
    rig.cycle();
    assert_eq!(rig.notices().len(), 2, "a flood is one notice");
    rig.holds();
}

#[test]
fn what_was_decided_is_forgotten_after_seven_days_and_nothing_else() {
    let rig = Rig::new();
    for n in 0..25 {
        rig.post(InboxPriority::Normal, &format!("old {n}"));
    }
    rig.drain();
    rig.answered("read");
    rig.drain();
    rig.later(8 * 24 * 60 * MINUTE);
    let young = rig.post(InboxPriority::Normal, "young");
    assert_eq!(drain::prune(&rig.engine).expect("pruned"), 20);
    let left = rig.store.read(|c| items::list(c, None, None, 100)).expect("readable");
    assert_eq!(left.len(), 6, "five wait or are claimed, one is young");
    assert!(left.iter().any(|i| i.id == young));
    rig.holds();
}

#[test]
fn a_run_that_fails_is_reported_and_one_that_is_done_is_not() {
    let rig = Rig::new();
    let cases: [(RunState, Option<FailureCode>, Next); 4] = [
        (RunState::Failed, Some(FailureCode::ExitCode), Next::Status(Status::Blocked)),
        (RunState::Failed, Some(FailureCode::ServerError), Next::Again { not_before: Time(i64::MAX / 2), counted: true }),
        (RunState::Finished, None, Next::Status(Status::Done)),
        (RunState::Stopped, None, Next::Status(Status::Blocked)),
    ];
    for (state, code, next) in cases {
        let config = rig.engine.config.clone();
        rig.store
            .write(move |tx| {
                let new = NewTicket::titled("Something".parse().map_err(|_| Error::Internal("a title".into()))?);
                let ann = Actor::Person { name: "Ann".into(), by_token: false };
                let ticket = lifecycle::create_started(tx, &new, &ann, config.as_ref())?;
                let run = runs::live_of(tx.conn, ticket.id)?.ok_or_else(|| Error::Internal("a run".into()))?;
                let failure = code.map(|code| Failure { code, text: "it broke\u{1b}[31m".into(), retry_at: None });
                let conclusion = Conclusion { state, verdict: None, payload: String::new(), failure, notes: Vec::new() };
                let closing = Closing {
                    conclusion,
                    next,
                    exit: (Some(1), None),
                    session_id: None,
                    began: true,
                    terminal: None,
                    author: "luci".into(),
                    pause: None,
                    evidence: Vec::new(),
                };
                conclude::conclude(tx, &run, &closing)
            })
            .expect("concluded");
    }
    let items = rig.store.read(|c| items::waiting(c, 100)).expect("readable");
    let told: Vec<_> = items.iter().map(|i| (i.source_id.clone().unwrap_or_default(), i.priority, i.headline(40))).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[0].0, "MC-1");
    assert!(told[0].2.starts_with("MC-1 is blocked"), "{told:?}");
    assert_eq!((told[1].0.as_str(), told[1].1), ("MC-2", InboxPriority::Low));
    assert!(items.iter().all(|i| i.source == Source::Pickup));
}

#[test]
fn anybody_with_a_token_may_report_and_bad_reports_are_refused_field_by_field() {
    let app = TestApp::start();
    let good =
        json!({ "source_type": "self_heal", "source_id": "disk", "message": "91 % \u{1b}[31mfull", "priority": "critical" });
    let answer = app.request("POST", "/api/v1/orchestrator_inbox").header("Idempotency-Key", "k1").json(&good).send();
    assert_eq!(answer.status, 201, "{}", answer.text());
    let item = answer.json();
    assert_eq!((item["status"].as_str(), item["message"].as_str()), (Some("pending"), Some("91 % full")));
    let again = app.request("POST", "/api/v1/orchestrator_inbox").header("Idempotency-Key", "k1").json(&good).send();
    assert_eq!(again.json(), item);
    let cases: BTreeMap<&str, serde_json::Value> = BTreeMap::from([
        ("source_type", json!({ "source_type": "me", "message": "x" })),
        ("message", json!({ "source_type": "api", "message": " " })),
        ("priority", json!({ "source_type": "api", "message": "x", "priority": "high" })),
        ("source_id", json!({ "source_type": "api", "message": "x", "source_id": "x".repeat(300) })),
        ("status", json!({ "source_type": "api", "message": "x", "status": "processed" })),
    ]);
    for (field, body) in &cases {
        let refused = app.post("/api/v1/orchestrator_inbox", body);
        assert!(matches!(refused.status, 400 | 422), "{field}: {}", refused.text());
        assert_eq!(refused.wrong(), [*field]);
    }
    let missing = app.post("/api/v1/orchestrator_inbox", &json!({}));
    assert_eq!(missing.wrong(), ["source_type", "message"]);
    let endless = app.post("/api/v1/orchestrator_inbox", &json!({ "source_type": "api", "message": "x".repeat(65 * 1024) }));
    assert_eq!(endless.wrong(), ["message"]);
    let viewer = app.token("viewer", Scope::Viewer);
    let denied = app.bare("POST", "/api/v1/orchestrator_inbox").bearer(&viewer).json(&good).send();
    assert_eq!(denied.status, 403);
    let list = app.get("/api/v1/orchestrator_inbox?status=pending");
    assert_eq!(list.json()["items"].as_array().map(Vec::len), Some(1), "{}", list.text());
    assert_eq!(app.get("/api/v1/orchestrator_inbox?status=new").status, 400);
}

#[test]
fn the_demo_agent_decides_a_digest_by_plain_rules_and_its_ticket_is_suggested() {
    let mut live = Live::prepare(0, &[], "");
    let state = live.root().join("demo-state").display().to_string();
    let config = format!(
        "[pickup]\nmax_workers = 0\nevery = \"1s\"\n[orchestrator]\nprofile = \"fast\"\ndriver = \"headless\"\n\
         [profiles.fast]\nruntime = \"demo\"\nenv = {{ MC_DEMO_PACE_MS = \"0\", MC_DEMO_STATE = {state:?} }}\n"
    );
    std::fs::write(live.root().join("config.toml"), config).expect("a configuration");
    live.boot();
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

#[test]
fn the_page_shows_what_waits_what_luci_has_and_what_she_decided_and_goes_along() {
    let app = TestApp::start();
    let cookie = app.cookie();
    let page = |path: &str| app.bare("GET", path).header("Cookie", &cookie).send();
    assert_eq!(app.bare("GET", "/inbox").send().status, 303, "a login comes first");
    assert!(page("/inbox").text().contains("Nothing waits."));
    let mut stream = app.bare("GET", "/inbox/stream").header("Cookie", &cookie).open();
    assert_eq!(stream.status, 200);
    let nasty = "<script>alert(1)</script> \u{1b}[31mfull\nsecond line";
    for message in [nasty, "ok: nothing"] {
        assert_eq!(
            app.post("/api/v1/orchestrator_inbox", &json!({ "source_type": "api", "source_id": "MC-1", "message": message }))
                .status,
            201
        );
    }
    let seen = stream.messages(|all| all.iter().any(|m| m.data.contains("ok: nothing")));
    assert!(seen.iter().any(|m| m.data.contains("#inbox-waiting") && m.data.contains("#reports-rail")), "{seen:?}");
    let text = page("/inbox").text();
    assert!(!text.contains("<script>alert") && text.contains("&lt;script&gt;alert(1)"), "{text}");
    assert!(!text.contains('\u{1b}') && text.contains("second line") && text.contains("href=\"/tickets/MC-1\""));

    assert_eq!(drain::tick(&app.engine, Pace::Now).expect("drained").sent, 2);
    let text = page("/inbox").text();
    assert!(text.contains("With Luci now") && text.contains("digest 1") && text.contains("given back at"), "{text}");
    let (session, root) = ("s".to_owned(), app.config.data.join("sessions"));
    app.store
        .write(move |tx| {
            let new = sessions::NewSession {
                driver: DriverKind::Headless,
                profile: "demo".into(),
                agent_session: session,
                begun: String::new(),
                root,
                brief: String::new(),
                hand_over: None,
            };
            let session = sessions::open(tx, &new)?;
            let turn = turns::claim(tx, session.id, "n")?.ok_or_else(|| Error::Internal("nothing queued".into()))?;
            turns::sending(tx, &turn)?;
            turns::answer(tx, &turn, &ignore(&[ItemId(2), ItemId(77)]))
        })
        .expect("answered");
    assert_eq!(drain::tick(&app.engine, Pace::Now).expect("drained").decided, 2);
    let text = page("/inbox").text();
    for words in ["2 reports", "routine, nothing to do", "→ read", "#77", "Nothing waits."] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let older = page("/inbox?before=2").text();
    assert!(older.contains("digest 1") && !older.contains("inbox-waiting"));
    assert!(page("/luci").text().contains("Digest 1"), "and it stands in the conversation");
}

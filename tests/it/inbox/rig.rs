//! An engine over a store of its own, with a Luci whose turns are taken and answered by the test.

use crate::support::live_server::{EXE, Live};
use mission_control::base::clock::{Clock, SystemClock};
use mission_control::base::error::Error;
use mission_control::config::data_dir::DataDir;
use mission_control::config::{Config, Flags};
use mission_control::domain::ids::ItemId;
use mission_control::domain::inbox::{InboxPriority, ItemStatus, Source};
use mission_control::domain::orchestrator::session::{DriverKind, Session};
use mission_control::domain::orchestrator::turn::{Turn, TurnOrigin};
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
use mission_control::store::orchestrator::{sessions, turns};
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

pub const MINUTE: i64 = 60_000;

/// The clock of the machine, which a test can put forward or back.
pub struct MovableClock {
    pub clock: SystemClock,
    ahead: AtomicI64,
}

impl Clock for MovableClock {
    fn now(&self) -> Time {
        self.clock.now().plus_ms(self.ahead.load(Ordering::SeqCst))
    }

    fn mono_ms(&self) -> i64 {
        self.clock.mono_ms() + self.ahead.load(Ordering::SeqCst)
    }
}

/// An engine over a store, with a Luci that is played by hand.
pub struct Rig {
    pub engine: Arc<Engine>,
    pub store: Store,
    pub session: Session,
    pub clock: Arc<MovableClock>,
    nonces: AtomicI64,
    pub dir: tempfile::TempDir,
}

impl Rig {
    pub fn new() -> Rig {
        let dir = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(MovableClock { clock: SystemClock::new(), ahead: AtomicI64::new(0) });
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

    pub fn later(&self, ms: i64) {
        self.clock.ahead.fetch_add(ms, Ordering::SeqCst);
    }

    pub fn post(&self, priority: InboxPriority, message: &str) -> ItemId {
        let new = NewItem { source: Source::Api, source_id: Some("test".into()), message: message.to_owned(), priority };
        self.store.write(move |tx| items::post(tx, &new)).expect("posted")
    }

    pub fn drain(&self) -> Drained {
        drain::tick(&self.engine, Pace::Now).expect("drained")
    }

    pub fn cycle(&self) -> Drained {
        drain::tick(&self.engine, Pace::Cycle).expect("drained")
    }

    pub fn status(&self, id: ItemId) -> ItemStatus {
        self.store.read(|c| items::get(c, id)).expect("there").status
    }

    pub fn open(&self) -> Option<Digest> {
        self.store.read(digests::open).expect("readable")
    }

    pub fn newest(&self) -> Digest {
        self.store.read(digests::newest).expect("readable").expect("a digest")
    }

    /// Luci takes the next turn of the queue.
    pub fn takes(&self) -> Option<Turn> {
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

    pub fn answers(&self, turn: &Turn, words: &str) -> Result<(), Error> {
        let (turn, words) = (turn.clone(), words.to_owned());
        self.store.write(move |tx| turns::answer(tx, &turn, &words))
    }

    /// Luci answers the open digest.
    pub fn answered(&self, words: &str) -> Turn {
        let turn = self.takes().expect("a digest is queued");
        assert_eq!(turn.origin, TurnOrigin::Digest);
        self.answers(&turn, words).expect("it is hers");
        turn
    }

    pub fn notices(&self) -> Vec<(String, bool)> {
        self.store
            .read(|c| {
                let mut stmt = c.prepare("select key || '|' || text, urgent from notifications order by id")?;
                let rows = stmt.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?;
                Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?)
            })
            .expect("readable")
    }

    pub fn holds(&self) {
        let found = check::check(&self.store, 64).expect("checkable");
        assert!(found.is_empty(), "{found:?}");
    }
}

pub fn engine_at(dir: &tempfile::TempDir, clock: &Arc<MovableClock>) -> Arc<Engine> {
    let data = DataDir::open(&dir.path().join("data")).expect("a data folder");
    let flags = Flags { data: Some(data.path().to_owned()), ..Flags::default() };
    let config = Arc::new(Config::load(&flags, &|_| None, &|_| None).expect("a configuration"));
    let store = Store::open(&data.database(), clock.clone()).expect("a store");
    Arc::new(Engine::new(store, config, data, PathBuf::from(EXE), "http://127.0.0.1:1".to_owned()))
}

pub fn ignore(ids: &[ItemId]) -> String {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    format!("Read.\n\n```json\n{}\n```", json!({ "mc_actions": [{ "kind": "ignore", "items": ids }] }))
}

/// The real server, with the demo agent in Luci's place; its answers take so many milliseconds a step.
pub fn with_demo_luci(pace_ms: u32) -> Live {
    let mut live = Live::prepare(0, &[], "");
    let state = live.root().join("demo-state").display().to_string();
    let config = format!(
        "[pickup]\nmax_workers = 0\nevery = \"1s\"\n[orchestrator]\nprofile = \"fast\"\ndriver = \"headless\"\n\
         [profiles.fast]\nruntime = \"demo\"\nenv = {{ MC_DEMO_PACE_MS = \"{pace_ms}\", MC_DEMO_STATE = {state:?} }}\n"
    );
    std::fs::write(live.root().join("config.toml"), config).expect("a configuration");
    live.boot();
    live
}

//! Engines for tests: over a store of their own, on a clock that can be turned.

use crate::base::clock::{Clock, SystemClock};
use crate::config::data_dir::DataDir;
use crate::config::{Config, Flags};
use crate::domain::actor::Actor;
use crate::domain::ids::RunId;
use crate::domain::ticket::{Status, Title};
use crate::domain::time::Time;
use crate::engine::Engine;
use crate::store::Store;
use crate::store::ticket::lifecycle;
use crate::store::ticket::tickets::NewTicket;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// The real clock, ahead by as much as a test says.
pub(crate) struct Ahead(pub SystemClock, pub Arc<AtomicI64>);

impl Clock for Ahead {
    fn now(&self) -> Time {
        self.0.now().plus_ms(self.1.load(Ordering::SeqCst))
    }

    fn mono_ms(&self) -> i64 {
        self.0.mono_ms() + self.1.load(Ordering::SeqCst)
    }
}

/// An engine with everything under `dir` and this configuration.
pub(crate) fn engine(dir: &Path, config: &str, clock: Arc<dyn Clock>) -> Engine {
    let file = dir.join("config.toml");
    std::fs::write(&file, config).expect("written");
    let flags = Flags { data: Some(dir.join("data")), config: Some(file), ..Flags::default() };
    let config = Config::load(&flags, &|_| None, &|_| None).expect("good");
    let data = DataDir::open(&config.data).expect("made");
    let store = Store::open(&data.database(), clock).expect("opened");
    Engine::new(store, Arc::new(config), data, "/nonexistent".into(), "http://127.0.0.1:1".to_owned())
}

/// A ticket that is to be done now: its run, which waits for its launch.
pub(crate) fn promised(engine: &Engine) -> RunId {
    let rules = engine.config.clone();
    let made = engine.store.write(move |tx| {
        let new = NewTicket { status: Status::Todo, ..NewTicket::titled(Title::stored("one".to_owned())) };
        lifecycle::create_started(tx, &new, &Actor::System, &*rules)
    });
    made.expect("made").run.expect("it is started")
}

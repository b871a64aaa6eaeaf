//! The orchestrator: the one typist. It keeps Luci's session up, takes one turn of the queue at a time to it, and
//! harvests the reply.
//!
//! What it does next follows from rows and from what the driver sees, never from memory: it can be killed between any
//! two lines. A turn on its way is first harvested, and given back to the queue only if its nonce is nowhere.

pub(crate) mod blockage;
#[cfg(test)]
pub(crate) mod blockage_tests;
pub mod driver;
pub mod environment;
#[cfg(test)]
pub(crate) mod fake_driver;
pub(crate) mod hand_over;
pub mod headless;
#[cfg(test)]
pub(crate) mod sending_tests;
#[cfg(test)]
pub(crate) mod sessions_tests;
pub(crate) mod supervise;
pub mod tmux_driver;
pub(crate) mod turn;
pub(crate) mod undelivered;
pub(crate) mod waits;

use crate::base::clock::Clock;
use crate::base::doorbell::Topic;
use crate::base::error::{Error, Result};
use crate::config::DEMO;
use crate::domain::orchestrator::session::{DriverKind, Session, SessionState, Wanted};
use crate::domain::orchestrator::turn::Turn;
use crate::engine::Engine;
use crate::engine::orchestrator::driver::{AgentStatus, ConversationStart, Driver};
use crate::store::orchestrator::{sessions, turns};
use crate::store::run::pauses;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;

/// How soon to look again, unless the doorbell rings first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// At once: something was moved on.
    Now,
    /// A turn is in flight, for so many milliseconds.
    InFlight(i64),
    /// A session is up and waits.
    Watch,
    /// Nothing to be done before so many milliseconds.
    In(i64),
    /// Nothing to be done until somebody wants something.
    Still,
}

impl Pace {
    fn wait(self) -> Duration {
        Duration::from_millis(match self {
            Pace::Now => 0,
            Pace::InFlight(0..2_000) => 10,
            Pace::InFlight(2_000..30_000) => 40,
            Pace::InFlight(_) => 150,
            Pace::Watch => 1_000,
            Pace::In(ms) => u64::try_from(ms.clamp(20, 60_000)).unwrap_or(1_000),
            Pace::Still => 5_000,
        })
    }
}

/// A session that takes no turn for so long though it looks ready says so on the page, in milliseconds.
const HELD_SHOWN_MS: i64 = 5_000;

/// The engine's own memory: nothing in it is missed after a restart.
pub struct Orchestrator {
    tmux: Box<dyn Driver>,
    headless: Box<dyn Driver>,
    /// When agents were started lately (monotonic): a session that falls again and again is left alone.
    started: VecDeque<i64>,
    /// The turn whose interrupt was passed on, and when (monotonic).
    interrupted: Option<(String, i64)>,
    /// The wait for a turn that was sent and is nowhere.
    unheard: waits::Unheard,
    /// Since when (monotonic) the session takes no turn though it looks ready, how often it was asked, and why.
    held: Option<(i64, u32, String)>,
    /// What kept this step from going on, and for how long that has been so.
    blockage: Option<waits::Blockage>,
    stuck: Option<waits::Stuck>,
}

/// What a tick decides upon.
pub(crate) struct Scene {
    wanted: Wanted,
    session: Option<Session>,
    turn: Option<Turn>,
    waiting: bool,
}

impl Orchestrator {
    /// An orchestrator over two ways of keeping a session.
    #[must_use]
    pub fn new(tmux: Box<dyn Driver>, headless: Box<dyn Driver>) -> Orchestrator {
        Orchestrator {
            tmux,
            headless,
            started: VecDeque::new(),
            interrupted: None,
            unheard: waits::Unheard::default(),
            held: None,
            blockage: None,
            stuck: None,
        }
    }

    /// An orchestrator over the real ways of keeping a session.
    #[must_use]
    pub fn with_drivers() -> Orchestrator {
        let headless = headless::Headless::new(Box::new(environment::of));
        let tmux = tmux_driver::TmuxDriver::new(Box::new(environment::of));
        Orchestrator::new(Box::new(tmux), Box::new(headless))
    }

    /// One step. Doing it at any time, any number of times, is safe.
    ///
    /// # Errors
    /// The store or the machine failed; the next step tries again.
    pub fn tick(&mut self, engine: &Engine) -> Result<Pace> {
        self.blockage = None;
        let done = self.step(engine);
        let blockage = match &done {
            Ok(_) => self.blockage.take(),
            Err(e) => Some(waits::Blockage::Fault(e.to_string())),
        };
        let reported = self.report_blockage(engine, blockage);
        done.and_then(|pace| reported.map(|()| pace))
    }

    fn step(&mut self, engine: &Engine) -> Result<Pace> {
        let scene = engine.store.read(|c| {
            let turn = turns::in_flight(c)?;
            let waiting = turns::open_count(c)? > i64::from(turn.is_some());
            Ok(Scene { wanted: sessions::wanted(c)?, session: sessions::current(c)?, turn, waiting })
        })?;
        if scene.wanted.on == Some(false) {
            return self.put_to_sleep(engine, &scene);
        }
        if let Some(turn) = &scene.turn {
            return self.follow(engine, turn);
        }
        let Some(session) = &scene.session else {
            if scene.wanted.on == Some(true) || scene.waiting {
                return self.begin(engine, &scene.wanted);
            }
            return Ok(Pace::Still);
        };
        if let Some(pace) = self.change_over(engine, session, &scene.wanted)? {
            return Ok(pace);
        }
        match session.state {
            SessionState::Ended => Ok(Pace::Still),
            SessionState::Broken if session.retry_at.is_none() => Ok(Pace::Still),
            SessionState::Broken => self.bring_back(engine, session),
            SessionState::Down => self.bring_back(engine, session),
            SessionState::Starting if session.launched_at.is_none() => self.launch(engine, session),
            SessionState::Starting | SessionState::Idle | SessionState::Working | SessionState::Waiting => {
                match self.driver(session.driver).status(engine, session)? {
                    AgentStatus::Ready => self.ready(engine, session, &scene),
                    AgentStatus::Busy if scene.waiting => {
                        self.blockage = Some(waits::Blockage::Busy);
                        self.not_ready(engine, session, AgentStatus::Busy)
                    }
                    other => self.not_ready(engine, session, other),
                }
            }
        }
    }

    fn ready(&mut self, engine: &Engine, session: &Session, scene: &Scene) -> Result<Pace> {
        if session.driver == DriverKind::Tmux && session.pid.is_none() {
            // It came up while we were not there to write its process down.
            let id = session.id;
            if let Some((pid, start)) = self.tmux.start(engine, session, ConversationStart::Resume)? {
                engine.store.write(move |tx| sessions::has_process(tx, id, pid, start))?;
            }
        }
        let now = engine.store.clock().now();
        let (pause, pressed) =
            engine.store.read(|c| Ok((pauses::in_force(c, now)?.remove(&session.profile), turns::next_retried_at(c)?)))?;
        // Who presses Retry after the pause began wants it tried all the same.
        let rest = pause.filter(|pause| pressed.is_none_or(|at| at <= pause.since)).map(|pause| pause.reason);
        let held = self.held.as_ref().filter(|(since, ..)| mono(engine) - since > HELD_SHOWN_MS).map(|(.., why)| why.clone());
        let note = rest.clone().or(held);
        if session.state != SessionState::Idle || session.note != note {
            let id = session.id;
            engine.store.write(move |tx| sessions::stands(tx, id, SessionState::Idle, note.as_deref()))?;
        }
        if rest.is_some() {
            // A limit or a refused login: what waits, waits for the reset or for a person.
            return Ok(Pace::Watch);
        }
        if !scene.waiting {
            self.held = None;
        }
        if scene.wanted.keyboard {
            return Ok(Pace::Watch);
        }
        if self.rotate(engine, session, scene.waiting)? {
            return Ok(Pace::Now);
        }
        if scene.waiting { self.send_next(engine, session) } else { Ok(Pace::Watch) }
    }

    fn driver(&self, kind: DriverKind) -> &dyn Driver {
        match kind {
            DriverKind::Tmux => &*self.tmux,
            DriverKind::Headless => &*self.headless,
        }
    }
}

/// Ticks until the engine stops. Blocks.
pub fn run(engine: &Arc<Engine>, rt: &Handle, mut me: Orchestrator) {
    let mut ear = engine.store.doorbell.listen(Topic::Luci);
    let mut trouble = 0_u32;
    while !engine.is_stopping() {
        ear.hush();
        let wait = match me.tick(engine) {
            Ok(pace) => {
                trouble = 0;
                pace.wait()
            }
            // Somebody else moved it on (a person cancelled, say): look again.
            Err(Error::Conflict(why)) if trouble < 20 => {
                tracing::debug!(why, "the orchestrator looks again");
                trouble += 1;
                Duration::from_millis(10)
            }
            Err(e) => {
                if trouble.is_multiple_of(20) {
                    tracing::warn!(error = %e, "the orchestrator could not go on; trying again");
                }
                trouble = trouble.saturating_add(1);
                Duration::from_millis(500)
            }
        };
        if !wait.is_zero() {
            rt.block_on(ear.wait(wait));
        }
    }
}

/// How a session of this profile is to be spoken with, as configured and as this machine can.
#[must_use]
pub fn driver_for(engine: &Engine, profile: &str) -> DriverKind {
    let own = engine.config.profile(profile).and_then(|p| p.driver);
    match own.or(engine.config.orchestrator.driver) {
        Some(DriverKind::Headless) => DriverKind::Headless,
        Some(DriverKind::Tmux) | None if crate::drivers::tmux::Tmux::installed() => DriverKind::Tmux,
        Some(DriverKind::Tmux) | None => DriverKind::Headless,
    }
}

/// How a profile is shown.
fn label(engine: &Engine, profile: &str) -> String {
    engine.config.profile(profile).or_else(|| engine.config.profile(DEMO)).map_or_else(|| profile.to_owned(), |p| p.label())
}

fn mono(engine: &Engine) -> i64 {
    Clock::mono_ms(&**engine.store.clock())
}

//! Keeping the session up: start, bring back, leave alone what falls again and again, put to sleep.

use crate::base::error::{Error, Result};
use crate::domain::orchestrator::session::{RETRY_MOST_MS, Session, SessionState};
use crate::drivers::runtime;
use crate::engine::Engine;
use crate::engine::orchestrator::driver::{AgentStatus, ConversationStart, Harvest};
use crate::engine::orchestrator::waits::Blockage;
use crate::engine::orchestrator::{Orchestrator, Pace, Scene, mono};
use crate::store::orchestrator::{sessions, turns};

/// Starts in a row that may fail before a person is asked to look.
const FAILURES_AT_MOST: i64 = 7;
/// Starts within [`WINDOW_MS`] before the session is left to a person.
const STARTS_AT_MOST: usize = 8;
/// The window of the restart intensity, in milliseconds.
const WINDOW_MS: i64 = 10 * 60_000;
/// An agent that is not ready so long after its start never will be, in milliseconds.
const READY_MS: i64 = 60_000;

impl Orchestrator {
    /// Starts the agent of a session.
    pub(crate) fn launch(&mut self, engine: &Engine, session: &Session) -> Result<Pace> {
        let now = mono(engine);
        self.started.retain(|at| now - at < WINDOW_MS);
        if self.started.len() >= STARTS_AT_MOST {
            let why = format!("was started {STARTS_AT_MOST} times within ten minutes");
            return self.on_agent_lost(engine, &Session { failures: FAILURES_AT_MOST, ..session.clone() }, &why, false);
        }
        self.started.push_back(now);
        let id = session.id;
        let known = engine.store.read(|c| turns::any_accepted(c, id))?;
        engine.store.write(move |tx| sessions::launching(tx, id))?;
        let how = if known { ConversationStart::Resume } else { ConversationStart::Fresh };
        match self.driver(session.driver).start(engine, session, how) {
            Ok(Some((pid, start))) => {
                engine.store.write(move |tx| sessions::has_process(tx, id, pid, start))?;
                Ok(Pace::In(50))
            }
            Ok(None) => Ok(Pace::Now),
            Err(e) => self.on_agent_lost(
                engine,
                session,
                &e.to_string(),
                matches!(e, Error::Denied(_) | Error::Invalid(_) | Error::NotFound(_)),
            ),
        }
    }

    /// A session that is down: back, once its time has come.
    pub(crate) fn bring_back(&mut self, engine: &Engine, session: &Session) -> Result<Pace> {
        let now = engine.store.clock().now();
        match session.retry_at {
            Some(at) if at.is_ahead(now, RETRY_MOST_MS) => Ok(Pace::In(at.since(now))),
            // Without a time it was put to sleep, and we are here because something is wanted of it.
            Some(_) | None => self.launch(engine, session),
        }
    }

    /// A session that takes no turn now.
    pub(crate) fn not_ready(&mut self, engine: &Engine, session: &Session, look: AgentStatus) -> Result<Pace> {
        let id = session.id;
        match look {
            AgentStatus::Ready => Ok(Pace::Now),
            AgentStatus::Gone(why) => {
                let why = why.unwrap_or_else(|| "its program ended".to_owned());
                if runtime::of_profile(engine.config.profile(&session.profile)).forgot_conversation(&why) {
                    self.start_cold(engine, session, &why)?;
                    return Ok(Pace::Now);
                }
                self.on_agent_lost(engine, session, &why, false)
            }
            AgentStatus::ComingUp => {
                let since = session.launched_at.map_or(0, |at| engine.store.clock().now().waited(at));
                if since > READY_MS {
                    self.driver(session.driver).stop(engine, session)?;
                    return self.on_agent_lost(engine, session, "did not become ready within a minute", false);
                }
                Ok(Pace::In(100))
            }
            AgentStatus::Busy => {
                if session.state != SessionState::Working {
                    engine.store.write(move |tx| sessions::stands(tx, id, SessionState::Working, None))?;
                }
                Ok(Pace::In(40))
            }
            AgentStatus::Dialog(words) => {
                self.blockage = Some(Blockage::Dialog(words.clone()));
                if session.state != SessionState::Waiting || session.note.as_deref() != Some(words.as_str()) {
                    engine.store.write(move |tx| sessions::stands(tx, id, SessionState::Waiting, Some(&words)))?;
                }
                Ok(Pace::Watch)
            }
        }
    }

    /// Its agent is gone or did not come up. `for_good`: trying again by ourselves would not help.
    fn on_agent_lost(&mut self, engine: &Engine, session: &Session, why: &str, for_good: bool) -> Result<Pace> {
        let failures = session.failures + 1;
        let give_up = for_good || failures >= FAILURES_AT_MOST;
        let now = engine.store.clock().now();
        let wait = if give_up { RETRY_MOST_MS } else { 500_i64 << failures.clamp(1, 7) };
        let retry_at = (!for_good).then(|| now.plus_ms(wait));
        if give_up {
            self.started.clear();
            tracing::warn!(why, "Luci's session is left to a person");
        } else {
            tracing::info!(why, wait, "Luci's session is down; it is brought back");
        }
        let (id, why) = (session.id, why.to_owned());
        engine.store.write(move |tx| sessions::down(tx, id, &why, retry_at, give_up))?;
        Ok(if for_good { Pace::Still } else { Pace::In(wait) })
    }

    /// Stopped by a person: what is in flight is harvested or ends with a word, the agent is ended.
    pub(crate) fn put_to_sleep(&mut self, engine: &Engine, scene: &Scene) -> Result<Pace> {
        let Some(session) = &scene.session else { return Ok(Pace::Still) };
        let asleep = matches!(session.state, SessionState::Down | SessionState::Broken) && scene.turn.is_none();
        if asleep && session.retry_at.is_none() {
            return Ok(Pace::Still);
        }
        self.driver(session.driver).stop(engine, session)?;
        if let Some(turn) = &scene.turn {
            match self.driver(session.driver).harvest(engine, session, turn)? {
                Harvest::Failed { partial, .. } | Harvest::Interrupted { partial } => {
                    let turn = turn.clone();
                    let why = "Luci was stopped while she worked on this. Start her, then retry.";
                    engine.store.write(move |tx| turns::fail(tx, &turn, why, partial.as_deref()))?;
                }
                Harvest::Answered { .. } | Harvest::NotSeen | Harvest::NeverCame => {
                    self.follow(engine, turn)?;
                }
                // Its processes are gone: the next look sees that.
                Harvest::Working { .. } | Harvest::Asks(_) => return Ok(Pace::In(100)),
            }
        }
        let id = session.id;
        engine.store.write(move |tx| sessions::asleep(tx, id))?;
        Ok(Pace::Still)
    }
}

//! One turn's way: claimed, put to the agent, followed, answered; or given back, where it never arrived.

use crate::base::error::{Error, Result};
use crate::base::faults;
use crate::base::faults::Point;
use crate::domain::orchestrator::session::{Session, SessionState};
use crate::domain::orchestrator::turn::{Turn, TurnOrigin};
use crate::domain::run::{FailureCode, Rest};
use crate::domain::time::Time;
use crate::engine::Engine;
use crate::engine::lock;
use crate::engine::orchestrator::driver::{AgentStatus, Harvest, NotSent};
use crate::engine::orchestrator::{Orchestrator, Pace, mono};
use crate::store::orchestrator::effects::ActionsCx;
use crate::store::orchestrator::{record, sessions, turns};
use crate::store::run::pauses;

/// An interrupt that shows no effect is passed on again after so many milliseconds.
const INTERRUPT_AGAIN_MS: i64 = 3_000;
/// A limit whose reset is not known is tried again after so many milliseconds.
const LIMIT_REST_MS: i64 = 15 * 60_000;

impl Orchestrator {
    /// Takes the next turn to a session that is ready.
    pub(crate) fn send_next(&mut self, engine: &Engine, session: &Session) -> Result<Pace> {
        let nonce = format!("{:08x}{:08x}", crate::base::random::u32(), crate::base::random::u32());
        let id = session.id;
        let Some(turn) = engine.store.write(move |tx| turns::claim(tx, id, &nonce))? else { return Ok(Pace::Watch) };
        faults::hit(Point::TurnClaimed)?;
        let store = &engine.store;
        let mut sending = || {
            let turn = turn.clone();
            store.write(move |tx| turns::sending(tx, &turn))?;
            faults::hit(Point::TurnSending)
        };
        let sent = {
            let _typist = lock(&engine.typist);
            self.driver(session.driver).send(engine, session, &turn, &mut sending)
        };
        match sent {
            Ok(()) => {
                faults::hit(Point::TurnSent)?;
                self.held = None;
                engine.store.write(move |tx| sessions::stands(tx, id, SessionState::Working, None))?;
                Ok(Pace::InFlight(0))
            }
            Err(NotSent::NotNow(why)) => {
                tracing::debug!(turn = turn.id.0, why, "not now");
                self.give_back(engine, session, &turn)?;
                Ok(Pace::In(self.hold_back(engine, &turn, &why)?))
            }
            Err(NotSent::Never(why)) => {
                self.failed(engine, session, &turn, why, None, (FailureCode::Refused, None))?;
                Ok(Pace::Now)
            }
        }
    }

    /// Looks after the turn in flight.
    pub(crate) fn follow(&mut self, engine: &Engine, turn: &Turn) -> Result<Pace> {
        let session = self.session_of(engine, turn)?;
        match self.driver(session.driver).harvest(engine, &session, turn)? {
            Harvest::Answered { text, context_tokens, agent_session } => {
                self.answered(engine, &session, turn, text, context_tokens, agent_session)?;
                Ok(Pace::Now)
            }
            Harvest::Failed { session_lost: true, why, .. } => {
                self.give_back(engine, &session, turn)?;
                self.start_cold(engine, &session, &why)?;
                Ok(Pace::Now)
            }
            Harvest::Failed { why, code, retry_at, partial, session_lost: false } => {
                self.failed(engine, &session, turn, why, partial, (code, retry_at))?;
                Ok(Pace::Now)
            }
            Harvest::Asks(words) => {
                self.working(engine, &session, turn, Some("waits for you in the console".to_owned()), true)?;
                self.not_ready(engine, &session, AgentStatus::Dialog(words))?;
                Ok(Pace::InFlight(self.since_sent(engine, turn)))
            }
            Harvest::Interrupted { partial } => {
                let turn = turn.clone();
                engine.store.write(move |tx| turns::interrupted(tx, &turn, partial.as_deref()))?;
                Ok(Pace::Now)
            }
            Harvest::Working { activity } => {
                self.working(engine, &session, turn, activity, false)?;
                Ok(Pace::InFlight(self.since_sent(engine, turn)))
            }
            Harvest::NotSeen => self.nowhere(engine, &session, turn),
            Harvest::NeverCame => {
                self.give_back(engine, &session, turn)?;
                Ok(Pace::Now)
            }
        }
    }

    fn answered(
        &mut self,
        engine: &Engine,
        session: &Session,
        turn: &Turn,
        text: String,
        context_tokens: Option<i64>,
        agent_session: Option<String>,
    ) -> Result<()> {
        faults::hit(Point::AnswerHarvested)?;
        let (id, mine) = (session.id, turn.clone());
        let hand_over = (turn.origin == TurnOrigin::HandOver).then(|| text.clone());
        let config = engine.config.clone();
        config.look_for_projects();
        engine.store.write(move |tx| {
            record::take_answer(tx, &mine, &text, &ActionsCx::of(&*config))?;
            faults::hit(Point::AnswerTaken)?;
            sessions::answered(tx, id, context_tokens)?;
            if let Some(other) = agent_session {
                sessions::goes_by(tx, id, &other)?;
            }
            Ok(())
        })?;
        match hand_over {
            Some(note) => self.hand_over(engine, session, &note),
            None => Ok(()),
        }
    }

    pub(crate) fn failed(
        &mut self,
        engine: &Engine,
        session: &Session,
        turn: &Turn,
        why: String,
        partial: Option<String>,
        (code, retry_at): (FailureCode, Option<Time>),
    ) -> Result<()> {
        let (mine, profile) = (turn.clone(), session.profile.clone());
        engine.store.write(move |tx| {
            // What waits behind it would fail in the same way: it waits for the reset, or for a person.
            match code.rest() {
                Rest::Reset => {
                    let until = retry_at.filter(|at| *at > tx.now).unwrap_or(tx.now.plus_ms(LIMIT_REST_MS));
                    pauses::pause(tx, &profile, &why, Some(until))?;
                }
                Rest::Person => pauses::pause(tx, &profile, &why, None)?,
                Rest::No => {}
            }
            turns::fail(tx, &mine, &why, partial.as_deref())
        })?;
        match turn.origin {
            // No note could be had: the next session begins with what we have ourselves.
            TurnOrigin::HandOver => self.hand_over(engine, session, ""),
            TurnOrigin::Human | TurnOrigin::Digest | TurnOrigin::Ticket | TurnOrigin::Correction => Ok(()),
        }
    }

    /// The agent has the turn. While it does not ask (any more) its session works: nobody may type into it.
    fn working(&mut self, engine: &Engine, session: &Session, turn: &Turn, activity: Option<String>, asks: bool) -> Result<()> {
        if turn.interrupt_wanted {
            self.pass_on_interrupt(engine, session, turn)?;
        }
        let news = turn.accepted_at.is_none() || turn.activity != activity;
        let begins = !asks && !matches!(session.state, SessionState::Working | SessionState::Ended);
        if news || begins {
            let (mine, id) = (turn.clone(), session.id);
            engine.store.write(move |tx| {
                if news {
                    turns::working(tx, &mine, activity.as_deref())?;
                }
                if begins {
                    sessions::stands(tx, id, SessionState::Working, None)?;
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    pub(crate) fn pass_on_interrupt(&mut self, engine: &Engine, session: &Session, turn: &Turn) -> Result<()> {
        let now = mono(engine);
        let nonce = turn.nonce.clone().unwrap_or_default();
        let due = match &self.interrupted {
            Some((of, at)) => *of != nonce || now - at > INTERRUPT_AGAIN_MS,
            None => true,
        };
        if due {
            self.interrupted = Some((nonce, now));
            let _typist = lock(&engine.typist);
            self.driver(session.driver).interrupt(engine, session, turn)?;
        }
        Ok(())
    }

    /// The session that has a turn: not always the open one.
    fn session_of(&self, engine: &Engine, turn: &Turn) -> Result<Session> {
        let id = turn.session.ok_or_else(|| Error::Internal(format!("turn {} is in flight in no session", turn.id)))?;
        engine.store.read(|c| sessions::get(c, id))
    }

    pub(crate) fn since_sent(&self, engine: &Engine, turn: &Turn) -> i64 {
        let now = engine.store.clock().now();
        turn.sent_at.or(turn.claimed_at).map_or(0, |at| now.waited(at))
    }
}

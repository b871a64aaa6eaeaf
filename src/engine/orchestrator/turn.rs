//! One turn's way: claimed, put to the agent, followed, answered; or given back, where it never arrived.

use crate::base::error::{Error, Result};
use crate::base::faults;
use crate::base::faults::Point;
use crate::domain::notice::Notice;
use crate::domain::orchestrator::session::{Session, SessionState};
use crate::domain::orchestrator::turn::{Turn, TurnOrigin, TurnState};
use crate::domain::run::{FailureCode, Rest};
use crate::domain::time::Time;
use crate::engine::lock;
use crate::engine::orchestrator::driver::{Before, Harvest, Look, NotSent};
use crate::engine::orchestrator::{Engine, Orchestrator, Pace, mono};
use crate::store::notice::notifications;
use crate::store::orchestrator::actions;
use crate::store::orchestrator::actions::ActionsCx;
use crate::store::orchestrator::{sessions, turns};
use crate::store::run::pauses;

/// A turn that was sent and is nowhere, in a session that is ready, was swallowed after so many milliseconds.
const SWALLOWED_MS: i64 = 10_000;
/// Times an agent is asked again to take what stands typed before it.
const ASKED_AGAIN_AT_MOST: u32 = 6;
/// Times a turn may have been sent and never arrived before it fails.
const LOST_AT_MOST: i64 = 2;
/// An interrupt that shows no effect is passed on again after so many milliseconds.
const INTERRUPT_AGAIN_MS: i64 = 3_000;
/// Between two looks at an agent at most so many milliseconds count as waiting.
const LOOKED_MS: i64 = 1_000;
/// The longest between two tries, in milliseconds.
const HELD_MOST_MS: i64 = 2_000;
/// A turn that is not taken for so many milliseconds is told.
const HELD_TELL_MS: i64 = 2 * 60_000;
/// A limit whose reset is not known is tried again after so many milliseconds.
const LIMIT_REST_MS: i64 = 15 * 60_000;
/// After a session did not take a turn it is asked again after so many milliseconds.
const NOT_NOW_MS: i64 = 60;

/// The wait for a turn that was sent and is nowhere though its agent is ready.
#[derive(Debug, Default)]
pub(crate) struct Unheard {
    nonce: String,
    /// The last look (monotonic).
    looked: i64,
    /// For how long the agent was seen ready since it was last asked, in milliseconds. Neither a machine that slept nor a
    /// picture half painted adds to it, and the latter does not take away from it.
    waited: i64,
    /// How often the agent was asked to take it.
    asked: u32,
    /// It did not stand before the agent when that was asked last.
    gone: bool,
}

impl Unheard {
    /// The wait for this turn, after one more look.
    fn at(&mut self, turn: &Turn, now: i64, ready: bool) -> &mut Unheard {
        let nonce = turn.nonce.as_deref().unwrap_or_default();
        if self.nonce != nonce {
            *self = Unheard { nonce: nonce.to_owned(), looked: now, ..Unheard::default() };
        }
        if ready {
            self.waited += (now - self.looked).min(LOOKED_MS);
        }
        self.looked = now;
        self
    }
}

impl Orchestrator {
    /// Takes the next turn to a session that is ready.
    pub(crate) fn offer(&mut self, engine: &Engine, session: &Session) -> Result<Pace> {
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
                Ok(Pace::In(self.hold(engine, &turn, &why)?))
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
                self.not_ready(engine, &session, Look::Dialog(words))?;
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
            Harvest::Nowhere => self.nowhere(engine, &session, turn),
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
            actions::take_answer(tx, &mine, &text, &ActionsCx::of(&*config))?;
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

    fn failed(
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

    fn pass_on_interrupt(&mut self, engine: &Engine, session: &Session, turn: &Turn) -> Result<()> {
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

    /// The agent has not got it. It may be on its way still; where it cannot be any more, it goes back to the queue.
    fn nowhere(&mut self, engine: &Engine, session: &Session, turn: &Turn) -> Result<Pace> {
        let since = self.since_sent(engine, turn);
        if turn.interrupt_wanted {
            // It may arrive yet: what works is asked to leave off all the same.
            self.pass_on_interrupt(engine, session, turn)?;
        }
        let gone = match turn.state {
            TurnState::Claimed => true,
            _ => match self.driver(session.driver).look(engine, session)? {
                Look::Gone(_) => true,
                Look::Ready => self.is_swallowed(engine, session, turn)?,
                other => {
                    self.unheard.at(turn, mono(engine), false);
                    if matches!(other, Look::Dialog(_)) {
                        self.not_ready(engine, session, other)?;
                    }
                    false
                }
            },
        };
        if !gone {
            return Ok(Pace::InFlight(since));
        }
        // Looked at last, after the agent was seen gone: what it wrote before is whole now.
        if self.driver(session.driver).harvest(engine, session, turn)? != Harvest::Nowhere {
            return Ok(Pace::Now);
        }
        self.give_back(engine, session, turn)?;
        Ok(Pace::Now)
    }

    /// The agent is ready and has not got the turn: whether that was swallowed. While it stands typed on its screen it was
    /// not, however slow the agent is: typed a second time it could be taken twice. An agent that does not take it at all is
    /// ended, and with it all that was pressed: then the turn can go out again.
    fn is_swallowed(&mut self, engine: &Engine, session: &Session, turn: &Turn) -> Result<bool> {
        let unheard = self.unheard.at(turn, mono(engine), true);
        if unheard.waited <= SWALLOWED_MS {
            return Ok(false);
        }
        unheard.waited = 0;
        unheard.asked += 1;
        let (asked, was_gone) = (unheard.asked, std::mem::take(&mut unheard.gone));
        let driver = self.driver(session.driver);
        let _typist = lock(&engine.typist);
        if asked > ASKED_AGAIN_AT_MOST {
            tracing::warn!(turn = turn.id.0, "Luci does not take what is typed before her; her program is ended and begun again");
            driver.stop(engine, session)?;
            self.unheard = Unheard::default();
            return Ok(false);
        }
        // It may have been taken a moment ago, and not told yet: only what is gone a second time was swallowed.
        let gone = driver.ask_again(engine, session, turn)? == Before::Nothing;
        self.unheard.gone = gone;
        Ok(gone && was_gone)
    }

    /// A session that does not take a turn is asked again, ever more slowly; how soon. Who looks at the page sees why,
    /// and after a while the owner is told.
    fn hold(&mut self, engine: &Engine, turn: &Turn, why: &str) -> Result<i64> {
        let now = mono(engine);
        let (since, times, _) = self.held.take().unwrap_or((now, 0, String::new()));
        self.held = Some((since, times + 1, why.to_owned()));
        if now - since > HELD_TELL_MS {
            let notice = Notice {
                key: format!("luci-held:{}", turn.id),
                text: format!("Luci does not take a message: {why}. It waits; look at her screen in the console."),
                ..Notice::default()
            };
            engine.store.write(move |tx| notifications::tell(tx, &notice))?;
        }
        Ok((NOT_NOW_MS << times.min(6)).min(HELD_MOST_MS))
    }

    fn give_back(&mut self, engine: &Engine, session: &Session, turn: &Turn) -> Result<()> {
        let now = engine.store.read(|c| turns::get(c, turn.id))?;
        if now.state == TurnState::Sent && now.given_back >= LOST_AT_MOST {
            let why =
                "It was put to Luci's session several times and never arrived. Look at her screen in the console, then retry.";
            return self.failed(engine, session, turn, why.to_owned(), None, (FailureCode::Vanished, None));
        }
        let mine = turn.clone();
        engine.store.write(move |tx| {
            let now = turns::get(tx.conn, mine.id)?;
            turns::give_back(tx, &mine)?;
            if now.interrupt_wanted {
                turns::cancel(tx, mine.id)?;
            }
            Ok(())
        })
    }

    /// The session that has a turn: not always the open one.
    fn session_of(&self, engine: &Engine, turn: &Turn) -> Result<Session> {
        let id = turn.session.ok_or_else(|| Error::Internal(format!("turn {} is in flight in no session", turn.id)))?;
        engine.store.read(|c| sessions::get(c, id))
    }

    fn since_sent(&self, engine: &Engine, turn: &Turn) -> i64 {
        let now = engine.store.clock().now();
        turn.sent_at.or(turn.claimed_at).map_or(0, |at| now.waited(at))
    }
}

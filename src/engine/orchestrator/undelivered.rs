//! A turn that does not get to the agent: not taken now, sent and not seen, given back to the queue.

use crate::base::error::Result;
use crate::domain::notice::Notice;
use crate::domain::orchestrator::session::Session;
use crate::domain::orchestrator::turn::{Turn, TurnState};
use crate::domain::run::FailureCode;
use crate::engine::Engine;
use crate::engine::lock;
use crate::engine::orchestrator::driver::{AgentStatus, Harvest, RetypeOutcome};
use crate::engine::orchestrator::waits::Unheard;
use crate::engine::orchestrator::{Orchestrator, Pace, mono};
use crate::store::notice::notifications;
use crate::store::orchestrator::turns;

/// A turn that was sent and is nowhere, in a session that is ready, was swallowed after so many milliseconds.
const SWALLOWED_MS: i64 = 10_000;
/// Times an agent is asked again to take what stands typed before it.
const ASKED_AGAIN_AT_MOST: u32 = 6;
/// Times a turn may have been sent and never arrived before it fails.
const LOST_AT_MOST: i64 = 2;
/// The longest between two tries, in milliseconds.
const HELD_MOST_MS: i64 = 2_000;
/// A turn that is not taken for so many milliseconds is told.
const HELD_TELL_MS: i64 = 2 * 60_000;
/// After a session did not take a turn it is asked again after so many milliseconds.
const NOT_NOW_MS: i64 = 60;

impl Orchestrator {
    /// The agent has not got it. It may be on its way still; where it cannot be any more, it goes back to the queue.
    pub(crate) fn nowhere(&mut self, engine: &Engine, session: &Session, turn: &Turn) -> Result<Pace> {
        let since = self.since_sent(engine, turn);
        if turn.interrupt_wanted {
            // It may arrive yet: what works is asked to leave off all the same.
            self.pass_on_interrupt(engine, session, turn)?;
        }
        let gone = match turn.state {
            TurnState::Claimed => true,
            _ => match self.driver(session.driver).status(engine, session)? {
                AgentStatus::Gone(_) => true,
                AgentStatus::Ready => self.is_swallowed(engine, session, turn)?,
                other => {
                    self.unheard.at(turn, mono(engine), false);
                    if matches!(other, AgentStatus::Dialog(_)) {
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
        if self.driver(session.driver).harvest(engine, session, turn)? != Harvest::NotSeen {
            return Ok(Pace::Now);
        }
        self.give_back(engine, session, turn)?;
        Ok(Pace::Now)
    }

    /// The agent is ready and has not got the turn: whether that was swallowed. While it stands typed on its screen it was
    /// not, however slow the agent is: typed a second time it could be taken twice. An agent that does not take it at all is
    /// ended, and with it all that was pressed: then the turn can go out again.
    pub(crate) fn is_swallowed(&mut self, engine: &Engine, session: &Session, turn: &Turn) -> Result<bool> {
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
        let gone = driver.ask_again(engine, session, turn)? == RetypeOutcome::Nothing;
        self.unheard.gone = gone;
        Ok(gone && was_gone)
    }

    /// A session that does not take a turn is asked again, ever more slowly; how soon. Who looks at the page sees why,
    /// and after a while the owner is told.
    pub(crate) fn hold_back(&mut self, engine: &Engine, turn: &Turn, why: &str) -> Result<i64> {
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

    pub(crate) fn give_back(&mut self, engine: &Engine, session: &Session, turn: &Turn) -> Result<()> {
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
}

//! Luci's program, played: what it holds in its files outlives it, as a real one's transcript does.

use crate::moment::pass;
use crate::played::{Outside, Stage};
use crate::step::{Deed, one};
use mission_control::base::error::{Error, Result};
use mission_control::domain::orchestrator::session::Session;
use mission_control::domain::orchestrator::turn::{Turn, TurnOrigin};
use mission_control::domain::run::FailureCode;
use mission_control::engine::Engine;
use mission_control::engine::orchestrator::driver::{AgentStatus, ConversationStart, Driver, Harvest, NotSent, RetypeOutcome};
use std::collections::{BTreeMap, BTreeSet};

/// What her program has, and what it is at.
#[derive(Default)]
pub struct Program {
    /// The session whose conversation is open.
    up: Option<i64>,
    coming_up: bool,
    /// The conversation it was last asked to go on with and does not know.
    unknown: Option<String>,
    dialog: bool,
    /// Conversations it knows, by their id.
    known: BTreeSet<String>,
    /// What it works on: the nonce, who asks, and the numbers in the words.
    at: Option<(String, TurnOrigin, Vec<i64>)>,
    /// What became of each turn that reached it, by its nonce.
    files: BTreeMap<String, Harvest>,
    /// Nonces that reached it: never one twice.
    pub reached: BTreeSet<String>,
    /// The nonce of what stands typed before it and was not taken.
    typed: Option<String>,
    tokens: i64,
}

impl Program {
    fn over(&mut self, how: Harvest) {
        if let Some((nonce, ..)) = self.at.take() {
            self.files.insert(nonce, how);
        }
    }

    fn falls(&mut self) {
        self.up = None;
        self.typed = None;
        self.dialog = false;
        self.over(failed(FailureCode::Vanished, "her program ended", false));
    }
}

fn failed(code: FailureCode, why: &str, session_lost: bool) -> Harvest {
    Harvest::Failed { why: why.to_owned(), code, retry_at: None, partial: None, session_lost }
}

impl Outside {
    /// Her program has a turn.
    fn takes(&mut self, nonce: String, turn: &Turn) {
        assert!(self.luci.reached.insert(nonce.clone()), "turn {} came twice under one nonce", turn.id);
        let numbers = turn.message.split('#').skip(1).filter_map(|n| n.split_whitespace().next()?.parse().ok()).collect();
        self.luci.at = Some((nonce, turn.origin, numbers));
    }

    pub fn luci(&mut self, deed: Deed) {
        match deed {
            Deed::Answer => self.luci_answers(),
            Deed::Fail => {
                let code = *one(
                    &mut self.dice,
                    &[
                        FailureCode::RateLimit,
                        FailureCode::AuthFailure,
                        FailureCode::Billing,
                        FailureCode::ServerError,
                        FailureCode::AgentError,
                    ],
                );
                let lost = self.dice.u8(0..6) == 0;
                self.luci.over(if lost {
                    failed(FailureCode::UnknownSession, "No conversation found", true)
                } else {
                    failed(code, "so it goes", false)
                });
            }
            Deed::Dialog => self.luci.dialog = !self.luci.dialog,
            Deed::Die => self.luci.falls(),
            Deed::Forget => self.luci.known.clear(),
        }
    }

    pub fn luci_answers(&mut self) {
        if self.calm {
            self.luci.dialog = false;
        }
        let Some((_, origin, numbers)) = self.luci.at.clone() else { return };
        let first = numbers.first().copied().unwrap_or(1);
        let text = match (if self.calm { 0 } else { self.dice.u32(0..10) }, origin) {
            (0..3, _) => "Noted.".to_owned(),
            (3, _) => block(&format!(r#"{{"kind":"ignore","items":{numbers:?}}}"#)),
            (4, _) => block(&format!(r#"{{"kind":"ignore","items":[{first},999999]}}"#)),
            (5, _) => "```json\n{\"mc_actions\": [{\"kind\":\"ign".to_owned(),
            (6, _) => block(r#"{"kind":"create_ticket","ref":"a","title":"Played","start":true},{"kind":"notify","text":"hi"}"#),
            (7, _) => block(
                r#"{"kind":"create_ticket","ref":"p","title":"Whole"},{"kind":"create_ticket","title":"Part","parent":"p","blocked_by":["p"]}"#,
            ),
            (8, _) => {
                block(&format!(r#"{{"kind":"comment","ticket":"MC-{first}","body":"x"}},{{"kind":"start","ticket":"MC-1"}}"#))
            }
            (_, _) => block(r#"{"kind":"no_such_kind"}"#),
        };
        self.luci.tokens += i64::from(self.dice.u32(100..20_000));
        let tokens = self.luci.tokens;
        let other = self.chance(3).then(|| format!("{:08x}-other", self.dice.u32(..)));
        self.luci.known.extend(other.clone());
        self.luci.over(Harvest::Answered { text, context_tokens: Some(tokens), agent_session: other });
    }
}

fn block(actions: &str) -> String {
    format!("So be it.\n\n```json\n{{\"mc_actions\": [{actions}]}}\n```")
}

/// The way to her program.
#[derive(Clone)]
pub struct PlayedDriver(pub Stage);

impl Driver for PlayedDriver {
    fn start(&self, _: &Engine, session: &Session, how: ConversationStart) -> Result<Option<(i64, i64)>> {
        pass();
        let mut out = self.0.set();
        if out.chance(12) {
            let for_good = out.dice.u8(0..4) == 0;
            return Err(if for_good { Error::Denied("it must not".to_owned()) } else { Error::Busy("not now".to_owned()) });
        }
        let late = out.chance(20);
        let luci = &mut out.luci;
        let id = session.agent_session.clone();
        if luci.up != Some(session.id.0) {
            luci.falls();
            if how == ConversationStart::Resume && !luci.known.contains(&id) {
                // It begins, does not find it, and is gone before anybody looks.
                luci.unknown = Some(id);
                return Ok(None);
            }
            luci.up = Some(session.id.0);
            luci.coming_up = late;
            if how == ConversationStart::Fresh {
                luci.tokens = 0;
            }
            luci.known.insert(id);
        }
        drop(out);
        pass();
        Ok(None)
    }

    fn status(&self, _: &Engine, session: &Session) -> Result<AgentStatus> {
        pass();
        let mut out = self.0.set();
        if out.chance(2) {
            return Err(Error::Busy("it cannot be seen".to_owned()));
        }
        if out.chance(2) {
            out.luci.falls();
        }
        if out.luci.coming_up {
            let still = out.chance(60);
            out.luci.coming_up = still;
        }
        let luci = &out.luci;
        if luci.up != Some(session.id.0) {
            let forgot = luci.unknown.as_ref() == Some(&session.agent_session);
            return Ok(AgentStatus::Gone(forgot.then(|| "No conversation found".to_owned())));
        }
        Ok(match (luci.coming_up, luci.dialog, &luci.at) {
            (true, ..) => AgentStatus::ComingUp,
            (_, true, _) => AgentStatus::Dialog("1. Yes 2. No".to_owned()),
            (_, _, Some(_)) => AgentStatus::Busy,
            (_, _, None) => AgentStatus::Ready,
        })
    }

    fn send(
        &self,
        _: &Engine,
        session: &Session,
        turn: &Turn,
        sending: &mut dyn FnMut() -> Result<()>,
    ) -> std::result::Result<(), NotSent> {
        pass();
        {
            let mut out = self.0.set();
            if out.chance(10) || out.luci.up != Some(session.id.0) || out.luci.at.is_some() || out.luci.dialog {
                return Err(NotSent::NotNow("it is busy".to_owned()));
            }
            if out.chance(3) {
                return Err(NotSent::Never("it cannot be said".to_owned()));
            }
        }
        sending().map_err(|e| NotSent::NotNow(e.to_string()))?;
        pass();
        let mut out = self.0.set();
        if out.chance(12) {
            // Swallowed, or typed only.
            out.luci.typed = out.chance(50).then(|| turn.nonce.clone().unwrap_or_default());
            return Ok(());
        }
        out.luci.typed = None;
        let nonce = turn.nonce.clone().unwrap_or_default();
        out.takes(nonce, turn);
        drop(out);
        pass();
        Ok(())
    }

    fn harvest(&self, _: &Engine, _: &Session, turn: &Turn) -> Result<Harvest> {
        pass();
        let mut out = self.0.set();
        if out.chance(2) {
            return Err(Error::Busy("its files cannot be read".to_owned()));
        }
        let nonce = turn.nonce.clone().unwrap_or_default();
        if let Some(how) = out.luci.files.get(&nonce) {
            return Ok(how.clone());
        }
        Ok(match &out.luci.at {
            Some((at, ..)) if *at == nonce && out.luci.dialog => Harvest::Asks("May I?".to_owned()),
            Some((at, ..)) if *at == nonce => Harvest::Working { activity: None },
            Some(_) | None => Harvest::NotSeen,
        })
    }

    fn ask_again(&self, _: &Engine, _: &Session, turn: &Turn) -> Result<RetypeOutcome> {
        pass();
        let mut out = self.0.set();
        let nonce = turn.nonce.clone().unwrap_or_default();
        if out.luci.typed.as_ref() != Some(&nonce) {
            return Ok(RetypeOutcome::Nothing);
        }
        if turn.interrupt_wanted {
            out.luci.typed = None;
            return Ok(RetypeOutcome::Nothing);
        }
        if out.chance(50) {
            out.luci.typed = None;
            out.takes(nonce, turn);
        }
        Ok(if out.chance(80) { RetypeOutcome::Asked } else { RetypeOutcome::Unclear })
    }

    fn interrupt(&self, _: &Engine, _: &Session, _: &Turn) -> Result<()> {
        pass();
        let mut out = self.0.set();
        if !out.chance(30) {
            out.luci.over(Harvest::Interrupted { partial: Some("I was".to_owned()) });
        }
        Ok(())
    }

    fn stop(&self, _: &Engine, session: &Session) -> Result<()> {
        pass();
        let mut out = self.0.set();
        if out.chance(5) {
            return Err(Error::Busy("something of it is still there".to_owned()));
        }
        if out.luci.up == Some(session.id.0) {
            out.luci.falls();
        }
        Ok(())
    }
}

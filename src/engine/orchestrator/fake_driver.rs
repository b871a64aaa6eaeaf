//! For tests: an orchestrator over a driver that is played, so that it shows every order of events that a real one can.

use super::*;
use crate::base::clock::SystemClock;
use crate::domain::ids::TurnId;
use crate::domain::orchestrator::turn::TurnOrigin;
use crate::domain::run::FailureCode;
use crate::engine::orchestrator::driver::{AgentStatus, ConversationStart, Driver, Harvest, NotSent, RetypeOutcome};
use crate::engine::samples;
use crate::engine::samples::Ahead;
use crate::store::orchestrator::turns::NewTurn;
use std::sync::Mutex;
use std::sync::atomic::AtomicI64;

/// What a played session does when it is asked.
#[derive(Default)]
pub(crate) struct FakeScript {
    pub(crate) looks: VecDeque<AgentStatus>,
    pub(crate) harvests: VecDeque<Harvest>,
    pub(crate) refuse: Option<NotSent>,
    pub(crate) fail_starts: usize,
    pub(crate) sent: Vec<String>,
    pub(crate) starts: Vec<ConversationStart>,
    pub(crate) stops: usize,
    pub(crate) interrupts: usize,
    pub(crate) dies_before_sending: bool,
    pub(crate) before: VecDeque<RetypeOutcome>,
    pub(crate) asked_again: u32,
    /// What each look and each harvest shows while it is set; `Err`: that it fails.
    pub(crate) always: Option<std::result::Result<AgentStatus, String>>,
}

#[derive(Clone, Default)]
pub(crate) struct FakeDriver(Arc<Mutex<FakeScript>>);

impl FakeDriver {
    pub(crate) fn with<T>(&self, f: impl FnOnce(&mut FakeScript) -> T) -> T {
        f(&mut self.0.lock().expect("one test at a time"))
    }
}

impl Driver for FakeDriver {
    fn start(&self, _: &Engine, _: &Session, how: ConversationStart) -> Result<Option<(i64, i64)>> {
        self.with(|p| {
            p.starts.push(how);
            if p.fail_starts > 0 {
                p.fail_starts -= 1;
                return Err(Error::Busy("it does not come up".to_owned()));
            }
            Ok(None)
        })
    }

    fn status(&self, _: &Engine, _: &Session) -> Result<AgentStatus> {
        match self.with(|p| p.always.clone()) {
            Some(shown) => shown.map_err(Error::Busy),
            None => Ok(self.with(|p| p.looks.pop_front().unwrap_or(AgentStatus::Ready))),
        }
    }

    fn send(
        &self,
        _: &Engine,
        _: &Session,
        turn: &Turn,
        sending: &mut dyn FnMut() -> Result<()>,
    ) -> std::result::Result<(), NotSent> {
        if let Some(no) = self.with(|p| p.refuse.take()) {
            return Err(no);
        }
        if self.with(|p| p.dies_before_sending) {
            return Ok(());
        }
        sending().map_err(|e| NotSent::NotNow(e.to_string()))?;
        self.with(|p| p.sent.push(turn.prompt()));
        Ok(())
    }

    fn harvest(&self, _: &Engine, _: &Session, _: &Turn) -> Result<Harvest> {
        match self.with(|p| p.always.clone()) {
            Some(Err(why)) => Err(Error::Busy(why)),
            Some(Ok(AgentStatus::Dialog(words))) => Ok(Harvest::Asks(words)),
            Some(Ok(_)) | None => Ok(self.with(|p| p.harvests.pop_front().unwrap_or(Harvest::Working { activity: None }))),
        }
    }

    fn ask_again(&self, _: &Engine, _: &Session, _: &Turn) -> Result<RetypeOutcome> {
        Ok(self.with(|p| {
            p.asked_again += 1;
            p.before.pop_front().unwrap_or(RetypeOutcome::Nothing)
        }))
    }

    fn interrupt(&self, _: &Engine, _: &Session, _: &Turn) -> Result<()> {
        self.with(|p| p.interrupts += 1);
        Ok(())
    }

    fn stop(&self, _: &Engine, _: &Session) -> Result<()> {
        self.with(|p| p.stops += 1);
        Ok(())
    }
}

pub(crate) struct FakeRig {
    pub(crate) engine: Engine,
    pub(crate) me: Orchestrator,
    pub(crate) play: FakeDriver,
    pub(crate) ahead: Arc<AtomicI64>,
    _dir: tempfile::TempDir,
}

pub(crate) fn fake_rig() -> FakeRig {
    let dir = tempfile::tempdir().expect("a folder");
    let config =
        "[orchestrator]\ndriver = \"headless\"\nsoft_tokens = 70000\nhard_tokens = 90000\n[profiles.other]\nruntime = \"demo\"\n";
    let ahead = Arc::new(AtomicI64::new(0));
    let engine = samples::engine(dir.path(), config, Arc::new(Ahead(SystemClock::new(), ahead.clone())));
    let play = FakeDriver::default();
    let me = Orchestrator::new(Box::new(play.clone()), Box::new(play.clone()));
    FakeRig { engine, me, play, ahead, _dir: dir }
}

impl FakeRig {
    pub(crate) fn say(&self, text: &str, origin: TurnOrigin) -> TurnId {
        let new = NewTurn { origin, author: "Mara".to_owned(), message: text.to_owned(), client_id: None };
        self.engine.store.write(move |tx| turns::send(tx, &new)).expect("queued").id
    }

    pub(crate) fn turn(&self, id: TurnId) -> Turn {
        self.engine.store.read(|c| turns::get(c, id)).expect("there")
    }

    pub(crate) fn session(&self) -> Session {
        self.engine.store.read(sessions::current).expect("read").expect("open")
    }

    pub(crate) fn harvests(&self, list: impl IntoIterator<Item = Harvest>) {
        self.play.with(|p| p.harvests.extend(list));
    }

    /// Steps until a turn is over, or for as long as anything moves.
    pub(crate) fn until(&mut self, what: impl Fn(&FakeRig) -> bool) {
        for _ in 0..200 {
            if what(self) {
                return;
            }
            if let Err(e) = self.me.tick(&self.engine) {
                assert!(matches!(e, Error::Conflict(_)), "{e}");
            }
        }
        panic!("it never came to that");
    }
}

pub(crate) fn answered(text: &str, tokens: i64) -> Harvest {
    Harvest::Answered { text: text.to_owned(), context_tokens: Some(tokens), agent_session: None }
}

pub(crate) fn failed(code: FailureCode, session_lost: bool) -> Harvest {
    Harvest::Failed { why: "so it goes".to_owned(), code, retry_at: None, partial: None, session_lost }
}

pub(crate) fn over(id: TurnId) -> impl Fn(&FakeRig) -> bool {
    move |s| !s.turn(id).state.is_open()
}

//! The tmux driver: the agent's conversation stays open in a terminal that outlives the server. We type a prompt as a
//! person would; whether it was taken and what came of it is told by the agent's hooks and its transcript.

pub(crate) mod launch;
pub(crate) mod observed;
pub(crate) mod session_observer;
pub(crate) mod status;
pub(crate) mod terminal;
pub(crate) mod typing;

pub use crate::engine::orchestrator::tmux_driver::observed::TmuxDriver;

use crate::base::clock::{Deadline, pause};
use crate::base::error::{Error, Result};
use crate::domain::orchestrator::session::{LUCI, Session};
use crate::domain::orchestrator::turn::Turn;
use crate::drivers::supervise::process;
use crate::drivers::supervise::stop;
use crate::drivers::tmux::{Key, Tmux};
use crate::engine::orchestrator::driver::{AgentStatus, ConversationStart, Driver, Harvest, NotSent, RetypeOutcome};
use crate::engine::orchestrator::tmux_driver::observed::remember;
use crate::engine::orchestrator::tmux_driver::status::observe;
use crate::engine::orchestrator::tmux_driver::terminal::{Terminal, ours};
use crate::engine::{Engine, lock};
use std::path::Path;
use std::time::Duration;

/// While a turn is followed the terminal itself is looked at only so often, in milliseconds.
const LOOK_EACH_MS: i64 = 250;
/// What an agent gets to end by itself when its terminal is closed.
const GRACE: Duration = Duration::from_secs(2);

impl Driver for TmuxDriver {
    fn start(&self, engine: &Engine, session: &Session, how: ConversationStart) -> Result<Option<(i64, i64)>> {
        let started = self.bring_up(engine, session, how);
        *lock(&self.observer) = None;
        started
    }

    fn status(&self, engine: &Engine, session: &Session) -> Result<AgentStatus> {
        self.look_now(engine, session)
    }

    fn send(
        &self,
        engine: &Engine,
        session: &Session,
        turn: &Turn,
        sending: &mut dyn FnMut() -> Result<()>,
    ) -> std::result::Result<(), NotSent> {
        self.type_in(engine, session, turn, sending)
    }

    fn harvest(&self, engine: &Engine, session: &Session, turn: &Turn) -> Result<Harvest> {
        let marker = turn.marker();
        if marker.is_empty() {
            return Ok(Harvest::NotSeen);
        }
        self.with_observer(engine, session, |observer| {
            observer.catch_up(session)?;
            let clock = engine.store.clock();
            if let Some(end) = observer.ended(session, &marker, clock.now(), false) {
                return Ok(end);
            }
            let look = match &observer.looked {
                Some((at, look)) if clock.mono_ms() - at < LOOK_EACH_MS => look.clone(),
                _ => {
                    let look = observe(engine, session, observer)?;
                    remember(engine, observer, &look);
                    look
                }
            };
            if matches!(look, AgentStatus::Gone(_)) {
                // Whatever it wrote before its end is there now.
                observer.catch_up(session)?;
                if let Some(end) = observer.ended(session, &marker, clock.now(), true) {
                    return Ok(end);
                }
            }
            Ok(observer.open_turn(session, turn, &look, clock.mono_ms()))
        })
    }

    fn ask_again(&self, engine: &Engine, session: &Session, turn: &Turn) -> Result<RetypeOutcome> {
        typing::enter_again(&Terminal::of(engine, session)?, session, turn)
    }

    fn interrupt(&self, engine: &Engine, session: &Session, _turn: &Turn) -> Result<()> {
        match self.look_now(engine, session)? {
            // In an idle box a second Escape would open a menu.
            AgentStatus::Gone(_) | AgentStatus::ComingUp | AgentStatus::Ready => Ok(()),
            AgentStatus::Busy | AgentStatus::Dialog(_) => Tmux::at(&engine.data.tmux_socket()).keys(LUCI, &[Key::Escape]),
        }
    }

    fn stop(&self, engine: &Engine, session: &Session) -> Result<()> {
        let dir = Path::new(&session.dir);
        let tmux = Tmux::at(&engine.data.tmux_socket());
        // Where tmux itself is broken or gone, the agent can be ended all the same.
        if let Ok(Some(pane)) = tmux.pane(LUCI)
            && (pane.dead || ours(pane.pid, dir))
        {
            let start = process::start_time(pane.pid);
            if let Err(e) = tmux.kill(LUCI) {
                tracing::debug!(error = %e, "the terminal could not be closed");
            }
            let deadline = Deadline::after(GRACE);
            while start.is_some_and(|start| process::is_same(pane.pid, start)) && !deadline.is_over() {
                pause(Duration::from_millis(10));
            }
        }
        *lock(&self.observer) = None;
        if stop::end_marked("MC_SESSION_DIR", dir, Duration::from_millis(500)) {
            Ok(())
        } else {
            Err(Error::Busy("something that the session's agent started cannot be ended".to_owned()))
        }
    }
}

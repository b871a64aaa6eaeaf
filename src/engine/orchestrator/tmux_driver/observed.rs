//! The tmux driver and what it knows of its session: read again only as far as something was added.

use crate::base::error::Result;
use crate::domain::orchestrator::session::Session;
use crate::engine::orchestrator::driver::AgentStatus;
use crate::engine::orchestrator::headless::Environment;
use crate::engine::orchestrator::tmux_driver::session_observer::SessionObserver;
use crate::engine::orchestrator::tmux_driver::status::observe;
use crate::engine::orchestrator::tmux_driver::terminal::live;
use crate::engine::{Engine, lock};
use std::sync::Mutex;

/// The tmux driver.
pub struct TmuxDriver {
    pub(crate) environment: Box<Environment>,
    /// What was read last. Only saves work.
    pub(crate) observer: Mutex<Option<SessionObserver>>,
}

impl TmuxDriver {
    /// A driver; `environment` gives what is added to the agent's environment after its profile's.
    #[must_use]
    pub fn new(environment: Box<Environment>) -> TmuxDriver {
        TmuxDriver { environment, observer: Mutex::new(None) }
    }

    pub(crate) fn with_observer<T>(
        &self,
        engine: &Engine,
        session: &Session,
        act: impl FnOnce(&mut SessionObserver) -> Result<T>,
    ) -> Result<T> {
        let mut held = lock(&self.observer);
        if held.as_ref().is_none_or(|observer| !observer.is_of(session)) {
            *held = None;
        }
        let observer = match &mut *held {
            Some(observer) => observer,
            empty => empty.insert(SessionObserver::open(live(engine, &session.profile)?, session)),
        };
        act(observer)
    }

    /// Whether the agent has a prompt with this marker.
    pub(crate) fn has(&self, engine: &Engine, session: &Session, marker: &str) -> bool {
        let has = self.with_observer(engine, session, |observer| {
            observer.catch_up(session)?;
            Ok(observer.has(marker))
        });
        has.unwrap_or(false)
    }

    /// What was seen of the terminal before is of no use.
    pub(crate) fn forget_looks(&self) {
        if let Some(observer) = lock(&self.observer).as_mut() {
            (observer.looked, observer.ready_since) = (None, None);
        }
    }

    pub(crate) fn look_now(&self, engine: &Engine, session: &Session) -> Result<AgentStatus> {
        self.with_observer(engine, session, |observer| {
            observer.catch_up(session)?;
            let look = observe(engine, session, observer)?;
            remember(engine, observer, &look);
            Ok(look)
        })
    }
}

/// Keeps what was seen of the terminal, and since when it is ready.
pub(crate) fn remember(engine: &Engine, observer: &mut SessionObserver, look: &AgentStatus) {
    let now = engine.store.clock().mono_ms();
    observer.ready_since = if *look == AgentStatus::Ready { observer.ready_since.or(Some(now)) } else { None };
    observer.looked = Some((now, look.clone()));
}

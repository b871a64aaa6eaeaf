//! What keeps Luci from going on and does not end by itself: told to the owner once it has lasted.

use crate::base::error::Result;
use crate::domain::orchestrator::session::Session;
use crate::engine::Engine;
use crate::engine::orchestrator::waits::{Blockage, Stuck};
use crate::engine::orchestrator::{Orchestrator, mono};
use crate::store::notice::notifications;
use crate::store::orchestrator::sessions;

/// What lasts longer is told, in milliseconds.
const TELL_MS: i64 = 2 * 60_000;

impl Orchestrator {
    /// After a step: what keeps her, if anything, and for how long now. Somebody at her keyboard sees a dialog anyway.
    pub(crate) fn report_blockage(&mut self, engine: &Engine, blockage: Option<Blockage>) -> Result<()> {
        let Some(blockage) = blockage else { return self.goes_on(engine) };
        let now = mono(engine);
        let stuck = self.stuck.get_or_insert(Stuck { since: now, told: false, note: None });
        if stuck.told || now - stuck.since <= TELL_MS {
            return Ok(());
        }
        let (session, wanted) = engine.store.read(|c| Ok((sessions::current(c)?, sessions::wanted(c)?)))?;
        let note = match &blockage {
            Blockage::Dialog(_) | Blockage::Busy if wanted.keyboard => return Ok(()),
            Blockage::Dialog(_) | Blockage::Busy => None,
            Blockage::Fault(why) => Some(format!("cannot go on, and tries again: {why}")),
        };
        let said = note.clone();
        engine.store.write(move |tx| {
            // Her last sign of life names the occasion: after a restart of ours it is the same.
            let of = session.as_ref().map_or((0, tx.now), |s: &Session| (s.id.0, s.last_activity_at.unwrap_or(s.created_at)));
            notifications::tell(tx, &blockage.notice(format!("luci-waits:{}:{}", of.0, of.1.0)))?;
            match (session, &said) {
                (Some(session), Some(note)) => sessions::says(tx, session.id, Some(note)),
                (_, _) => Ok(()),
            }
        })?;
        (stuck.told, stuck.note) = (true, note);
        Ok(())
    }

    /// What was said of a blockage that is over does not stay.
    fn goes_on(&mut self, engine: &Engine) -> Result<()> {
        let Some(note) = self.stuck.take().and_then(|stuck| stuck.note) else { return Ok(()) };
        engine.store.write(move |tx| match sessions::current(tx.conn)? {
            Some(session) if session.note.as_ref() == Some(&note) => sessions::says(tx, session.id, None),
            Some(_) | None => Ok(()),
        })
    }
}

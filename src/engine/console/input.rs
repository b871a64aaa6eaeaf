//! What a person types into the session's terminal: lines and keys. A typist at work is not waited for: busy is an answer.

use crate::base::clock::{Deadline, pause};
use crate::base::error::{Error, Result};
use crate::domain::actor::Actor;
use crate::domain::orchestrator::session::Session;
use crate::domain::orchestrator::turn::typed;
use crate::drivers::tmux;
use crate::engine::Engine;
use crate::engine::console::keyboard::{InputPermission, KeyboardOwner};
use crate::engine::console::keys::ConsoleKey;
use crate::engine::console::terminals;
use crate::store::db::audit;
use crate::store::db::idempotency;
use crate::store::db::idempotency::{Answer, Key};
use crate::store::orchestrator::turns;
use std::sync::{MutexGuard, TryLockError};
use std::time::Duration;

/// Bytes of a line that may be typed.
const LINE_MAX: usize = 10_000;
/// How long a program gets to show what a key did before the screen is read again.
const ECHO: Duration = Duration::from_millis(60);
/// How long the page waits for the right to type: a key of somebody else is through by then, a paste that hangs is not.
const TYPIST_WAIT: Duration = Duration::from_millis(100);
/// Between two looks at it.
const TYPIST_LOOK: Duration = Duration::from_millis(5);

/// Types a line as it is and presses Enter. A repeated request types it once. Blocks.
///
/// # Errors
/// Nobody may type now, or the line cannot be typed: why.
pub fn type_line(engine: &Engine, who: &Actor, key: &Key, text: &str) -> Result<()> {
    let line = typed(text).replace('\n', " ");
    if line.trim().is_empty() {
        return Err(Error::field("line", "is empty"));
    }
    if line.len() > LINE_MAX {
        return Err(Error::field("line", format!("is longer than {LINE_MAX} bytes: send it to Luci as a message")));
    }
    let _typist = typist(engine)?;
    let owner = engine.store.read(KeyboardOwner::read)?;
    let session = match owner.permission() {
        InputPermission::Type => terminal_of(engine, owner.session)?,
        InputPermission::Interrupt(_) => return Err(in_flight()),
        InputPermission::Nothing(why) => return Err(Error::Conflict(why.to_owned())),
    };
    if !noted_once(engine, who, key, &session)? {
        return Ok(());
    }
    let pasted = terminals(engine).paste(&session.name, &line);
    if pasted.is_err() {
        let key = key.clone();
        engine.store.write(move |tx| idempotency::forget(tx, &key))?;
        return pasted;
    }
    // It stands in the terminal now: from here on a repeat would double it.
    terminals(engine).keys(&session.name, &[tmux::Key::Enter])?;
    pause(ECHO);
    Ok(())
}

/// Notes a line in the audit; false where this request was here before.
fn noted_once(engine: &Engine, who: &Actor, key: &Key, session: &Session) -> Result<bool> {
    let (who, key, session) = (who.clone(), key.clone(), session.id);
    engine.store.write(move |tx| {
        let mut first = false;
        idempotency::once(tx, &key, || {
            first = true;
            audit::record(tx, who.name(), "console_line", None, &format!("session {session}"))?;
            Ok(Answer { status: 200, body: String::new() })
        })?;
        Ok(first)
    })
}

/// Presses a key; of a turn in flight, what interrupts asks for its end. Blocks.
///
/// # Errors
/// Nobody may type now: why.
pub fn press(engine: &Engine, who: &Actor, key: ConsoleKey) -> Result<()> {
    let action = format!("console_key_{}", key.as_str());
    // To interrupt a turn nothing is typed: that goes while the typist is at work, too.
    if let InputPermission::Interrupt(turn) = engine.store.read(KeyboardOwner::read)?.permission() {
        if !key.interrupts() {
            return Err(in_flight());
        }
        let who = who.clone();
        return engine.store.write(move |tx| {
            turns::cancel(tx, turn)?;
            audit::record(tx, who.name(), &action, None, &format!("turn {turn}"))
        });
    }
    let _typist = typist(engine)?;
    let owner = engine.store.read(KeyboardOwner::read)?;
    match owner.permission() {
        InputPermission::Type => {
            let session = terminal_of(engine, owner.session)?;
            let (who, detail) = (who.clone(), format!("session {}", session.id));
            engine.store.write(move |tx| audit::record(tx, who.name(), &action, None, &detail))?;
            terminals(engine).keys(&session.name, &[key.key()])?;
            pause(ECHO);
            Ok(())
        }
        // A turn went out meanwhile.
        InputPermission::Interrupt(_) => Err(in_flight()),
        InputPermission::Nothing(why) => Err(Error::Conflict(why.to_owned())),
    }
}

/// The right to type, for as long as it is held. Who asks from the page does not wait for a paste that hangs.
fn typist(engine: &Engine) -> Result<MutexGuard<'_, ()>> {
    let deadline = Deadline::after(TYPIST_WAIT);
    loop {
        match engine.typist.try_lock() {
            Ok(held) => return Ok(held),
            Err(TryLockError::Poisoned(held)) => return Ok(held.into_inner()),
            Err(TryLockError::WouldBlock) if deadline.is_over() => {
                return Err(Error::Conflict("a message is being typed to Luci right now: try again in a moment".to_owned()));
            }
            Err(TryLockError::WouldBlock) => pause(TYPIST_LOOK),
        }
    }
}

fn in_flight() -> Error {
    Error::Conflict("a turn is in flight: Luci has the keyboard until it is over".to_owned())
}

/// A session whose terminal takes keys.
fn terminal_of(engine: &Engine, session: Option<Session>) -> Result<Session> {
    let gone = || Error::Conflict("Luci's agent does not run at the moment".to_owned());
    let session = session.ok_or_else(gone)?;
    let pane = terminals(engine).pane(&session.name)?.filter(|p| !p.dead).ok_or_else(gone)?;
    if pane.in_mode {
        terminals(engine).leave_copy_mode(&session.name)?;
    }
    Ok(session)
}

#[cfg(test)]
#[path = "input_tests.rs"]
mod tests;

//! Hears the chats: asks the Bot API for news, and gives each update its effect once.

pub(crate) mod act;
pub(crate) mod words;

use crate::base::clock::pause;
use crate::base::error::{Error, Result};
use crate::base::faults;
use crate::base::faults::Point;
use crate::config::Telegram;
use crate::domain::notice::Notice;
use crate::drivers::telegram::{Bot, Fault, FileRef, Inbound, InboundKind};
use crate::engine::Engine;
use crate::engine::notice::outbox::note_trouble;
use crate::engine::notice::telegram::act::Heard;
use crate::store::notice::{notifications, telegram as link};
use std::sync::Arc;
use std::time::Duration;

/// How long a fault of the way is waited out at most, in milliseconds.
const WAIT_MAX_MS: i64 = 30_000;
/// Tries to fetch a file before its message goes on without it.
const FETCHES: i64 = 3;
/// Two looks apart while waiting, so that an end is not waited for.
const LOOK_MS: u64 = 100;

/// Hears until the engine stops. Blocks, for as long as the Bot API holds a question open: not to be waited for.
pub fn run(engine: &Arc<Engine>) {
    let Some(config) = &engine.config.telegram else { return };
    let token = match &config.token {
        Ok(token) => token.clone(),
        Err(why) => {
            tracing::warn!("Telegram is not connected: {why}");
            return;
        }
    };
    let bot = Bot::new(&config.api_url, token);
    let mut faults: u32 = 0;
    while !engine.is_stopping() {
        let wait = match round(engine, config, &bot) {
            Ok(()) => {
                faults = 0;
                0
            }
            Err(fault) => {
                faults = faults.saturating_add(1);
                if faults == 1 {
                    tracing::warn!(error = %fault, "Telegram is not heard; it is tried again");
                }
                let wait = 1_000_i64.saturating_mul(1 << faults.min(10).saturating_sub(1)).min(WAIT_MAX_MS);
                if let Fault::Slow(ms) = fault { ms.max(wait) } else { wait }
            }
        };
        rest(engine, wait);
    }
}

/// Waits, but not past the end of the engine.
fn rest(engine: &Engine, ms: i64) {
    let until = engine.store.clock().mono_ms() + ms;
    while !engine.is_stopping() && engine.store.clock().mono_ms() < until {
        pause(Duration::from_millis(LOOK_MS));
    }
}

/// Asks for news once, and takes what comes in its order.
fn round(engine: &Engine, config: &Telegram, bot: &Bot) -> std::result::Result<(), Fault> {
    let inside = |e: Error| Fault::Unreachable(format!("our own store: {e}"));
    // The outbox finds out when the token is good again.
    if engine.store.read(link::is_paused).map_err(inside)? {
        rest(engine, 1_000);
        return Ok(());
    }
    let now = engine.store.clock().now();
    let offset = engine.store.read(|c| link::offset(c, bot.id(), now)).map_err(inside)?;
    match bot.updates(offset) {
        Ok(news) => {
            engine.store.write(|tx| link::heard(tx, None)).map_err(inside)?;
            for update in news {
                if engine.is_stopping() {
                    break;
                }
                take(engine, config, bot, update).map_err(inside)?;
            }
            Ok(())
        }
        Err(fault) => {
            // Those who end us need no news of it.
            if !engine.is_stopping() {
                note_trouble(engine, &fault).map_err(inside)?;
            }
            Err(fault)
        }
    }
}

/// Gives one update its effect, in one transaction with the fact that it had it.
fn take(engine: &Engine, config: &Telegram, bot: &Bot, update: Inbound) -> Result<()> {
    let (number, id) = (bot.id(), update.update);
    let Some(chat) = update.chat.filter(|c| config.chats.contains(c)) else {
        return engine
            .store
            .write(move |tx| if link::take(tx, number, id, "stranger")? { link::stranger(tx, update.chat) } else { Ok(()) });
    };
    let file = match &update.what {
        InboundKind::Message(said) => said.file.as_ref().map(|file| keep_file(engine, bot, file)),
        InboundKind::Pressed { .. } | InboundKind::Other => None,
    };
    let callback = match &update.what {
        InboundKind::Pressed { callback, .. } => Some(callback.clone()),
        InboundKind::Message(_) | InboundKind::Other => None,
    };
    let heard = Heard { bot: number, chat, update, file, config: engine.config.clone() };
    engine.config.look_for_projects();
    let done = engine.store.write(move |tx| {
        let word = if link::take(tx, number, id, heard.kind())? { act::act(tx, &heard)? } else { None };
        faults::hit(Point::UpdateActed).map(|()| word)
    });
    let word = match done {
        Ok(word) => word,
        // Not now: the update comes again.
        Err(e @ Error::Busy(_)) => return Err(e),
        Err(e) => {
            let why = told(&e);
            let (words, answered) = (why.clone(), callback.is_some());
            engine.store.write(move |tx| {
                if link::take(tx, number, id, "refused")? && !answered {
                    let text = format!("That did not work: {words}");
                    notifications::answer(
                        tx,
                        chat,
                        &Notice { key: format!("re:{number}:{id}"), text, ..Notice::default() },
                        false,
                    )?;
                }
                Ok(())
            })?;
            Some(why)
        }
    };
    faults::hit(Point::UpdateTaken)?;
    if let Some(callback) = callback {
        // A press that nobody answers stops turning by itself.
        let _late = bot.answer_press(&callback, word.as_deref().unwrap_or("Done already"));
    }
    Ok(())
}

/// An error as somebody in a chat may read it.
fn told(e: &Error) -> String {
    match e {
        Error::Internal(why) => {
            tracing::warn!(error = %why, "an update from Telegram had no effect");
            "something is wrong inside Mission Control; its log says what".to_owned()
        }
        Error::NotFound(_) | Error::Invalid(_) | Error::Conflict(_) | Error::Busy(_) | Error::Denied(_) => e.to_string(),
    }
}

/// Fetches a file and keeps it under the hash of what is in it. A line that names it, or says why it is not there.
fn keep_file(engine: &Engine, bot: &Bot, file: &FileRef) -> String {
    let mut tries = 0;
    let fetched = loop {
        tries += 1;
        match bot.fetch(file) {
            Err(Fault::Unreachable(_) | Fault::Slow(_)) if tries < FETCHES && !engine.is_stopping() => rest(engine, tries * 500),
            other => break other,
        }
    };
    let kept = fetched.map_err(|e| e.to_string()).and_then(|bytes| {
        let path = engine.data.keep(&bytes).map_err(|e| told(&e))?;
        Ok((path, bytes.len()))
    });
    match kept {
        Ok((path, size)) => format!("Attachment: {} ({}), kept as `{}`", file.name, words::size(size), path.display()),
        Err(why) => format!("Attachment: {} did not arrive: {why}", file.name),
    }
}

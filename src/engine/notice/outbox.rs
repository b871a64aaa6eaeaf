//! The outbox: puts notices into the chats, urgent ones first, each at least once, and takes buttons away whose time is
//! over. It alone moves notices on.

use crate::base::doorbell::Topic;
use crate::base::error::Result;
use crate::base::faults;
use crate::base::faults::Point;
use crate::config::Telegram;
use crate::domain::ids::NoticeId;
use crate::domain::notice;
use crate::domain::time::Time;
use crate::drivers::telegram::{Bot, Chats, Fault};
use crate::engine::Engine;
use crate::engine::notice::{answers, deliver};
use crate::store::notice::{notifications, telegram as link};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;

/// A look without a ring.
const IDLE_MS: i64 = 60_000;
/// Buttons that could not be taken away are tried again after so long.
const STALE_MS: i64 = 30_000;
/// The shortest time between two questions whether the token is good.
const ASK_MS: i64 = 2_000;
/// What could not be sent for so long is not sent any more.
const TOO_OLD_MS: i64 = 24 * 3_600_000;
/// Notices of one go; then somebody may want us to stop.
const BATCH: usize = 50;

/// The outbox and what it knows of the way.
pub struct Outbox {
    bot: Option<Box<dyn Chats>>,
    /// Whether Telegram has said since the start that it knows the token.
    known: bool,
    /// On the monotonic clock: not before then is it asked again.
    ask_at: i64,
    /// On the monotonic clock: Telegram asked us to wait until then.
    hold_until: i64,
}

/// Sends until the engine stops. Blocks.
pub fn run(engine: &Arc<Engine>, rt: &Handle) {
    let bell = &engine.store.doorbell;
    let (mut ear, mut luci) = (bell.listen(Topic::Outbox), bell.listen(Topic::Luci));
    let mut outbox = Outbox::new(engine.config.telegram.as_ref());
    while !engine.is_stopping() {
        ear.hush();
        luci.hush();
        let wait = outbox.tick(engine).unwrap_or_else(|e| {
            tracing::warn!(error = %e, "the outbox could not go on; it tries again");
            5_000
        });
        if engine.is_stopping() {
            return;
        }
        let wait = Duration::from_millis(u64::try_from(wait).unwrap_or(1_000));
        rt.block_on(async {
            tokio::select! { _ = ear.wait(wait) => {}, _ = luci.wait(wait) => {} }
        });
    }
}

impl Outbox {
    /// An outbox for this connection, or for none.
    #[must_use]
    pub fn new(config: Option<&Telegram>) -> Outbox {
        let bot = config.and_then(|t| Some(Bot::new(&t.api_url, t.token.clone().ok()?)));
        Outbox::over(bot.map(|bot| Box::new(bot) as Box<dyn Chats>))
    }

    /// An outbox over this way into the chats, or over none.
    #[must_use]
    pub fn over(bot: Option<Box<dyn Chats>>) -> Outbox {
        Outbox { bot, known: false, ask_at: i64::MIN, hold_until: i64::MIN }
    }

    /// One go. Milliseconds until the next one is due without a ring.
    ///
    /// # Errors
    /// The store failed.
    pub fn tick(&mut self, engine: &Engine) -> Result<i64> {
        let Some((bot, config)) = self.bot.as_deref().zip(engine.config.telegram.as_ref()) else {
            return no_way(engine, "Telegram is not configured");
        };
        if config.chats.is_empty() {
            no_way(engine, "no chat is configured")?;
        }
        answers::tell(engine)?;
        let mono = engine.store.clock().mono_ms();
        let paused = engine.store.read(link::is_paused)?;
        if (paused || !self.known) && mono >= self.ask_at {
            self.ask_at = mono + if paused { ASK_MS } else { IDLE_MS };
            self.known = check_token(engine, bot)?;
        }
        if engine.store.read(link::is_paused)? {
            return Ok(IDLE_MS);
        }
        if mono < self.hold_until {
            return Ok(self.hold_until - mono);
        }
        let quiet = quiet(engine, config);
        for _ in 0..BATCH {
            if engine.is_stopping() || !next_step(engine, bot, config, quiet, &mut self.hold_until)? {
                break;
            }
        }
        let wait = if take_stale_buttons(engine, bot)? { IDLE_MS } else { STALE_MS };
        let now = engine.store.clock().now();
        let due = engine.store.read(|c| notifications::next_due(c, quiet))?;
        let held = self.hold_until.saturating_sub(engine.store.clock().mono_ms());
        Ok(due.map_or(wait, |at| at.since(now).max(held).clamp(20, wait)))
    }
}

fn quiet(engine: &Engine, config: &Telegram) -> bool {
    config.quiet.is_some_and(|q| q.holds(engine.store.clock().now()))
}

/// What waits is dropped: nothing can be sent, and a flood of old news on the day it can would help nobody.
fn no_way(engine: &Engine, why: &'static str) -> Result<i64> {
    if engine.store.read(|c| notifications::next_due(c, false))?.is_some() {
        engine.store.write(move |tx| notifications::drop_waiting(tx, why, tx.now))?;
    }
    Ok(IDLE_MS)
}

/// Asks whether the token is good. True once it is known to be.
fn check_token(engine: &Engine, bot: &dyn Chats) -> Result<bool> {
    match bot.me() {
        Ok(name) => {
            engine.store.write(move |tx| link::heard(tx, Some(&name)))?;
            Ok(true)
        }
        Err(fault) => {
            note_trouble(engine, &fault)?;
            Ok(false)
        }
    }
}

/// Keeps what went wrong, for the page. A token that is not known pauses everything.
pub(crate) fn note_trouble(engine: &Engine, fault: &Fault) -> Result<()> {
    let why = fault.to_string();
    let pause = matches!(fault, Fault::Unknown(_))
        .then(|| format!("{why}. Get a new one from @BotFather, put it in the old one's place and start Mission Control again."));
    engine.store.write(move |tx| {
        if let Some(pause) = &pause {
            link::pause(tx, pause)?;
        }
        link::trouble(tx, &why)
    })
}

/// Sends the next notice that is due. False when there is none, or when it is better to wait.
fn next_step(engine: &Engine, bot: &dyn Chats, config: &Telegram, quiet: bool, hold_until: &mut i64) -> Result<bool> {
    // Whatever is marked as being sent now was left so by a crash: nobody else sends.
    if !engine.store.read(notifications::any_waiting)? {
        return Ok(false);
    }
    let chats = config.chats.clone();
    let claimed = engine.store.write(move |tx| {
        notifications::recover(tx)?;
        notifications::drop_waiting(tx, "it could not be sent for a day", tx.now.plus_ms(-TOO_OLD_MS))?;
        notifications::spread(tx, &chats)?;
        notifications::claim(tx, quiet)
    })?;
    let Some(stored) = claimed else { return Ok(false) };
    faults::hit(Point::NoticeClaimed)?;
    let Err(fault) = deliver::deliver(engine, bot, &stored)? else { return Ok(true) };
    let (id, why) = (stored.id, fault.to_string());
    let now = engine.store.clock().now();
    match &fault {
        Fault::Slow(ms) => {
            *hold_until = engine.store.clock().mono_ms() + ms;
            again(engine, id, now.plus_ms(*ms), false, &why)?;
        }
        Fault::Unknown(_) => {
            again(engine, id, now, false, &why)?;
            note_trouble(engine, &fault)?;
        }
        // The way is cut: that says nothing about the notice. It is tried until it is too old.
        Fault::Unreachable(_) | Fault::Elsewhere(_) => {
            again(engine, id, now.plus_ms(notice::backoff_ms(stored.attempts)), true, &why)?;
            note_trouble(engine, &fault)?;
        }
        Fault::Refused(_) | Fault::Forbidden(_) => {
            tracing::warn!(notice = id.0, error = %why, "a notice could not be sent");
            engine.store.write(move |tx| notifications::failed(tx, id, &why))?;
            return Ok(true);
        }
    }
    Ok(false)
}

fn again(engine: &Engine, id: NoticeId, at: Time, counted: bool, why: &str) -> Result<()> {
    let why = why.to_owned();
    engine.store.write(move |tx| notifications::again(tx, id, at, counted, &why))
}

/// Takes buttons away whose time is over. False where some are left for later.
fn take_stale_buttons(engine: &Engine, bot: &dyn Chats) -> Result<bool> {
    for (id, chat, messages) in engine.store.read(|c| notifications::stale(c, 20))? {
        for message in messages {
            match bot.take_buttons(chat, message) {
                // It has none any more, or is too old to be changed: nothing is left to do.
                Ok(()) | Err(Fault::Refused(_) | Fault::Forbidden(_)) => {}
                Err(Fault::Unreachable(_) | Fault::Slow(_) | Fault::Unknown(_) | Fault::Elsewhere(_)) => return Ok(false),
            }
        }
        engine.store.write(move |tx| notifications::buttons_gone(tx, id))?;
    }
    Ok(true)
}

//! Puts one notice into its chat, part by part.

use crate::base::error::Result;
use crate::base::faults;
use crate::base::faults::Point;
use crate::domain::notice;
use crate::domain::notice::{ButtonsState, Stored};
use crate::drivers::telegram::{Chats, Fault, Outgoing};
use crate::engine::Engine;
use crate::store::notice::{notifications, telegram as link};

/// Puts the parts that are not there yet into the chat. Each is written down as soon as it is there.
pub(crate) fn deliver(engine: &Engine, bot: &dyn Chats, s: &Stored) -> Result<std::result::Result<(), Fault>> {
    let chat = s.chat.unwrap_or(0);
    let key = s.notice.key.strip_suffix(&format!("@{chat}")).unwrap_or(&s.notice.key);
    let parts = notice::messages(&with_link(engine, s), key);
    let buttons: Vec<(String, String)> = match s.buttons_state {
        // What comes back is the number of the notice and of its button; what it does stays here.
        ButtonsState::Open => {
            (0..).zip(&s.notice.buttons).map(|(n, b): (usize, _)| (b.label.clone(), format!("{}:{n}", s.id))).collect()
        }
        ButtonsState::Stale | ButtonsState::Gone => Vec::new(),
    };
    let done = usize::try_from(s.parts_sent).unwrap_or(0);
    for (n, part) in parts.iter().enumerate().skip(done.min(parts.len() - 1)) {
        let last = n + 1 == parts.len();
        let styled = notice::html(part, n == 0);
        let out = Outgoing {
            chat,
            text: &styled,
            html: true,
            buttons: if last { &buttons } else { &[] },
            asks_words: last && s.asks_words,
            reply_to: None,
        };
        let sent = match bot.send(&out) {
            // Perhaps it is our styling that it does not like.
            Err(Fault::Refused(_)) => bot.send(&Outgoing { text: part, html: false, ..out }),
            other => other,
        };
        match sent {
            Ok(message) => {
                faults::hit(Point::NoticeSent)?;
                let s = s.clone();
                engine.store.write(move |tx| {
                    link::heard(tx, None)?;
                    notifications::placed(tx, &s, message, last)
                })?;
            }
            Err(fault) => return Ok(Err(fault)),
        }
    }
    Ok(Ok(()))
}

/// The text, and the ticket's address where people have one from outside.
fn with_link(engine: &Engine, s: &Stored) -> String {
    match (&engine.config.base_url, s.notice.ticket) {
        (Some(base), Some(ticket)) if !s.answer => {
            format!("{}\n\n{}/tickets/{ticket}", s.notice.text, base.trim_end_matches('/'))
        }
        (_, _) => s.notice.text.clone(),
    }
}

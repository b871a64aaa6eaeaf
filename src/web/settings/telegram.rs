//! Telegram on the Settings page: how it stands, and a message to try it.

use crate::base::error::{Error, Result};
use crate::base::random;
use crate::config::Config;
use crate::domain::notice::Notice;
use crate::store::notice::{notifications, telegram};
use crate::web::http::form_once::IdOnly;
use crate::web::http::request::{Sent, Visit};
use crate::web::settings::view_telegram::Telegram;
use actix_web::HttpResponse;
use rusqlite::Connection;

/// How the connection stands.
///
/// # Errors
/// The database refused.
pub fn load(conn: &Connection, config: &Config) -> Result<Telegram> {
    let Some(configured) = &config.telegram else { return Ok(Telegram::default()) };
    let (link, outbox) = (telegram::connection(conn)?, notifications::summary(conn)?);
    Ok(Telegram {
        configured: Some(configured.token.as_ref().map(|_| ()).map_err(Clone::clone)),
        chats: configured.chats.len(),
        bot: link.bot_name,
        paused: link.paused,
        error: link.error,
        heard_at: link.heard_at,
        waiting: outbox.waiting,
        last_sent: outbox.last_sent,
        last_failed: outbox.last_failed,
        strangers: link.strangers,
        last_stranger: link.last_stranger,
    })
}

/// `POST /settings/telegram/test`: one message per rendering of the form.
pub async fn test(sent: Sent<IdOnly>) -> HttpResponse {
    let Sent { visit, form } = sent;
    visit.answer(async { send(&visit, form.client_id).await }).await
}

async fn send(visit: &Visit, client_id: String) -> Result<HttpResponse> {
    visit.who.owner()?;
    if visit.app.config.telegram.is_none() {
        return Err(Error::Conflict("Telegram is not configured".to_owned()));
    }
    let which = if client_id.is_empty() { random::uuid() } else { client_id };
    let text = "Mission Control can reach you here.\n\nThis is the test message you asked for.".to_owned();
    let notice = Notice { key: format!("test:{which}"), text, urgent: true, ..Notice::default() };
    visit.app.store.call(move |tx| notifications::tell(tx, &notice)).await?;
    Ok(HttpResponse::SeeOther().insert_header(("Location", "/settings#telegram")).finish())
}

//! What the console sends: keys, lines, who has the keyboard, Start.

use crate::base::error::Error;
use crate::engine::console::keys::ConsoleKey;
use crate::engine::console::{input, keyboard};
use crate::store::db::audit;
use crate::store::orchestrator::sessions;
use crate::web::console::load::{blocking, look};
use crate::web::console::page::shown;
use crate::web::console::view::{line, terminal};
use crate::web::http::request::{Sent, Visit};
use crate::web::ui::stream::partial;
use actix_web::HttpResponse;
use maud::html;
use serde::Deserialize;

/// Take over (`1`) or hand back (`0`).
#[derive(Debug, Deserialize)]
pub struct Keyboard {
    take: String,
}

/// `POST /console/keyboard`
pub async fn keyboard(sent: Sent<Keyboard>) -> HttpResponse {
    let Sent { visit, form } = sent;
    visit
        .answer(async {
            visit.who.owner()?;
            let who = visit.who.actor.clone();
            let take = match form.take.as_str() {
                "1" => true,
                "0" => false,
                _ => return Err(Error::field("take", "is 1 or 0")),
            };
            blocking(
                &visit,
                move |engine| {
                    if take { keyboard::take_keyboard(engine, &who) } else { keyboard::hand_back(engine, &who) }
                },
            )
            .await?;
            shown(&visit).await
        })
        .await
}

/// A key.
#[derive(Debug, Deserialize)]
pub struct Keys {
    key: String,
}

/// `POST /console/keys`. Each request is one press: pressing twice is meant.
pub async fn keys(sent: Sent<Keys>) -> HttpResponse {
    let Sent { visit, form } = sent;
    visit
        .answer(async {
            visit.who.owner()?;
            let key = ConsoleKey::parse(&form.key).ok_or_else(|| Error::field("key", "is unknown"))?;
            let who = visit.who.actor.clone();
            blocking(&visit, move |engine| input::press(engine, &who, key)).await?;
            shown(&visit).await
        })
        .await
}

/// A line.
#[derive(Debug, Deserialize)]
pub struct Line {
    line: String,
    #[serde(default)]
    client_id: String,
}

/// `POST /console/line`
pub async fn type_line(sent: Sent<Line>) -> HttpResponse {
    let Sent { visit, form } = sent;
    visit
        .answer(async {
            visit.who.owner()?;
            let key = visit.form_key("POST /console/line", &form.client_id, &form.line);
            let who = visit.who.actor.clone();
            blocking(&visit, move |engine| input::type_line(engine, &who, &key, &form.line)).await?;
            let term = look(&visit, 0).await?;
            let fragments = html! {
                (partial("#term", "outerMorph", &terminal(&term, visit.cx())))
                // Replaced, not morphed: what was typed has gone.
                (partial("#typing", "outerHTML", &line(&term, true, visit.cx())))
            };
            Ok(visit.done("/console#typing", fragments))
        })
        .await
}

/// `POST /console/start`
pub async fn start(visit: Visit) -> HttpResponse {
    visit
        .answer(async {
            visit.who.owner()?;
            let who = visit.who.actor.clone();
            visit
                .app
                .store
                .call(move |tx| {
                    sessions::want(tx, true)?;
                    audit::record(tx, who.name(), "luci_start", None, "")
                })
                .await?;
            shown(&visit).await
        })
        .await
}

//! The live stream of the inbox.

use crate::base::doorbell::Topic;
use crate::base::error::Result;
use crate::config::Config;
use crate::domain::time::Time;
use crate::web::http::request::{Visit, seed};
use crate::web::inbox::load::load;
use crate::web::inbox::view;
use crate::web::inbox::view::Inbox;
use crate::web::sse::page_stream;
use crate::web::sse::page_stream::{Feed, Piece};
use crate::web::sse::rendered_parts::Shown;
use crate::web::sse::top_bar::TopBar;
use crate::web::ui::Ctx;
use crate::web::ui::shell::reports_badge;
use crate::web::ui::stream::partial;
use actix_web::{HttpRequest, HttpResponse};
use maud::Markup;
use rusqlite::Connection;
use std::sync::Arc;

/// `GET /inbox/stream`
pub async fn get(visit: Visit, req: HttpRequest) -> HttpResponse {
    visit
        .answer(async {
            visit.who.may_read()?;
            let feed = InboxFeed { config: visit.app.config.clone(), shown: Shown::default(), bar: TopBar::default(), sent: 0 };
            Ok(page_stream::stream(&req, &visit.app, &visit.who, Topic::Inbox, feed))
        })
        .await
}

/// One part of the page.
type View = fn(&Inbox, Ctx<'_>) -> Markup;

#[derive(Clone)]
struct InboxFeed {
    config: Arc<Config>,
    shown: Shown,
    bar: TopBar,
    sent: u64,
}

impl Feed for InboxFeed {
    fn next(&mut self, c: &Connection, now: Time) -> Result<Option<Piece>> {
        let config = self.config.clone();
        let inbox = load(c, &config, now, None)?;
        let fresh = seed();
        let cx = Ctx { now, seed: &fresh };
        let parts: [(&str, View); 3] =
            [("#inbox-waiting", view::waiting), ("#inbox-now", view::now), ("#inbox-past", view::past)];
        let mut out = String::new();
        for (target, part) in parts {
            let sent = self.shown.renew(target, cx, |cx| part(&inbox, cx));
            if target == "#inbox-waiting" && !sent.is_empty() {
                out.push_str(&partial("#reports-rail", "outerHTML", &reports_badge(inbox.total)).0);
            }
            out.push_str(&sent);
        }
        out.push_str(&self.bar.look(c, now)?);
        if out.is_empty() {
            return Ok(None);
        }
        self.sent += 1;
        Ok(Some(Piece { id: self.sent.to_string(), html: out, more: false }))
    }
}

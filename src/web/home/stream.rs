//! The live stream of Home: its lists, Luci and the counts, each sent when it changed.

use crate::base::doorbell::Topic;
use crate::base::error::Result;
use crate::config::Config;
use crate::domain::time::Time;
use crate::store::ticket::changes;
use crate::web::home::page::load_home;
use crate::web::home::view;
use crate::web::home::view::Home;
use crate::web::http::request::{Visit, seed};
use crate::web::sse::page_stream;
use crate::web::sse::page_stream::{Feed, Piece};
use crate::web::sse::rendered_parts::Shown;
use crate::web::sse::top_bar::TopBar;
use crate::web::ui::Ctx;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::Markup;
use rusqlite::Connection;
use serde::Deserialize;
use std::sync::Arc;

/// What stands in the stream's address.
#[derive(Debug, Deserialize)]
pub struct Query {
    #[serde(default)]
    since: i64,
}

/// `GET /stream`
pub async fn get(visit: Visit, query: web::Query<Query>, req: HttpRequest) -> HttpResponse {
    visit
        .answer(async {
            visit.who.may_read()?;
            let since = (query.since > 0).then_some(Time(query.since));
            let feed = HomeFeed { config: visit.app.config.clone(), since, shown: Shown::default(), bar: TopBar::default() };
            Ok(page_stream::stream(&req, &visit.app, &visit.who, Topic::Board, feed))
        })
        .await
}

/// One of Home's lists.
type View = fn(&Home, Ctx<'_>) -> Markup;

#[derive(Clone)]
struct HomeFeed {
    config: Arc<Config>,
    since: Option<Time>,
    shown: Shown,
    bar: TopBar,
}

impl Feed for HomeFeed {
    fn next(&mut self, c: &Connection, now: Time) -> Result<Option<Piece>> {
        let config = self.config.clone();
        let home = load_home(c, &config, self.since, now)?;
        let mut out = String::new();
        let fresh = seed();
        let cx = Ctx { now, seed: &fresh };
        let lists: [(&str, View); 4] = [
            ("#needs", view::needs),
            ("#running", view::running),
            ("#since", view::since),
            ("#luci-home", |h, cx| view::luci(&h.luci, cx)),
        ];
        for (target, list) in lists {
            out.push_str(&self.shown.renew(target, cx, |cx| list(&home, cx)));
        }
        out.push_str(&self.bar.look(c, now)?);
        if out.is_empty() {
            return Ok(None);
        }
        Ok(Some(Piece { id: changes::newest(c)?.to_string(), html: out, more: false }))
    }

    fn every(&self) -> Option<std::time::Duration> {
        // What a worker does now changes without a change of its ticket.
        Some(std::time::Duration::from_secs(2))
    }
}

//! The live stream of Home: its lists, Luci and the counts, each sent when it changed.

use crate::base::doorbell::Topic;
use crate::base::error::Result;
use crate::domain::time::Time;
use crate::web::home::known::known_home;
use crate::web::home::view;
use crate::web::home::view::Home;
use crate::web::http::request::{Visit, seed};
use crate::web::http::state::App;
use crate::web::sse::page_stream;
use crate::web::sse::page_stream::{Feed, Piece};
use crate::web::sse::rendered_parts::Shown;
use crate::web::sse::top_bar::TopBar;
use crate::web::ui::Ctx;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::Markup;
use rusqlite::Connection;
use serde::Deserialize;

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
            let feed =
                HomeFeed { app: visit.app.clone(), since, shown: Shown::default(), bar: TopBar::default(), is_still: false };
            Ok(page_stream::stream(&req, &visit.app, &visit.who, Topic::Board, feed))
        })
        .await
}

/// One of Home's lists.
type View = fn(&Home, Ctx<'_>) -> Markup;

#[derive(Clone)]
struct HomeFeed {
    app: web::Data<App>,
    since: Option<Time>,
    shown: Shown,
    bar: TopBar,
    is_still: bool,
}

impl Feed for HomeFeed {
    fn next(&mut self, c: &Connection, now: Time) -> Result<Option<Piece>> {
        let known = known_home(&self.app, c, self.since, now)?;
        self.is_still = known.is_still();
        let home = &known.home;
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
            out.push_str(&self.shown.renew(target, cx, |cx| list(home, cx)));
        }
        out.push_str(&self.bar.look(c, now)?);
        if out.is_empty() {
            return Ok(None);
        }
        Ok(Some(Piece { id: known.cursor.to_string(), html: out, more: false }))
    }

    fn is_still(&self) -> bool {
        self.is_still
    }

    fn every(&self) -> Option<std::time::Duration> {
        // What a worker does now changes without a change of its ticket.
        Some(std::time::Duration::from_secs(2))
    }
}

//! The page of the inbox, its older digests, and its live stream.

use crate::base::doorbell::Topic;
use crate::base::error::Result;
use crate::config::Config;
use crate::domain::inbox::digest::DigestState;
use crate::domain::orchestrator::proposal_block;
use crate::domain::orchestrator::turn::TurnState;
use crate::domain::time::Time;
use crate::store::inbox::digests::Digest;
use crate::store::inbox::{digests, items};
use crate::store::orchestrator::{proposals, turns};
use crate::web::http::request::{Visit, seed};
use crate::web::inbox::view;
use crate::web::inbox::view::{Inbox, NextDigest, Now, Past};
use crate::web::sse::page_stream;
use crate::web::sse::page_stream::{Feed, Piece};
use crate::web::sse::rendered_parts::Shown;
use crate::web::sse::top_bar::TopBar;
use crate::web::ui::Ctx;
use crate::web::ui::shell::{Nav, reports_badge};
use crate::web::ui::stream::partial;
use crate::web::view_models::REPORTS_COUNTED;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::Markup;
use rusqlite::Connection;
use serde::Deserialize;
use std::sync::Arc;

/// Waiting items shown.
const SHOWN: i64 = 20;
/// Digests that are over, on one page.
const DIGESTS: usize = 5;

/// What stands in the page's address.
#[derive(Debug, Deserialize)]
pub struct Query {
    before: Option<i64>,
}

/// `GET /inbox`, and `?before=<digest>` for older ones.
pub async fn get(visit: Visit, query: web::Query<Query>) -> HttpResponse {
    visit
        .answer(async {
            visit.who.may_read()?;
            let (config, now, before) = (visit.app.config.clone(), visit.now, query.before);
            let found = visit.app.store.query(move |c| load(c, &config, now, before)).await?;
            let main = if before.is_some() { view::older(&found, visit.cx()) } else { view::inbox(&found, visit.cx()) };
            Ok(visit.page(Nav::Inbox, "Inbox", Vec::new(), main).await)
        })
        .await
}

/// `GET /inbox/stream`
pub async fn stream(visit: Visit, req: HttpRequest) -> HttpResponse {
    visit
        .answer(async {
            visit.who.may_read()?;
            let feed = InboxFeed { config: visit.app.config.clone(), shown: Shown::default(), bar: TopBar::default(), sent: 0 };
            Ok(page_stream::stream(&req, &visit.app, &visit.who, Topic::Inbox, feed))
        })
        .await
}

fn load(c: &Connection, config: &Config, now: Time, before: Option<i64>) -> Result<Inbox> {
    let open = digests::open(c)?;
    let total = items::waiting_count(c, REPORTS_COUNTED)?;
    let next = match &open {
        _ if total == 0 => NextDigest::Nothing,
        _ if !config.orchestrator.digests => NextDigest::Off,
        Some(digest) => NextDigest::After(digest.number),
        None if !digests::luci_can(c, now)? => NextDigest::LuciCannot,
        None => {
            let every = i64::try_from(config.pickup_every_s.saturating_mul(1_000)).unwrap_or(60_000);
            digests::next_at(c, now, every)?.map_or(NextDigest::Soon, NextDigest::At)
        }
    };
    let mut over = digests::list(c, before, i64::try_from(DIGESTS + 2).unwrap_or(7))?;
    over.retain(|d| d.state != DigestState::Open);
    let more = over.len() > DIGESTS;
    over.truncate(DIGESTS);
    let older = if more { over.last().map(|d| d.number) } else { None };
    let past = over.into_iter().map(|digest| past(c, digest));
    let now = match open {
        None => None,
        Some(digest) => {
            let in_hands = turns::get(c, digest.turn)?.state != TurnState::Pending;
            let items = digests::items(c, digest.turn)?.into_iter().map(|(item, _)| item).collect();
            Some(Now { items, expires_at: digests::expires_at(c, digest.turn)?, in_hands, digest })
        }
    };
    Ok(Inbox { waiting: items::waiting(c, SHOWN)?, total, next, now, past: past.collect::<Result<_>>()?, older })
}

fn past(c: &Connection, digest: Digest) -> Result<Past> {
    let turn = turns::get(c, digest.turn)?;
    let answer = proposal_block::words(turn.response.as_deref().unwrap_or_default()).to_owned();
    Ok(Past { items: digests::items(c, digest.turn)?, answer, proposals: proposals::of_turn(c, digest.turn)?, digest })
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

//! The live stream of the board: changed cards in place, moved cards to their new column, counts at once.

use crate::base::doorbell::Topic;
use crate::base::error::Result;
use crate::config::Config;
use crate::domain::ids::{ChangeId, TicketId};
use crate::domain::ticket::{Status, Ticket};
use crate::domain::time::Time;
use crate::store::run::runs;
use crate::store::ticket::{changes, search, tickets};
use crate::web::board::filter::Filter;
use crate::web::board::kept::moves;
use crate::web::board::load::{cards, count, rows_filter};
use crate::web::board::query::Query;
use crate::web::board::view::{changed as changed_card, count_partials, moved};
use crate::web::http::request::{Visit, seed};
use crate::web::sse::page_stream;
use crate::web::sse::page_stream::{Feed, Piece};
use crate::web::sse::rendered_parts::{STILL, Shown};
use crate::web::sse::top_bar::TopBar;
use crate::web::ui::Ctx;
use crate::web::ui::stream::gone;
use actix_web::{HttpRequest, HttpResponse, web};
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Changes looked at in one go.
const GATHER: i64 = 200;
/// How often the cards of live runs say what their worker does.
const STEPS_EVERY: Duration = Duration::from_secs(3);

/// `GET /board/stream`
pub async fn get(visit: Visit, query: web::Query<Query>, req: HttpRequest) -> HttpResponse {
    visit
        .answer(async {
            visit.who.may_read()?;
            let after = page_stream::cursor(&req).parse().unwrap_or(query.after());
            let feed = BoardFeed {
                config: visit.app.config.clone(),
                filter: query.filter(),
                after: ChangeId(after),
                working: None,
                is_still: false,
                bar: TopBar::default(),
            };
            Ok(page_stream::stream(&req, &visit.app, &visit.who, Topic::Board, feed))
        })
        .await
}

#[derive(Clone)]
struct BoardFeed {
    config: Arc<Config>,
    filter: Filter,
    after: ChangeId,
    /// Cards with a live run as last shown, without seeds. None before the first look.
    working: Option<Shown>,
    /// Whether none of them changes with time alone.
    is_still: bool,
    bar: TopBar,
}

/// What became of one ticket since the last look.
struct Moved {
    /// Columns it left.
    left: Vec<Status>,
    /// True where it is new, changed its column, or may have come under the filter or left it.
    moved: bool,
}

impl Feed for BoardFeed {
    fn next(&mut self, c: &Connection, now: Time) -> Result<Option<Piece>> {
        let found = changes::after(c, self.after, GATHER)?;
        let more = found.len() == usize::try_from(GATHER).unwrap_or(0);
        // Under a filter a ticket that is edited may enter the board or leave it. Its status is no field.
        let narrowed = !Filter { status: None, ..self.filter.clone() }.is_empty();
        let mut by_ticket: BTreeMap<TicketId, Moved> = BTreeMap::new();
        for change in &found {
            self.after = change.id;
            let entry = by_ticket.entry(change.ticket).or_insert(Moved { left: Vec::new(), moved: false });
            entry.moved |= matches!(change.kind.as_str(), "created" | "status") || narrowed && change.kind == "fields";
            entry.left.extend(change.from.as_deref().and_then(|s| s.parse::<Status>().ok()));
        }
        let mut html = if by_ticket.is_empty() { String::new() } else { self.render(c, &by_ticket, now)? };
        html.push_str(&self.steps(c, &by_ticket, now)?);
        html.push_str(&self.bar.look(c, now)?);
        if html.is_empty() {
            return Ok(None);
        }
        Ok(Some(Piece { id: self.after.to_string(), html, more }))
    }

    fn is_still(&self) -> bool {
        self.is_still
    }

    fn every(&self) -> Option<Duration> {
        // What a worker does now changes without a change of its ticket.
        Some(STEPS_EVERY)
    }
}

impl BoardFeed {
    /// Cards of live runs whose worker did something since, where they stand.
    fn steps(&mut self, c: &Connection, told: &BTreeMap<TicketId, Moved>, now: Time) -> Result<String> {
        let mut working = Vec::new();
        for run in runs::live(c)? {
            let t = tickets::get(c, run.ticket)?;
            if t.status == Status::InProgress && self.shows(c, &t)? {
                working.push(t);
            }
        }
        let fresh = seed();
        let mut out = String::new();
        let mut shown = Shown::default();
        self.is_still = true;
        for card in cards(c, &working, &self.config, now)? {
            self.is_still &= !moves(&card);
            let (target, still) = (card.id.to_string(), changed_card(&card, STILL));
            let known = self.working.as_ref().is_none_or(|w| w.has(&target, &still));
            if !known && !told.contains_key(&card.id) {
                out.push_str(&changed_card(&card, Ctx { now, seed: &fresh }).0);
            }
            shown.put(&target, &still);
        }
        self.working = Some(shown);
        Ok(out)
    }

    fn render(&self, c: &Connection, changed: &BTreeMap<TicketId, Moved>, now: Time) -> Result<String> {
        let fresh = seed();
        let cx = Ctx { now, seed: &fresh };
        let mut out = String::new();
        let mut touched: Vec<Status> = Vec::new();
        for (id, became) in changed {
            let t = tickets::get(c, *id)?;
            let found = if self.shows(c, &t)? { cards(c, std::slice::from_ref(&t), &self.config, now)? } else { Vec::new() };
            if became.moved {
                touched.extend(became.left.iter().copied().chain([t.status]));
                if found.is_empty() {
                    out.push_str(&gone(&format!("#card-{}", id.0)).0);
                }
            }
            for card in &found {
                out.push_str(&if became.moved { moved(card, cx) } else { changed_card(card, cx) }.0);
            }
        }
        touched.sort();
        touched.dedup();
        for status in touched {
            out.push_str(&count_partials(status, count(c, &self.filter, status)?).0);
        }
        Ok(out)
    }

    fn shows(&self, c: &Connection, t: &Ticket) -> Result<bool> {
        Ok(self.filter.status.is_none_or(|s| s == t.status) && search::holds(c, &rows_filter(&self.filter, t.status), t)?)
    }
}

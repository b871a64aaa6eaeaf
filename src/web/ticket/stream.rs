//! The live stream of a ticket's page: new events, comments, and whatever else about the ticket changed, as partials.

use crate::base::doorbell::Topic;
use crate::base::error::Result;
use crate::config::Config;
use crate::domain::ids::{ChangeId, TicketId};
use crate::domain::ticket::Ticket;
use crate::domain::time::Time;
use crate::store::run::events;
use crate::store::ticket::{changes, comments, tickets};
use crate::web::http::request::{Visit, seed};
use crate::web::sse::page_stream;
use crate::web::sse::page_stream::{Feed, Piece};
use crate::web::sse::rendered_parts::{STILL, Shown};
use crate::web::sse::top_bar::TopBar;
use crate::web::ticket::address::identifier;
use crate::web::ticket::cursor::Cursor;
use crate::web::ticket::parts::{PANEL, Parts, mark_of, working};
use crate::web::ticket::view_comment::comment;
use crate::web::ticket::{load, view_live as panel};
use crate::web::ui::Ctx;
use crate::web::ui::stream::partial;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use rusqlite::Connection;
use std::sync::Arc;
use std::time::Duration;

/// Events in one message: many at once are cheaper for a browser than one by one.
const GATHER: i64 = 200;

/// While output flows, what a page shows beside its lists is looked at this often, in milliseconds.
const REST_MS: i64 = 500;

/// `GET /tickets/{identifier}/stream?after=<event>.<comment>.<mark>`
pub async fn get(visit: Visit, path: web::Path<String>, req: HttpRequest) -> HttpResponse {
    visit
        .answer(async {
            let id = identifier(&path)?;
            visit.who.ticket(id)?;
            visit.app.store.query(move |c| tickets::exists(c, id)).await?;
            let at = Cursor::parse(&page_stream::cursor(&req));
            let feed = TicketFeed::new(id, visit.app.config.clone(), at, visit.now);
            Ok(page_stream::stream(&req, &visit.app, &visit.who, Topic::Ticket(id), feed))
        })
        .await
}

#[derive(Clone)]
struct TicketFeed {
    id: TicketId,
    config: Arc<Config>,
    at: Cursor,
    shown: Shown,
    bar: TopBar,
    /// The ticket's newest change, and when the rest was looked at last.
    rested: (ChangeId, Time),
    /// The rest may have changed since.
    owes: bool,
}

impl Feed for TicketFeed {
    fn next(&mut self, c: &Connection, now: Time) -> Result<Option<Piece>> {
        let t = tickets::get(c, self.id)?;
        let turned = self.at.mark.starts_with(if working(&t) { 'i' } else { 'w' });
        let new_events = if turned { Vec::new() } else { events::after(c, self.id, self.at.event, None, GATHER)? };
        let new_comments = comments::after(c, self.id, self.at.comment, GATHER)?;
        let full = usize::try_from(GATHER).unwrap_or(0);
        let more = new_events.len() == full || new_comments.len() == full;
        let fresh = seed();
        let cx = Ctx { now, seed: &fresh };
        let mut out = Markup::default();
        if turned {
            let live = load::live(c, &t, i64::MAX, now)?;
            self.at.event = live.events.last().map_or(self.at.event, |e| e.id);
            out.0.push_str(&panel::renewed(&live, cx).0);
            // The panel is right from here on, even where the rest follows in another message.
            self.at.mark = if working(&t) { "w" } else { "i" }.to_owned();
        } else if !new_events.is_empty() {
            self.at.event = new_events.last().map_or(self.at.event, |e| e.id);
            out.0.push_str(&panel::appended(&new_events, cx).0);
        }
        let said_more = !new_comments.is_empty();
        if said_more {
            self.at.comment = new_comments.last().map_or(self.at.comment, |k| k.id);
            let said = load::talk(c, &t, new_comments)?;
            out.0.push_str(&partial("#comments", "beforeend", &html! { @for s in &said { (comment(s, cx)) } }).0);
            let total = comments::count(c, self.id)?;
            out.0.push_str(&partial("#talk-count", "innerHTML", &html! { (total) }).0);
        }
        if !more {
            let newest = changes::newest_of(c, self.id)?;
            // Every line of output rings. All else follows a change at once, and output a little later.
            let long_ago = !(0..REST_MS).contains(&now.since(self.rested.1));
            self.owes = !(long_ago || newest != self.rested.0 || turned || said_more);
            if !self.owes {
                self.rested = (newest, now);
                self.rest(c, &t, cx, &mut out)?;
            }
        }
        if out.0.is_empty() {
            return Ok(None);
        }
        Ok(Some(Piece { id: self.at.to_string(), html: out.0, more }))
    }

    fn every(&self) -> Option<Duration> {
        self.owes.then_some(Duration::from_millis(REST_MS.unsigned_abs()))
    }
}

impl TicketFeed {
    fn new(id: TicketId, config: Arc<Config>, at: Cursor, now: Time) -> TicketFeed {
        TicketFeed { id, config, at, shown: Shown::default(), bar: TopBar::default(), rested: (ChangeId(-1), now), owes: false }
    }

    /// Top bar, head, question, reply box, facts, panel and message marks, each only where it changed.
    fn rest(&mut self, c: &Connection, t: &Ticket, cx: Ctx<'_>, out: &mut Markup) -> Result<()> {
        let parts = Parts::load(c, t, &self.config, cx.now)?;
        let plain = parts.all(STILL);
        let mark = mark_of(t, &plain);
        // On the first look the page's own mark says whether it shows all this already. Of the panel it says nothing.
        let shows_all = self.shown.is_empty() && self.at.mark == mark;
        let is_new = |(target, still): &(String, Markup)| {
            if shows_all { PANEL.contains(&target.as_str()) } else { !self.shown.has(target, still) }
        };
        let changed: Vec<usize> = (0..plain.len()).filter(|i| is_new(&plain[*i])).collect();
        if !changed.is_empty() {
            let fresh = parts.all(cx);
            for i in changed {
                out.0.push_str(&partial(&fresh[i].0, "outerMorph", &fresh[i].1).0);
            }
        }
        for (target, still) in &plain {
            self.shown.put(target, still);
        }
        self.at.mark = mark;
        out.0.push_str(&self.bar.look(c, cx.now)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::SystemClock;
    use crate::config::Flags;
    use crate::domain::actor::Actor;
    use crate::domain::ids::{CommentId, EventId};
    use crate::domain::ticket::Title;
    use crate::store::Store;
    use crate::store::orchestrator::sessions;
    use crate::store::ticket::tickets::NewTicket;
    use crate::web::ticket::parts::mark;

    #[test]
    fn a_page_that_was_away_is_told_at_once_how_its_panel_and_luci_stand_now() {
        let dir = tempfile::tempdir().expect("a folder");
        let store = Store::open(&dir.path().join("mc.db"), Arc::new(SystemClock::new())).expect("a store");
        let flags = Flags { data: Some(dir.path().into()), ..Flags::default() };
        let config = Arc::new(Config::load(&flags, &|_| None, &|_| None).expect("good"));
        let new = NewTicket::titled(Title::stored("Look away".to_owned()));
        let id = store.write(move |tx| tickets::create(tx, &new, &Actor::System)).expect("made").id;
        let now = store.clock().now();
        let mark = store.read(|c| mark(c, &tickets::get(c, id)?, &config, now)).expect("readable");
        let at = Cursor { event: EventId(0), comment: CommentId(0), mark };
        let mut feed = TicketFeed::new(id, config, at, now);

        store.write(|tx| sessions::want(tx, false)).expect("stopped");
        let first = store.read(|c| feed.next(c, now)).expect("readable").expect("a message").html;
        assert!(first.contains("is stopped"), "{first}");
        let told = |target: &str| first.contains(&format!("hx-target=\"{target}\""));
        assert!(["#luci-is", "#live-state", "#live-foot", "#strip"].into_iter().all(told), "{first}");
        assert!(!told("#head") && !told("#facts"), "the mark says that the page shows these: {first}");
        let later = now.plus_ms(REST_MS);
        assert!(store.read(|c| feed.next(c, later)).expect("readable").is_none(), "once is enough");
    }
}

//! The live stream of a ticket's page: new events, comments, and whatever else about the ticket changed, as partials.

use super::load;
use super::ticket::identifier;
use super::visit::{Visit, seed};
use crate::config::Config;
use crate::domain::ids::{CommentId, EventId, TicketId};
use crate::domain::message::MessageState;
use crate::domain::ticket::{Status, Ticket};
use crate::domain::time::Time;
use crate::doorbell::Topic;
use crate::error::Result;
use crate::store::{comments, events, evidence, messages, runs, tickets};
use crate::web::live::{self, Feed, Piece};
use crate::web::ui::Ctx;
use crate::web::ui::stream::partial;
use crate::web::views::comment::{comment, delivery};
use crate::web::views::live as panel;
use crate::web::views::{ticket as view, ticket_head, ticket_side};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Events in one message: many at once are cheaper for a browser than one by one.
const GATHER: i64 = 100;

/// `GET /tickets/{identifier}/stream?after=<event>.<comment>`
pub async fn get(visit: Visit, path: web::Path<String>, req: HttpRequest) -> HttpResponse {
    visit
        .answer(async {
            let id = identifier(&path)?;
            visit.who.ticket(id)?;
            visit.app.store.query(move |c| tickets::exists(c, id)).await?;
            let after = live::cursor(&req);
            let (event, comment) = after.split_once('.').unwrap_or((&after, "0"));
            let feed = TicketFeed {
                id,
                config: visit.app.config.clone(),
                event: EventId(event.parse().unwrap_or(0)),
                comment: CommentId(comment.parse().unwrap_or(0)),
                shown: BTreeMap::new(),
                panel: None,
                first: true,
            };
            live::stream(&req, &visit.app, Topic::Ticket(id), feed)
        })
        .await
}

struct TicketFeed {
    id: TicketId,
    config: Arc<Config>,
    event: EventId,
    comment: CommentId,
    /// What was last sent for each target, without seeds: what has not changed is not sent again.
    shown: BTreeMap<&'static str, String>,
    /// Whether the ticket was in progress at the last look: the panel opens and folds with it.
    panel: Option<bool>,
    first: bool,
}

impl Feed for TicketFeed {
    fn next(&mut self, c: &Connection, now: Time) -> Result<Option<Piece>> {
        let t = tickets::get(c, self.id)?;
        let working = t.status == Status::InProgress;
        let turned = self.panel.replace(working).is_some_and(|before| before != working);
        let new_events = if turned { Vec::new() } else { events::after(c, self.id, self.event, None, GATHER)? };
        let new_comments = comments::after(c, self.id, self.comment, GATHER)?;
        let more = new_events.len() == usize::try_from(GATHER).unwrap_or(0);
        let fresh = seed();
        let cx = Ctx { now, seed: &fresh };
        let mut out = Markup::default();
        if turned {
            let live = load::live(c, &t, i64::MAX, now)?;
            self.event = live.events.last().map_or(self.event, |e| e.id);
            out.0.push_str(&panel::renewed(&live, cx).0);
        } else if !new_events.is_empty() {
            self.event = new_events.last().map_or(self.event, |e| e.id);
            out.0.push_str(&panel::new_events(&load::live_of(c, &t, new_events, now)?, cx).0);
        }
        if !new_comments.is_empty() {
            self.comment = new_comments.last().map_or(self.comment, |k| k.id);
            let said = load::talk(c, &t, new_comments)?;
            out.0.push_str(&partial("#comments", "beforeend", &html! { @for s in &said { (comment(s, cx)) } }).0);
            let total = comments::count(c, self.id)?;
            out.0.push_str(&partial("#talk-count", "innerHTML", &html! { (total) }).0);
        }
        if !more {
            self.rest(c, &t, now, &mut out)?;
        }
        self.first = false;
        if out.0.is_empty() {
            return Ok(None);
        }
        Ok(Some(Piece { id: format!("{}.{}", self.event, self.comment), html: out.0, more }))
    }
}

impl TicketFeed {
    /// Head, question, reply box, facts, panel and message marks, each only where it changed.
    fn rest(&mut self, c: &Connection, t: &Ticket, now: Time, out: &mut Markup) -> Result<()> {
        let config = self.config.clone();
        let head = load::head(c, t, &config, now)?;
        let lit = load::lit(c, t)?;
        let attempts = runs::of_ticket(c, t.id, 50)?;
        let shown = evidence::of_ticket(c, t.id, 100)?;
        self.send("#head", out, now, |cx| ticket_head::ticket_head(&head, cx));
        self.send("#asks", out, now, |cx| view::asks(lit.as_ref(), cx));
        self.send("#reply", out, now, |cx| view::reply(&head, "", &[], cx));
        self.send("#description", out, now, |cx| view::description(&head, cx));
        self.send("#facts", out, now, |cx| ticket_side::facts(&head, &attempts, &shown, cx));
        let live = load::live_of(c, t, events::window(c, t.id, i64::MAX, 20)?, now)?;
        self.send("#live-state", out, now, |cx| panel::live_state(&live, cx));
        self.send("#live-foot", out, now, |cx| panel::live_foot(&live, cx));
        self.send("#strip", out, now, |cx| panel::strip(&live, cx));
        for m in messages::of_ticket(c, t.id, 20)? {
            // Marks of delivered messages stay as they are: they were sent when they changed.
            if m.state != MessageState::Delivered || !self.first {
                let fresh = seed();
                let mark = delivery(&m, Ctx { now, seed: &fresh });
                let target = format!("#m-{}", m.id);
                if self.changed_message(&target, &mark.0) {
                    out.0.push_str(&partial(&target, "outerMorph", &mark).0);
                }
            }
        }
        Ok(())
    }

    fn send(&mut self, target: &'static str, out: &mut Markup, now: Time, view: impl Fn(Ctx<'_>) -> Markup) {
        // Compared without its seed and at a fixed moment, or it would differ each time.
        let still = Ctx { now: Time(0), seed: "" };
        let plain = view(still).0;
        if self.shown.get(target) == Some(&plain) {
            return;
        }
        let known = self.shown.insert(target, plain).is_some();
        // The first look only learns what the page shows already; a reconnect sends all of it once.
        if known || !self.first || self.event.0 == 0 {
            let fresh = seed();
            out.0.push_str(&partial(target, "outerMorph", &view(Ctx { now, seed: &fresh })).0);
        }
    }

    fn changed_message(&mut self, target: &str, mark: &str) -> bool {
        let key = "messages";
        let line = format!("{target}={mark};");
        let seen = self.shown.entry(key).or_default();
        if seen.contains(&line) {
            return false;
        }
        seen.push_str(&line);
        !self.first
    }
}

//! The live stream of the conversation: new turns below the last one, once; changed turns in place; what stands around
//! them where it changed.

use crate::base::doorbell::Topic;
use crate::base::error::Result;
use crate::config::Config;
use crate::domain::ids::TurnId;
use crate::domain::time::Time;
use crate::store::orchestrator::turns;
use crate::web::http::request::{Visit, seed};
use crate::web::orchestrator::load;
use crate::web::orchestrator::view::tail;
use crate::web::orchestrator::view_side::{line, queue, side, state};
use crate::web::orchestrator::view_turn::{appended, renewed};
use crate::web::sse::page_stream;
use crate::web::sse::page_stream::{Feed, Piece};
use crate::web::sse::rendered_parts::Shown;
use crate::web::sse::top_bar::TopBar;
use crate::web::ui::Ctx;
use actix_web::{HttpRequest, HttpResponse};
use rusqlite::Connection;
use std::sync::Arc;
use std::time::Duration;

/// Changed turns looked at in one go.
const GATHER: i64 = 40;

/// Where a page stands: the conversation's last change it shows, and its last turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The last change shown.
    pub change: i64,
    /// The last turn shown.
    pub last: TurnId,
}

impl Cursor {
    fn parse(text: &str) -> Cursor {
        let mut parts = text.splitn(2, '.').map(|n| n.parse().unwrap_or(0));
        Cursor { change: parts.next().unwrap_or(0), last: TurnId(parts.next().unwrap_or(0)) }
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.change, self.last)
    }
}

/// `GET /luci/stream?after=<change>.<turn>`
pub async fn get(visit: Visit, req: HttpRequest) -> HttpResponse {
    visit
        .answer(async {
            visit.who.may_read()?;
            let at = Cursor::parse(&page_stream::cursor(&req));
            let feed =
                LuciFeed { config: visit.app.config.clone(), at, looked: None, shown: Shown::default(), bar: TopBar::default() };
            Ok(page_stream::stream(&req, &visit.app, &visit.who, Topic::Luci, feed))
        })
        .await
}

#[derive(Clone)]
struct LuciFeed {
    config: Arc<Config>,
    at: Cursor,
    /// The change at the last look around; none before the first.
    looked: Option<i64>,
    /// What the page shows around the turns, without seeds.
    shown: Shown,
    bar: TopBar,
}

impl Feed for LuciFeed {
    fn next(&mut self, c: &Connection, now: Time) -> Result<Option<Piece>> {
        let newest = turns::newest_change(c)?;
        let fresh = seed();
        let cx = Ctx { now, seed: &fresh };
        let mut out = String::new();
        let mut more = false;
        if newest != self.at.change {
            more = self.turns(c, newest, cx, &mut out)?;
        }
        if !more {
            self.around(c, newest, cx, &mut out)?;
        }
        if out.is_empty() {
            return Ok(None);
        }
        Ok(Some(Piece { id: self.at.to_string(), html: out, more }))
    }

    fn every(&self) -> Option<Duration> {
        // The count of what waits for a person changes without a word in the conversation.
        Some(Duration::from_secs(2))
    }
}

impl LuciFeed {
    /// New and changed turns. True where there are more of them.
    fn turns(&mut self, c: &Connection, newest: i64, cx: Ctx<'_>, out: &mut String) -> Result<bool> {
        // One new turn a message: the place of the next is found only once this one is on the page.
        let mut new = turns::shown_after(c, self.at.last, 2)?;
        let more_new = new.len() > 1;
        new.truncate(1);
        let before = self.at.last;
        for s in load::shown(c, new, false)? {
            let id = s.turn.id;
            out.push_str(&appended(self.at.last, &s, cx).0);
            // The answer to its sending may have put it there already, as it stood then.
            out.push_str(&renewed(&s, cx).0);
            self.at.last = id;
        }
        if more_new {
            return Ok(true);
        }
        let full = usize::try_from(GATHER).unwrap_or(0);
        let changed = turns::changed(c, self.at.change, GATHER)?;
        let more = changed.len() == full;
        self.at.change = if more { changed.last().map_or(newest, |t| t.change) } else { newest };
        for t in changed.into_iter().filter(|t| t.id <= before) {
            out.push_str(&renewed(&load::one(c, t.id)?, cx).0);
        }
        Ok(more)
    }

    fn around(&mut self, c: &Connection, newest: i64, cx: Ctx<'_>, out: &mut String) -> Result<()> {
        out.push_str(&self.bar.look(c, cx.now)?);
        if self.looked.replace(newest) == Some(newest) {
            return Ok(());
        }
        let s = load::side(c, &self.config)?;
        let begun = load::tail(&s, turns::latest(c)?.as_ref());
        let shown = &mut self.shown;
        out.push_str(&shown.renew("#luci-line", cx, |cx| line(&s, cx)));
        out.push_str(&shown.renew("#luci-tail", cx, |cx| tail(begun.as_ref(), cx)));
        out.push_str(&shown.renew("#luci-state", cx, |cx| state(&s, cx)));
        out.push_str(&shown.renew("#luci-queue", cx, |cx| queue(&s, cx)));
        out.push_str(&shown.renew("#luci-side", cx, |cx| side(&s, cx)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_nonsense_is_the_beginning() {
        let at = Cursor { change: 43, last: TurnId(7) };
        assert_eq!(Cursor::parse(&at.to_string()), at);
        for text in ["", "x", ".", "99999999999999999999.1x"] {
            assert_eq!(Cursor::parse(text), Cursor { change: 0, last: TurnId(0) }, "{text}");
        }
    }
}

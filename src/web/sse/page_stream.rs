//! Live pages: streams whose messages are unnamed, carry an id, and hold HTML that says where it belongs.

use crate::base::clock::Clock;
use crate::base::doorbell::Topic;
use crate::base::error::Result;
use crate::domain::time::Time;
use crate::web::http::auth::Principal;
use crate::web::http::state::App;
use crate::web::sse::event_stream;
use crate::web::sse::event_stream::Source;
use actix_web::{HttpRequest, HttpResponse, web};
use actix_web_lab::sse;
use rusqlite::Connection;
use std::sync::Arc;
use std::time::Duration;

/// A browser takes one message of ten rows far more easily than ten messages, and nobody reads faster than this.
const APART_MS: i64 = 100;

/// What a page's stream sends, read after its own cursor.
pub trait Feed: Clone + Send + Sync + 'static {
    /// The next message, if there is one. Moves the cursor.
    ///
    /// # Errors
    /// The store failed: it is asked again later, from the same cursor.
    fn next(&mut self, c: &Connection, now: Time) -> Result<Option<Piece>>;

    /// Looks after so long even if nothing rang; none for the usual fallback.
    fn every(&self) -> Option<Duration> {
        None
    }

    /// Whether what it last read changes only with a commit, and not with time: such a look needs no read.
    fn is_still(&self) -> bool {
        false
    }
}

/// A message.
pub struct Piece {
    /// The cursor after it.
    pub id: String,
    /// Partials.
    pub html: String,
    /// There is more to read at once.
    pub more: bool,
}

/// Where a stream goes on: `Last-Event-ID` wins over `?after=`, for a reconnect keeps the old address.
#[must_use]
pub fn cursor(req: &HttpRequest) -> String {
    if let Some(id) = req.headers().get("Last-Event-ID").and_then(|v| v.to_str().ok())
        && !id.is_empty()
    {
        return id.to_owned();
    }
    let query = web::Query::<std::collections::BTreeMap<String, String>>::from_query(req.query_string());
    query.ok().and_then(|q| q.get("after").cloned()).unwrap_or_default()
}

/// Opens a page's stream.
#[must_use]
pub fn stream(req: &HttpRequest, app: &web::Data<App>, who: &Principal, topic: Topic, feed: impl Feed) -> HttpResponse {
    let source = Page { feed, clock: app.store.clock().clone() };
    event_stream::open(app, req, who.clone(), topic, source).unwrap_or_else(|problem| problem.response())
}

#[derive(Clone)]
struct Page<F> {
    feed: F,
    clock: Arc<dyn Clock>,
}

impl<F: Feed> Source for Page<F> {
    fn read(&mut self, conn: &Connection) -> Result<(Vec<sse::Data>, bool)> {
        let found = self.feed.next(conn, self.clock.now())?;
        Ok(match found {
            Some(piece) => (vec![sse::Data::new(piece.html).id(piece.id)], piece.more),
            None => (Vec::new(), false),
        })
    }

    fn every(&self) -> Option<Duration> {
        self.feed.every()
    }

    fn is_still(&self) -> bool {
        self.feed.is_still()
    }

    fn apart_ms(&self) -> i64 {
        APART_MS
    }
}

//! Live streams of HTML: listen to the doorbell first, read after the cursor second, look by yourself as a fallback.
//! What is sent are unnamed messages with an id, whose HTML says where it belongs.

use super::state::App;
use crate::domain::time::Time;
use crate::doorbell::{Ear, Topic};
use crate::error::{Error, Result};
use actix_web::http::ConnectionType;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, Responder, web};
use actix_web_lab::sse;
use futures_util::stream;
use rusqlite::Connection;
use std::convert::Infallible;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The page knows by this that the stream lives.
const PING_EVERY_MS: i64 = 15_000;
/// Looks by itself after so long without a ring.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Between two messages there is at least so much time, in milliseconds: under load many rings become one message, while
/// a lone ring is answered at once.
const GATHER_MS: i64 = 20;
/// Open streams, over all users.
pub const MOST_STREAMS: usize = 5_000;

/// What a stream sends, read after its own cursor.
pub trait Feed: Send + 'static {
    /// The next message, if there is one. Moves the cursor.
    ///
    /// # Errors
    /// The store failed; the stream ends and the browser comes back with its cursor.
    fn next(&mut self, c: &Connection, now: Time) -> Result<Option<Piece>>;

    /// Looks after so long even if nothing rang; none for the usual fallback.
    fn every(&self) -> Option<Duration> {
        None
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

/// A place among the open streams; given back when the stream ends, however it ends.
struct Seat(web::Data<App>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Open<F> {
    feed: Option<F>,
    ear: Ear,
    seat: Seat,
    closing: tokio::sync::watch::Receiver<bool>,
    pinged_ms: i64,
    sent_ms: i64,
    look_now: bool,
}

/// Opens a stream.
///
/// # Errors
/// Too many are open.
pub fn stream<F: Feed>(req: &HttpRequest, app: &web::Data<App>, topic: Topic, feed: F) -> Result<HttpResponse> {
    if app.streams.fetch_add(1, Ordering::Relaxed) >= MOST_STREAMS {
        app.streams.fetch_sub(1, Ordering::Relaxed);
        return Err(Error::Busy("too many live pages are open".to_owned()));
    }
    let open = Open {
        feed: Some(feed),
        ear: app.store.doorbell.listen(topic),
        seat: Seat(app.clone()),
        closing: app.closing.clone(),
        pinged_ms: app.store.clock().mono_ms(),
        sent_ms: i64::MIN / 2,
        look_now: true,
    };
    let events = stream::unfold(open, |mut open| async move {
        let event = open.next().await?;
        Some((Ok::<_, Infallible>(event), open))
    });
    let mut answer = sse::Sse::from_stream(events).respond_to(req).map_into_boxed_body();
    // A connection that outlived its stream would hold the server up when it is to end.
    answer.head_mut().set_connection_type(ConnectionType::Close);
    answer.headers_mut().insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(answer)
}

impl<F: Feed> Open<F> {
    async fn next(&mut self) -> Option<sse::Event> {
        loop {
            if *self.closing.borrow() {
                return None;
            }
            if self.look_now {
                self.look_now = false;
                self.ear.hush();
                match self.look().await {
                    Ok(Some(piece)) => {
                        self.look_now = piece.more;
                        self.sent_ms = self.seat.0.store.clock().mono_ms();
                        return Some(sse::Event::Data(sse::Data::new(piece.html).id(piece.id)));
                    }
                    Ok(None) => {}
                    // The browser comes back with its cursor and finds everything.
                    Err(e) => {
                        tracing::warn!(error = %e, "a live stream ended");
                        return None;
                    }
                }
            }
            let now = self.seat.0.store.clock().mono_ms();
            if now - self.pinged_ms >= PING_EVERY_MS {
                self.pinged_ms = now;
                return Some(sse::Event::Data(sse::Data::new("1").event("ping")));
            }
            self.wait(now).await;
        }
    }

    async fn wait(&mut self, now: i64) {
        let to_ping = u64::try_from(PING_EVERY_MS - (now - self.pinged_ms)).unwrap_or(0);
        let every = self.feed.as_ref().and_then(Feed::every);
        let look = every.unwrap_or(LOOK_EVERY);
        let timeout = look.min(Duration::from_millis(to_ping.max(1)));
        let mut closing = self.closing.clone();
        let rang = tokio::select! {
            rang = self.ear.wait(timeout) => rang,
            _ = closing.changed() => false,
        };
        let early = self.sent_ms + GATHER_MS - self.seat.0.store.clock().mono_ms();
        if rang && early > 0 {
            let _ = tokio::time::timeout(Duration::from_millis(early.unsigned_abs()), closing.changed()).await;
        }
        self.look_now = rang || timeout == look;
    }

    async fn look(&mut self) -> Result<Option<Piece>> {
        let Some(mut feed) = self.feed.take() else { return Ok(None) };
        let store = self.seat.0.store.clone();
        let now = store.clock().now();
        let (feed, found) = tokio::task::spawn_blocking(move || {
            let found = store.read(|c| feed.next(c, now));
            (feed, found)
        })
        .await
        .map_err(|e| Error::Internal(format!("a read was cut off: {e}")))?;
        self.feed = Some(feed);
        found
    }
}

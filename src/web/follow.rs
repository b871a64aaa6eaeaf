//! Streams of events: read what is after the cursor, send it, wait for the doorbell, read again. A page load, a live
//! update and a reconnect are one and the same read.

use crate::doorbell::Topic;
use crate::error::{Error, Result};
use crate::web::guard::Principal;
use crate::web::problem::Problem;
use crate::web::state::App;
use actix_web::http::{ConnectionType, StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, Responder, web};
use actix_web_lab::sse::{self, Sse};
use rusqlite::Connection;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::mpsc;

/// Open streams at once, over all users.
pub const MOST: usize = 5_000;
/// A sign of life that the other side can see, in milliseconds.
const PING_MS: i64 = 15_000;
/// Looked at even if nothing rang.
const POLL_MS: i64 = 10_000;
/// Under load, rings are gathered for so long; a lone one is answered at once.
const GATHER_MS: i64 = 20;
/// A reader that takes nothing for so long is let go: it comes back with its cursor.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a stream shows. It carries its own cursor; a copy is kept, so that a read that failed is simply done again.
pub trait Source: Clone + Send + 'static {
    /// What is new since the last read, and whether there is more of it already.
    ///
    /// # Errors
    /// The database refused: it is asked again later.
    fn read(&mut self, conn: &Connection) -> Result<(Vec<sse::Data>, bool)>;

    /// Looks after so long even if nothing rang; none for the usual fallback.
    fn every(&self) -> Option<Duration> {
        None
    }

    /// How far apart two messages are at least; what rings meanwhile is gathered. A lone ring is answered at once.
    fn apart_ms(&self) -> i64 {
        GATHER_MS
    }

    /// The message that shows that the line is alive.
    fn ping(&self) -> sse::Data {
        sse::Data::new("{}").event("ping")
    }
}

/// A place among the open streams; given back when dropped.
struct Slot(web::Data<App>);

impl Slot {
    fn take(app: &web::Data<App>) -> std::result::Result<Slot, Problem> {
        if app.streams.fetch_add(1, Ordering::SeqCst) < MOST {
            return Ok(Slot(app.clone()));
        }
        app.streams.fetch_sub(1, Ordering::SeqCst);
        Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, format!("{MOST} streams are open: close some pages")).retry_after(15))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Answers with a stream that follows `source`, woken by `topic`.
///
/// # Errors
/// Too many are open.
pub fn open(
    app: &web::Data<App>,
    req: &HttpRequest,
    principal: Principal,
    topic: Topic,
    source: impl Source,
) -> std::result::Result<HttpResponse, Problem> {
    let slot = Slot::take(app)?;
    let (tx, rx) = mpsc::channel(64);
    actix_web::rt::spawn(async move {
        // Ends when the reader, the login or the server does; there is nobody left to tell.
        follow(&slot.0, &principal, topic, source, &tx).await;
    });
    let mut res = Sse::from_infallible_receiver(rx).respond_to(req);
    // A connection that outlived its stream would hold the server up when it is to end.
    res.head_mut().set_connection_type(ConnectionType::Close);
    res.headers_mut().insert(header::HeaderName::from_static("x-accel-buffering"), header::HeaderValue::from_static("no"));
    Ok(res)
}

/// Where a stream goes on: after the last event its reader saw, which goes before `?after=`.
///
/// # Errors
/// The header is no number.
pub fn cursor(req: &HttpRequest, after: Option<i64>) -> Result<Option<i64>> {
    match req.headers().get("last-event-id").filter(|v| !v.is_empty()) {
        None => Ok(after),
        Some(value) => match value.to_str().ok().and_then(|t| t.trim().parse::<i64>().ok()) {
            Some(n) if n >= 0 => Ok(Some(n)),
            Some(_) | None => Err(Error::field("Last-Event-ID", "is no cursor")),
        },
    }
}

async fn follow(app: &App, principal: &Principal, topic: Topic, mut source: impl Source, tx: &mpsc::Sender<sse::Event>) {
    let clock = app.store.clock();
    let mut closing = app.closing.clone();
    let mut ear = app.store.doorbell.listen(topic);
    let (mut pinged, mut sent) = (clock.mono_ms(), i64::MIN / 2);
    loop {
        ear.hush();
        let mut next = source.clone();
        // A read that failed is done again after the next ring or poll; the cursor has not moved.
        if let Ok((moved, messages, more)) = app
            .store
            .query(move |c| {
                let (messages, more) = next.read(c)?;
                Ok((next, messages, more))
            })
            .await
        {
            source = moved;
            if !messages.is_empty() {
                sent = clock.mono_ms();
            }
            for message in messages {
                if !send(tx, message).await {
                    return;
                }
            }
            if more && !*closing.borrow() {
                continue;
            }
        }
        let poll = source.every().map_or(POLL_MS, |d| i64::try_from(d.as_millis()).unwrap_or(POLL_MS));
        let wait = poll.min(pinged + PING_MS - clock.mono_ms()).max(0);
        let rang = tokio::select! {
            rang = ear.wait(Duration::from_millis(wait.unsigned_abs())) => rang,
            _ = closing.wait_for(|closing| *closing) => return,
            () = tx.closed() => return,
        };
        if clock.mono_ms() - pinged >= PING_MS {
            pinged = clock.mono_ms();
            if !principal.still_good(app).await || !send(tx, source.ping()).await {
                return;
            }
        }
        let early = sent + source.apart_ms() - clock.mono_ms();
        if rang && early > 0 && tokio::time::timeout(Duration::from_millis(early.unsigned_abs()), tx.closed()).await.is_ok() {
            return;
        }
    }
}

async fn send(tx: &mpsc::Sender<sse::Event>, message: sse::Data) -> bool {
    matches!(tokio::time::timeout(PATIENCE, tx.send(message.into())).await, Ok(Ok(())))
}

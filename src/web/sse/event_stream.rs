//! Streams of events: read what is after the cursor, send it, wait for the doorbell, read again. A page load, a live
//! update and a reconnect are one and the same read.

use crate::base::doorbell::Topic;
use crate::base::error::{Error, Result};
use crate::web::http::auth::{Principal, is_still_good};
use crate::web::http::problem::Problem;
use crate::web::http::state::App;
use crate::web::sse::shared_read::{Found, KEPT_BYTES};
use actix_web::body::{BodyStream, BoxBody, MessageBody};
use actix_web::http::{ConnectionType, StatusCode, header};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, Responder, web};
use actix_web_lab::sse::{self, Sse};
use futures_util::{StreamExt, stream};
use rusqlite::Connection;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio_stream::wrappers::ReceiverStream;

/// Open streams at once, over all users.
pub const MOST: usize = 5_000;
/// A sign of life that the other side can see, in milliseconds.
const PING_MS: i64 = 15_000;
/// Looked at even if nothing rang.
const POLL_MS: i64 = 10_000;
/// Under load, rings are gathered for so long; a lone one is answered at once.
const GATHER_MS: i64 = 20;
/// So many open streams make it a millisecond: a tenth of a second for a thousand, which no reader notices.
const STREAMS_A_MS: usize = 10;
/// Answers that wait for a slow reader before nothing more is read for it. What it will read later is newer then, and it holds
/// little meanwhile: one message of the board is 40 KB.
const WAITING: usize = 1;
/// A reader that takes nothing for so long is let go: it comes back with its cursor.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a stream shows. It carries its own cursor; a copy is kept, so that a read that failed is simply done again.
pub trait Source: Clone + Send + Sync + 'static {
    /// What is new since the last read, and whether there is more of it already.
    ///
    /// # Errors
    /// The database refused: it is asked again later.
    fn read(&mut self, conn: &Connection) -> Result<(Vec<sse::Data>, bool)>;

    /// All that its next read depends on beside the database: streams of one topic that say the same here are given one
    /// read, and hear it at the same moments. None: it reads for itself.
    fn place(&self) -> Option<String> {
        None
    }

    /// Looks after so long even if nothing rang; none for the usual fallback.
    fn every(&self) -> Option<Duration> {
        None
    }

    /// Whether what it last read changes only with a commit, and not with time. Looks of its own ([`Source::every`]) then
    /// read nothing while nothing was committed.
    fn is_still(&self) -> bool {
        false
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
    let (tx, rx) = mpsc::channel(WAITING);
    actix_web::rt::spawn(async move {
        // Ends when the reader, the login or the server does; there is nobody left to tell.
        follow(&slot.0, &principal, topic, source, &tx).await;
    });
    let mut res = Sse::from_infallible_stream(stream::empty())
        .respond_to(req)
        .set_body(BoxBody::new(BodyStream::new(ReceiverStream::new(rx).map(Ok::<Bytes, Infallible>))));
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

/// What a read gave: the source moved on, the messages as they are sent, and whether there is more already.
#[derive(Clone)]
struct Step<S> {
    source: S,
    bytes: Bytes,
    more: bool,
}

/// The next step of a source; shared with all who stand where it stands and heard the same ring.
async fn step<S: Source>(app: &App, topic: Topic, source: &S, heard: Option<u64>) -> Result<Step<S>> {
    let (Some(heard), Some(place)) = (heard, source.place()) else { return read(app, source).await };
    let shared = app.reads.shared.at(topic, place.clone(), heard);
    let found = shared.get_or_try_init(|| async { read(app, source).await.map(|step| Arc::new(step) as Found) }).await?;
    match found.downcast_ref::<Step<S>>() {
        Some(step) => {
            if step.bytes.len() > KEPT_BYTES {
                app.reads.shared.forget(topic, place);
            }
            Ok(step.clone())
        }
        None => read(app, source).await,
    }
}

async fn read<S: Source>(app: &App, source: &S) -> Result<Step<S>> {
    let mut source = source.clone();
    let (source, messages, more) = app
        .store
        .query(move |c| {
            let (messages, more) = source.read(c)?;
            Ok((source, messages, more))
        })
        .await?;
    Ok(Step { source, bytes: encode(messages).await?, more })
}

/// The messages as they are sent, in a block of just their size: it is kept for those who come late, and waits with readers
/// who are slow.
async fn encode(messages: Vec<sse::Data>) -> Result<Bytes> {
    if messages.is_empty() {
        return Ok(Bytes::new());
    }
    let mut all = pin!(Sse::from_infallible_stream(stream::iter(messages.into_iter().map(sse::Event::from))));
    let mut parts = Vec::new();
    while let Some(part) = poll_fn(|cx| all.as_mut().poll_next(cx)).await {
        parts.push(part.map_err(|e| Error::Internal(format!("an event could not be written: {e}")))?);
    }
    Ok(parts.concat().into())
}

async fn follow(app: &web::Data<App>, principal: &Principal, topic: Topic, mut source: impl Source, tx: &mpsc::Sender<Bytes>) {
    let clock = app.store.clock();
    let mut closing = app.closing.clone();
    let mut ear = app.store.doorbell.listen(topic);
    let (mut pinged, mut sent, mut rang) = (clock.mono_ms(), i64::MIN / 2, false);
    let mut last: Option<LastRead> = None;
    loop {
        let heard = ear.hush();
        let looks = LastRead { version: source.every().map(|_| app.store.version()), at: clock.mono_ms() };
        let known = !rang && source.is_still() && last.as_ref().is_some_and(|last| last.serves(&looks));
        // A read that failed is done again after the next ring or poll; the cursor has not moved.
        if !known && let Ok(step) = step(app, topic, &source, rang.then_some(heard)).await {
            last = Some(looks).filter(|_| !step.more);
            source = step.source;
            if !step.bytes.is_empty() {
                sent = clock.mono_ms();
                if !send(tx, step.bytes).await {
                    return;
                }
            }
            if step.more && !*closing.borrow() {
                continue;
            }
        }
        let poll = source.every().map_or(POLL_MS, |d| i64::try_from(d.as_millis()).unwrap_or(POLL_MS));
        let wait = poll.min(pinged + PING_MS - clock.mono_ms()).max(0);
        rang = tokio::select! {
            rang = ear.wait(Duration::from_millis(wait.unsigned_abs())) => rang,
            _ = closing.wait_for(|closing| *closing) => return,
            () = tx.closed() => return,
        };
        if clock.mono_ms() - pinged >= PING_MS {
            pinged = clock.mono_ms();
            let Ok(ping) = encode(vec![source.ping()]).await else { return };
            if !is_still_good(app, principal) || !send(tx, ping).await {
                return;
            }
        }
        let apart = source.apart_ms().max(crowded(app.streams.load(Ordering::Relaxed)));
        // Those who share a read look at the same moments, or each would soon stand somewhere else.
        let next = if source.place().is_some() { (sent.div_euclid(apart) + 1) * apart } else { sent + apart };
        let early = next - clock.mono_ms();
        if rang && early > 0 && tokio::time::timeout(Duration::from_millis(early.unsigned_abs()), tx.closed()).await.is_ok() {
            return;
        }
    }
}

/// What is known of a source's last read. The version is asked for before it; none where the source looks when it is rung.
struct LastRead {
    version: Option<u64>,
    at: i64,
}

impl LastRead {
    /// Whether a look now would read the same. After a while it is looked at all the same.
    fn serves(&self, now: &LastRead) -> bool {
        self.version.is_some() && self.version == now.version && now.at - self.at < POLL_MS
    }
}

/// The more listen the longer is gathered: what is sent to a thousand in one piece costs a tenth of ten.
fn crowded(streams: usize) -> i64 {
    i64::try_from(streams / STREAMS_A_MS).unwrap_or(GATHER_MS)
}

async fn send(tx: &mpsc::Sender<Bytes>, bytes: Bytes) -> bool {
    match tx.try_send(bytes) {
        Ok(()) => true,
        Err(TrySendError::Full(bytes)) => matches!(tokio::time::timeout(PATIENCE, tx.send(bytes)).await, Ok(Ok(()))),
        Err(TrySendError::Closed(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn what_is_sent_takes_no_more_room_than_it_is_long() {
        let one = |n: usize| sse::Data::new("x".repeat(n)).event("note").id("7");
        for sizes in [&[2][..], &[2, 300, 2], &[70_000]] {
            let sent: Vec<u8> = encode(sizes.iter().map(|n| one(*n)).collect()).await.expect("written").into();
            assert!(sent.capacity() <= sent.len(), "{} bytes in {}", sent.len(), sent.capacity());
            let text = String::from_utf8(sent).expect("text");
            let data: Vec<usize> = text.lines().filter_map(|l| l.strip_prefix("data: ")).map(str::len).collect();
            assert_eq!((data.as_slice(), text.matches("\n\n").count()), (sizes, sizes.len()));
        }
        assert!(encode(Vec::new()).await.expect("written").is_empty());
    }
}

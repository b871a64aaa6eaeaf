//! Runs: list, show, stop; and the raw log, in ranges.

use crate::base::error::{Error, Result};
use crate::domain::run::Run;
use crate::domain::ticket::Status;
use crate::store::Tx;
use crate::store::run::runs;
use crate::store::ticket::{lifecycle, tickets};
use crate::web::api::body::Body;
use crate::web::api::dto::{Page, RunBody, cut};
use crate::web::api::idempotent::once;
use crate::web::api::params::{Identifier, Params, RunNumber};
use crate::web::http::auth::Principal;
use crate::web::http::problem::{ApiError, Problem};
use crate::web::http::state::App;
use actix_web::body::SizedStream;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::stream;
use std::fs::File;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::sync::Arc;

type Answer = std::result::Result<HttpResponse, ApiError>;

/// Bytes of a log read at once.
const PIECE: u64 = 64 * 1024;

/// `GET /tickets/{identifier}/runs`
pub async fn of_ticket(app: web::Data<App>, _principal: Principal, id: Identifier, mut query: Params) -> Answer {
    let (limit, before) = (query.limit(), query.after().unwrap_or(i64::MAX));
    query.finish()?;
    let found = app.store.query(move |c| {
        tickets::exists(c, id.0)?;
        let mut found = runs::before(c, id.0, before, i64::try_from(limit + 1).unwrap_or(51))?;
        let next_cursor = cut(&mut found, limit, |r| r.attempt.to_string());
        Ok(Page { items: found.iter().map(RunBody::from).collect(), next_cursor })
    });
    Ok(HttpResponse::Ok().json(found.await?))
}

/// `POST /tickets/{identifier}/stop`
pub async fn stop(app: web::Data<App>, principal: Principal, id: Identifier, req: HttpRequest, mut body: Body) -> Answer {
    let to: Option<Status> = body.word("status");
    if let Some(to) = to
        && (to == Status::InProgress || !Status::InProgress.may_move_to(to))
    {
        body.wrong("status", format!("cannot be {to} after a stop"));
    }
    body.finish()?;
    let actor = principal.actor.clone();
    let work = move |tx: &Tx<'_>| Ok(RunBody::from(&lifecycle::stop(tx, id.0, to, &actor)?));
    once(&app, &principal, &req, &body, StatusCode::ACCEPTED, work).await
}

/// `GET /runs/{id}`
pub async fn show(app: web::Data<App>, principal: Principal, id: RunNumber) -> Answer {
    let run = app.store.query(move |c| runs::get(c, id.0)).await?;
    principal.ticket(run.ticket)?;
    Ok(HttpResponse::Ok().json(RunBody::from(&run)))
}

/// `GET /runs/{id}/log`: exactly what the agent wrote. As text, never as anything a browser would run.
pub async fn log(
    app: web::Data<App>,
    principal: Principal,
    id: RunNumber,
    req: HttpRequest,
) -> std::result::Result<HttpResponse, actix_web::Error> {
    let run = app.store.query(move |c| runs::get(c, id.0)).await.map_err(ApiError)?;
    principal.ticket(run.ticket).map_err(ApiError)?;
    let name = format!("{}-run-{}.log", run.ticket.to_string().to_lowercase(), run.id);
    let opened = tokio::task::spawn_blocking(move || open(&run)).await;
    let (file, size) =
        opened.map_err(|e| Error::Internal(format!("opening a log was cut off: {e}"))).and_then(|r| r).map_err(ApiError)?;
    let (from, to, status) = match wanted(req.headers().get(header::RANGE).and_then(|v| v.to_str().ok()), size) {
        Wanted::All => (0, size, StatusCode::OK),
        Wanted::Part(from, to) => (from, to, StatusCode::PARTIAL_CONTENT),
        Wanted::Impossible => {
            let mut res = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, format!("The log has {size} bytes")).response();
            if let Ok(value) = format!("bytes */{size}").parse() {
                res.headers_mut().insert(header::CONTENT_RANGE, value);
            }
            return Ok(res);
        }
    };
    let mut answer = HttpResponse::build(status);
    answer
        .content_type("text/plain; charset=utf-8")
        .insert_header((header::ACCEPT_RANGES, "bytes"))
        // Offsets are those of the file: nothing on the way may compress it.
        .insert_header((header::CONTENT_ENCODING, "identity"))
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")));
    if status == StatusCode::PARTIAL_CONTENT {
        answer.insert_header((header::CONTENT_RANGE, format!("bytes {from}-{}/{size}", to - 1)));
    }
    Ok(answer.body(SizedStream::new(to - from, pieces(file, from, to))))
}

/// Opens a run's log. The path is the row's; a link in its place is not followed.
fn open(run: &Run) -> Result<(File, u64)> {
    let missing = || Error::not_found(format!("the log of run {}", run.id));
    let path = run.raw_log.as_ref().ok_or_else(missing)?;
    let file = File::options().read(true).custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK).open(path);
    let file = file.map_err(|_| missing())?;
    let meta = file.metadata()?;
    if meta.is_file() { Ok((file, meta.len())) } else { Err(missing()) }
}

fn pieces(file: File, from: u64, to: u64) -> impl futures_util::Stream<Item = std::io::Result<web::Bytes>> {
    stream::try_unfold((Arc::new(file), from), move |(file, at)| async move {
        if at >= to {
            return Ok(None);
        }
        let mine = file.clone();
        let want = usize::try_from((to - at).min(PIECE)).unwrap_or(0);
        let read = tokio::task::spawn_blocking(move || {
            let mut buffer = vec![0; want];
            mine.read_exact_at(&mut buffer, at).map(|()| buffer)
        });
        let bytes = read.await.map_err(std::io::Error::other)??;
        let next = at + bytes.len() as u64;
        Ok(Some((web::Bytes::from(bytes), (file, next))))
    })
}

#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    All,
    /// From, up to but without.
    Part(u64, u64),
    Impossible,
}

/// What a Range header asks for; one that is not understood, or asks for several parts, is as good as none.
fn wanted(range: Option<&str>, size: u64) -> Wanted {
    let Some((from, to)) = range.and_then(|r| r.strip_prefix("bytes=")?.split_once('-')) else { return Wanted::All };
    match (from.trim().parse::<u64>(), to.trim().parse::<u64>()) {
        (Ok(from), _) if from >= size && (to.trim().is_empty() || to.trim().parse::<u64>().is_ok()) => Wanted::Impossible,
        (Ok(from), Ok(to)) if to >= from => Wanted::Part(from, to.saturating_add(1).min(size)),
        (Ok(from), Err(_)) if to.trim().is_empty() => Wanted::Part(from, size),
        (Err(_), Ok(0)) if from.trim().is_empty() => Wanted::Impossible,
        (Err(_), Ok(_)) if from.trim().is_empty() && size == 0 => Wanted::Impossible,
        (Err(_), Ok(last)) if from.trim().is_empty() => Wanted::Part(size.saturating_sub(last), size),
        (_, _) => Wanted::All,
    }
}

#[cfg(test)]
mod tests {
    use crate::web::api::runs::{Wanted, wanted};

    #[test]
    fn ranges_are_read_as_the_rfc_says() {
        assert_eq!(wanted(None, 10), Wanted::All);
        assert_eq!(wanted(Some("bytes=0-3"), 10), Wanted::Part(0, 4));
        assert_eq!(wanted(Some("bytes=4-"), 10), Wanted::Part(4, 10));
        assert_eq!(wanted(Some("bytes=-3"), 10), Wanted::Part(7, 10));
        assert_eq!(wanted(Some("bytes=-30"), 10), Wanted::Part(0, 10));
        assert_eq!(wanted(Some("bytes=2-99"), 10), Wanted::Part(2, 10));
        assert_eq!(wanted(Some("bytes=10-"), 10), Wanted::Impossible);
        assert_eq!(wanted(Some("bytes=-0"), 10), Wanted::Impossible);
        assert_eq!(wanted(Some("bytes=0-"), 0), Wanted::Impossible);
        for odd in ["bytes=0-1,3-4", "bytes=5-2", "lines=1-2", "bytes=x-y", "bytes=-", "bytes=99999999999999999999-"] {
            assert_eq!(wanted(Some(odd), 10), Wanted::All, "{odd}");
        }
        assert_eq!(wanted(Some("bytes=0-18446744073709551615"), 10), Wanted::Part(0, 10));
    }
}

//! The persistent orchestrator: say something, wait for the answer, see how she is, start, stop, switch.

use crate::base::doorbell::Topic;
use crate::base::error::{Error, Result};
use crate::domain::ids::TurnId;
use crate::domain::orchestrator::turn::{Turn, TurnOrigin};
use crate::store::Tx;
use crate::store::db::idempotency;
use crate::store::db::idempotency::Key;
use crate::store::orchestrator::turns::NewTurn;
use crate::store::orchestrator::{sessions, turns};
use crate::web::api::body::Body;
use crate::web::api::dto::{StatusBody, TurnBody, turn_out};
use crate::web::api::idempotent::once;
use crate::web::api::params::Params;
use crate::web::http::auth::Principal;
use crate::web::http::problem::ApiError;
use crate::web::http::state::App;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use rusqlite::Connection;
use serde::Serialize;
use std::time::Duration;

type Answer = std::result::Result<HttpResponse, ApiError>;

/// An answer is waited for so long at most; then it is asked for again.
const LONGEST_WAIT_S: i64 = 60;
/// Looked at even if nothing rang.
const LOOK: Duration = Duration::from_secs(5);

/// A turn as answered to who sent it.
#[derive(Serialize)]
pub struct Sent {
    turn: TurnBody,
    /// What has to be done before it is taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<&'static str>,
}

/// `POST /persistent_luci/send`
pub async fn send(app: web::Data<App>, principal: Principal, req: HttpRequest, mut body: Body) -> Answer {
    let message = body.needed("message");
    body.finish()?;
    queue(&app, &principal, &req, &body, message).await
}

/// Puts a person's words into the queue, once for each key.
///
/// # Errors
/// They cannot be a turn, or the key was used for another request.
pub async fn queue(app: &App, principal: &Principal, req: &HttpRequest, body: &Body, message: String) -> Answer {
    let new = new_turn(principal, body, message);
    let work = move |tx: &Tx<'_>| {
        let turn = turns::send(tx, &new)?;
        Ok(Sent { turn: turn_out(tx.conn, &turn)?, next: held_up(tx.conn)? })
    };
    once(app, principal, req, body, StatusCode::ACCEPTED, work).await
}

fn new_turn(principal: &Principal, body: &Body, message: String) -> NewTurn {
    NewTurn {
        origin: TurnOrigin::Human,
        author: principal.actor.name().to_owned(),
        message,
        // Keys of two principals never meet.
        client_id: body.key().map(|key| format!("{}:{key}", principal.key)),
    }
}

fn held_up(conn: &Connection) -> Result<Option<&'static str>> {
    let wanted = sessions::wanted(conn)?;
    Ok(match wanted.on {
        Some(false) => Some("Luci is stopped, and the message waits: POST /api/v1/persistent_luci/start"),
        Some(true) | None if wanted.keyboard => {
            Some("Somebody has the keyboard in the console: the message waits until they hand it back")
        }
        Some(true) | None => None,
    })
}

/// `GET /persistent_luci/harvest?turn=&wait=`: a turn, the newest unless said, as soon as it is over or the wait is.
pub async fn harvest(app: web::Data<App>, _principal: Principal, mut query: Params) -> Answer {
    let asked: Option<i64> = query.word("turn");
    if asked.is_some_and(|n| n < 1) {
        query.wrong("turn", "is no turn's number");
    }
    let wait = query.word::<i64>("wait").unwrap_or(0);
    if wait < 0 {
        query.wrong("wait", "is a number of seconds");
    }
    query.finish()?;
    let id = match asked {
        Some(id) => TurnId(id),
        None => {
            let newest = app.store.query(turns::latest).await?;
            newest.ok_or_else(|| Error::not_found("a turn"))?.id
        }
    };
    let turn = wait_for(&app, id, wait).await?;
    shown(&app, &turn, StatusCode::OK).await
}

/// `POST /chat`: say something and wait for the answer.
pub async fn chat(app: web::Data<App>, principal: Principal, req: HttpRequest, mut body: Body) -> Answer {
    let message = body.needed("message");
    let wait = body.whole("timeout_s").unwrap_or(LONGEST_WAIT_S);
    if wait < 0 {
        body.wrong("timeout_s", "is a number of seconds");
    }
    body.finish()?;
    let key = Key {
        principal: principal.key.clone(),
        key: body.key(),
        route: format!("{} {}", req.method(), req.path()),
        body_hash: body.hash(),
    };
    let new = new_turn(&principal, &body, message);
    let sent = app.store.call(move |tx| {
        let kept = idempotency::once(tx, &key, || {
            let turn = turns::send(tx, &new)?;
            Ok(idempotency::Answer { status: StatusCode::ACCEPTED.as_u16(), body: turn.id.to_string() })
        })?;
        kept.body.parse().map(TurnId).map_err(|_| Error::Internal("a kept answer is no number".to_owned()))
    });
    let turn = wait_for(&app, sent.await?, wait).await?;
    let status = if turn.state.is_open() { StatusCode::ACCEPTED } else { StatusCode::OK };
    shown(&app, &turn, status).await
}

async fn shown(app: &App, turn: &Turn, status: StatusCode) -> Answer {
    let turn = turn.clone();
    let open = turn.state.is_open();
    let found =
        app.store.query(move |c| Ok(Sent { turn: turn_out(c, &turn)?, next: if open { held_up(c)? } else { None } })).await?;
    Ok(HttpResponse::build(status).json(found))
}

/// A turn as soon as it is over, or as it stands when the wait is over or the server is to end.
async fn wait_for(app: &App, id: TurnId, wait_s: i64) -> Result<Turn> {
    let clock = app.store.clock().clone();
    let until = clock.mono_ms() + wait_s.min(LONGEST_WAIT_S) * 1000;
    let mut closing = app.closing.clone();
    let mut ear = app.store.doorbell.listen(Topic::Luci);
    loop {
        ear.hush();
        let turn = app.store.query(move |c| turns::get(c, id)).await?;
        let left = until - clock.mono_ms();
        if !turn.state.is_open() || left <= 0 || *closing.borrow() {
            return Ok(turn);
        }
        let pause = LOOK.min(Duration::from_millis(left.unsigned_abs()));
        tokio::select! {
            _ = ear.wait(pause) => {}
            _ = closing.wait_for(|closing| *closing) => {}
        }
    }
}

/// `GET /persistent_luci/status`
pub async fn status(app: web::Data<App>, _principal: Principal) -> Answer {
    let config = app.config.clone();
    Ok(HttpResponse::Ok().json(app.store.query(move |c| StatusBody::read(c, &config)).await?))
}

/// `POST /persistent_luci/start`
pub async fn start(app: web::Data<App>, principal: Principal, req: HttpRequest, mut body: Body) -> Answer {
    body.finish()?;
    want(&app, &principal, &req, &body, |tx| sessions::want(tx, true)).await
}

/// `POST /persistent_luci/stop`: turns wait until the next start.
pub async fn stop(app: web::Data<App>, principal: Principal, req: HttpRequest, mut body: Body) -> Answer {
    body.finish()?;
    want(&app, &principal, &req, &body, |tx| sessions::want(tx, false)).await
}

/// `POST /persistent_luci/switch`: the conversation goes on with another profile, which gets a hand-over note.
pub async fn switch(app: web::Data<App>, principal: Principal, req: HttpRequest, mut body: Body) -> Answer {
    let profile = body.needed("profile");
    if !profile.is_empty() {
        body.checked(app.config.check_profile(&profile));
    }
    body.finish()?;
    want(&app, &principal, &req, &body, move |tx| sessions::want_profile(tx, &profile)).await
}

/// Notes what a person wants; the engine brings it about.
async fn want(
    app: &App,
    principal: &Principal,
    req: &HttpRequest,
    body: &Body,
    wish: impl FnOnce(&Tx<'_>) -> Result<()> + Send + 'static,
) -> Answer {
    let config = app.config.clone();
    let work = move |tx: &Tx<'_>| {
        wish(tx)?;
        StatusBody::read(tx.conn, &config)
    };
    once(app, principal, req, body, StatusCode::ACCEPTED, work).await
}

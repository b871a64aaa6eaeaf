//! What a ticket's page sends: replies, moves, the stop.

use crate::base::error::{Error, FieldError, Result};
use crate::domain::ids::TicketId;
use crate::domain::ticket::Status;
use crate::store::Tx;
use crate::store::ticket::{lifecycle, tickets};
use crate::web::http::form_once::IdOnly;
use crate::web::http::request::{Sent, Visit, html_response};
use crate::web::shared::attention;
use crate::web::ticket::address::{Query, identifier};
use crate::web::ticket::page::show;
use crate::web::ticket::{load, view};
use crate::web::ui::attention_card::answered;
use crate::web::ui::stream::partial;
use crate::web::ui::toast::{Tone, toast_partial};
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use maud::html;
use serde::Deserialize;

/// A reply.
#[derive(Debug, Clone, Deserialize)]
pub struct Reply {
    #[serde(default)]
    body: String,
    #[serde(default)]
    client_id: String,
}

/// `POST /tickets/{identifier}/reply`
pub async fn reply(sent: Sent<Reply>, path: web::Path<String>) -> HttpResponse {
    let Sent { visit, form } = sent;
    visit
        .answer(async {
            let id = identifier(&path)?;
            visit.who.may_change_tickets()?;
            let body = form.body.replace("\r\n", "\n").trim().to_owned();
            let wrong = wrong_body(&body);
            if let Some(message) = wrong {
                let errors = vec![FieldError { field: "body".to_owned(), message }];
                return refused_reply(&visit, id, form.body, errors).await;
            }
            let key = visit.form_key(&format!("POST /tickets/{id}/reply"), &form.client_id, &body);
            let (config, actor, said) = (visit.app.config.clone(), visit.who.actor.clone(), body.clone());
            visit
                .once(key, move |tx| {
                    lifecycle::reply(tx, id, &said, &actor, config.as_ref())?;
                    Ok(String::new())
                })
                .await?;
            replied(&visit, id, &body).await
        })
        .await
}

async fn replied(visit: &Visit, id: TicketId, body: &str) -> Result<HttpResponse> {
    let (config, now) = (visit.app.config.clone(), visit.now);
    let head = visit.app.store.query(move |c| load::head(c, &tickets::get(c, id)?, &config, now)).await?;
    let words = if head.ticket.status == Status::InProgress { "goes on with" } else { "has your words:" };
    let short = crate::domain::text::cut_chars(body, 60).0.to_owned();
    let fragments = html! {
        (partial(&format!("#lit-{}", id.0), "outerHTML", &answered(id, &format!("{} {words} “{short}”", head.ticket.role.label()))))
        (partial("#reply", "outerHTML", &view::reply(&head, "", &[], visit.cx())))
        (toast_partial(Tone::Good, "Sent", None))
    };
    Ok(visit.done(&format!("/tickets/{id}"), fragments))
}

async fn refused_reply(visit: &Visit, id: TicketId, typed: String, errors: Vec<FieldError>) -> Result<HttpResponse> {
    if !visit.htmx {
        return show(visit, id, &Query::default(), StatusCode::UNPROCESSABLE_ENTITY, typed, errors).await;
    }
    let (config, now) = (visit.app.config.clone(), visit.now);
    let head = visit.app.store.query(move |c| load::head(c, &tickets::get(c, id)?, &config, now)).await?;
    let form = view::reply(&head, &typed, &errors, visit.cx());
    Ok(html_response(StatusCode::UNPROCESSABLE_ENTITY, &form))
}

fn wrong_body(body: &str) -> Option<String> {
    if body.is_empty() {
        return Some("is empty".to_owned());
    }
    if body.len() > 200_000 {
        return Some("is longer than 200,000 bytes".to_owned());
    }
    body.contains('\0').then(|| "holds a NUL character".to_owned())
}

/// A move.
#[derive(Debug, Clone, Deserialize)]
pub struct Move {
    #[serde(default)]
    status: String,
    version: Option<i64>,
    #[serde(default)]
    client_id: String,
}

/// `POST /tickets/{identifier}/move`
pub async fn move_to(sent: Sent<Move>, path: web::Path<String>) -> HttpResponse {
    let Sent { visit, form } = sent;
    visit
        .answer(async {
            let id = identifier(&path)?;
            visit.who.may_change_tickets()?;
            let to: Status =
                form.status.parse().map_err(|e: crate::domain::ticket::UnknownWord| Error::field("status", e.to_string()))?;
            let key = visit.form_key(&format!("POST /tickets/{id}/move"), &form.client_id, &format!("{to} {:?}", form.version));
            let (config, actor) = (visit.app.config.clone(), visit.who.actor.clone());
            let work = move |tx: &Tx<'_>| {
                lifecycle::move_to(tx, id, to, &actor, form.version, config.as_ref())?;
                Ok(String::new())
            };
            visit.once(key, work).await?;
            changed(&visit, id, &format!("{id}: {}", to.label())).await
        })
        .await
}

/// `POST /tickets/{identifier}/stop`
pub async fn stop(sent: Sent<IdOnly>, path: web::Path<String>) -> HttpResponse {
    let Sent { visit, form } = sent;
    visit
        .answer(async {
            let id = identifier(&path)?;
            visit.who.may_change_tickets()?;
            let key = visit.form_key(&format!("POST /tickets/{id}/stop"), &form.client_id, "");
            let actor = visit.who.actor.clone();
            let work = move |tx: &Tx<'_>| {
                lifecycle::stop(tx, id, None, &actor)?;
                Ok(String::new())
            };
            visit.once(key, work).await?;
            changed(&visit, id, &format!("{id} is being stopped")).await
        })
        .await
}

/// Answers a change with the head as it stands now. The stream brings everything else.
async fn changed(visit: &Visit, id: TicketId, words: &str) -> Result<HttpResponse> {
    let (config, now) = (visit.app.config.clone(), visit.now);
    let (head, attention) = visit
        .app
        .store
        .query(move |c| {
            let t = tickets::get(c, id)?;
            Ok((load::head(c, &t, &config, now)?, attention::card(c, &t)?))
        })
        .await?;
    let settled = attention.is_none();
    let fragments = html! {
        (partial("#head", "outerMorph", &crate::web::ticket::view_head::ticket_head(&head, visit.cx())))
        @if settled { (partial(&format!("#lit-{}", id.0), "outerHTML", &answered(id, words))) }
        (toast_partial(Tone::Good, words, Some((&format!("/tickets/{id}"), "Open"))))
    };
    Ok(visit.done(&format!("/tickets/{id}"), fragments))
}

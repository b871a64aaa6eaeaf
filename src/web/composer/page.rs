//! The composer: `POST /composer` from the page, and the one function that it shares with `session_start`.

use crate::base::error::{Error, FieldError, Result};
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::domain::ids::TicketId;
use crate::domain::orchestrator::turn::{Turn, TurnOrigin};
use crate::domain::ticket::draft;
use crate::domain::ticket::draft::Message;
use crate::domain::ticket::{Status, Ticket, UnknownWord};
use crate::store::Tx;
use crate::store::db::idempotency::body_hash;
use crate::store::orchestrator::turns;
use crate::store::orchestrator::turns::NewTurn;
use crate::store::ticket::tickets::NewTicket;
use crate::store::ticket::{lifecycle, tickets};
use crate::web::composer::load;
use crate::web::composer::view::{Composer, Mode, composer, fresh, planned};
use crate::web::http::request::{Sent, Visit, html_response};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Deserialize;

/// The form.
#[derive(Debug, Clone, Deserialize)]
pub struct Form {
    message: String,
    #[serde(default)]
    mode: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    project: String,
    #[serde(default)]
    priority: String,
    #[serde(default)]
    client_id: String,
}

/// `POST /composer`
pub async fn post(sent: Sent<Form>) -> HttpResponse {
    let Sent { visit, form } = sent;
    if let Err(e) = visit.who.may_change_tickets() {
        return visit.failed(&e).await;
    }
    if mode(&form) == Mode::Plan {
        return plan_answer(&visit, &form).await;
    }
    match make(&visit, &form).await {
        Ok((ticket, notes)) => {
            let mut words = if ticket.status == Status::InProgress {
                format!("{} starts as soon as a slot is free", ticket.id)
            } else {
                format!("{} is in {}", ticket.id, ticket.status.label())
            };
            for note in notes {
                words.push_str(&format!(". {note}"));
            }
            let config = visit.app.config.clone();
            let anew = visit.app.store.query(move |c| load::composer(c, &config)).await.unwrap_or_default();
            let anew = Composer { mode: mode(&form), ..anew };
            visit.done(&format!("/tickets/{}", ticket.id), fresh(&anew, ticket.id, &words, visit.cx()))
        }
        Err(Error::Invalid(errors)) => invalid(&visit, &form, errors).await,
        Err(e) => visit.failed(&e).await,
    }
}

fn mode(form: &Form) -> Mode {
    [Mode::Now, Mode::Plan].into_iter().find(|m| m.as_str() == form.mode).unwrap_or_default()
}

async fn plan_answer(visit: &Visit, form: &Form) -> HttpResponse {
    match plan_of_form(visit, &form.message, &form.client_id).await {
        Ok(made) => {
            let (config, id) = (visit.app.config.clone(), made.id);
            visit
                .answer(async {
                    let (anew, shown) = visit
                        .app
                        .store
                        .query(move |c| Ok((load::composer(c, &config)?, crate::web::orchestrator::load::one(c, id)?)))
                        .await?;
                    let anew = Composer { mode: Mode::Plan, ..anew };
                    Ok(visit.done(&format!("/luci#turn-{id}"), planned(&anew, &shown, visit.cx())))
                })
                .await
        }
        Err(Error::Invalid(errors)) => invalid(visit, form, errors).await,
        Err(e) => visit.failed(&e).await,
    }
}

/// Puts a person's message into Luci's queue. Page and JSON both end here. `client_id` must be the principal's own: see
/// [`own_id`].
///
/// # Errors
/// The message cannot be a turn, or the client id was used for another one.
pub fn plan(tx: &Tx<'_>, author: &str, message: &str, client_id: Option<String>) -> Result<Turn> {
    let message = message.replace("\r\n", "\n");
    turns::send(tx, &NewTurn { origin: TurnOrigin::Human, author: author.to_owned(), message, client_id })
}

/// A client id that never meets another principal's.
#[must_use]
pub fn own_id(principal: &str, client_id: &str) -> Option<String> {
    (!client_id.is_empty()).then(|| format!("{principal}:{client_id}"))
}

/// A form's message to Luci. The form's id and the words together name it: words changed after an answer was lost are
/// another message.
///
/// # Errors
/// As [`plan`].
pub async fn plan_of_form(visit: &Visit, message: &str, client_id: &str) -> Result<Turn> {
    let message = message.replace("\r\n", "\n");
    let hash = body_hash(message.as_bytes());
    let id = own_id(&visit.who.key, client_id).map(|id| format!("{id}:{}", &hash[..16]));
    let author = visit.who.actor.name().to_owned();
    visit.app.store.call(move |tx| plan(tx, &author, &message, id)).await
}

async fn make(visit: &Visit, form: &Form) -> Result<(Ticket, Vec<String>)> {
    let config = visit.app.config.clone();
    let actor = visit.who.actor.clone();
    let (new, notes) = read(form, &config)?;
    let start = mode(form) == Mode::Now;
    let key = visit.form_key("POST /composer", &form.client_id, &format!("{form:?}"));
    let made = visit.once(key, move |tx| Ok(create(tx, &new, start, &actor, &config)?.id.0.to_string())).await?;
    let id = made.parse().map_err(|_| Error::Internal("a kept answer is no number".to_owned()))?;
    let made = visit.app.store.query(move |c| tickets::get(c, TicketId(id))).await?;
    Ok((made, notes))
}

/// Makes a ticket, and its run with it where it is to start now. Page and JSON both end here.
///
/// # Errors
/// As the store's.
pub fn create(tx: &Tx<'_>, new: &NewTicket, start: bool, actor: &Actor, config: &Config) -> Result<Ticket> {
    if start { lifecycle::create_started(tx, new, actor, config) } else { tickets::create(tx, new, actor) }
}

/// What the form makes, and what of its words was not understood. What is chosen beside the words holds where they say
/// nothing of it.
fn read(form: &Form, config: &Config) -> Result<(NewTicket, Vec<String>)> {
    let mut draft = draft::read(&Message { text: &form.message, ..Message::default() }, config)?;
    let notes = std::mem::take(&mut draft.notes);
    if draft.role.is_none() && !form.role.is_empty() {
        draft.role = Some(config.check_role(&form.role)?);
    }
    if draft.project.is_none() {
        draft.project = Some(config.check_project(&form.project)?);
    }
    if draft.priority.is_none() && !form.priority.is_empty() {
        draft.priority = Some(form.priority.parse().map_err(|e: UnknownWord| Error::field("priority", e.to_string()))?);
    }
    Ok((NewTicket::drafted(draft), notes))
}

async fn invalid(visit: &Visit, form: &Form, errors: Vec<FieldError>) -> HttpResponse {
    let config = visit.app.config.clone();
    let anew = visit.app.store.query(move |c| load::composer(c, &config)).await.unwrap_or_default();
    let filled = Composer {
        message: form.message.clone(),
        mode: mode(form),
        role: form.role.clone(),
        project: form.project.clone(),
        priority: form.priority.parse().unwrap_or_default(),
        errors,
        ..anew
    };
    let form = composer(&filled, visit.cx());
    if visit.htmx {
        return html_response(StatusCode::UNPROCESSABLE_ENTITY, &form);
    }
    visit
        .page_with(
            StatusCode::UNPROCESSABLE_ENTITY,
            crate::web::ui::shell::Nav::Home,
            "New ticket",
            Vec::new(),
            String::new(),
            form,
        )
        .await
}

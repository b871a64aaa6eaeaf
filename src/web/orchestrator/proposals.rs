//! What becomes of Luci's proposals: done, dismissed, taken back, answered, changed first.

use crate::base::error::{Error, FieldError, Result};
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::domain::ids::{ProposalId, TurnId};
use crate::domain::orchestrator::action::Action;
use crate::domain::orchestrator::proposal::{Proposal, ProposalState};
use crate::store::Tx;
use crate::store::orchestrator::actions;
use crate::store::orchestrator::effects::ActionsCx;
use crate::store::orchestrator::{proposals, turns};
use crate::web::http::request::{Sent, Visit, html_response};
use crate::web::orchestrator::forms::{to, told};
use crate::web::orchestrator::load;
use crate::web::orchestrator::page::turn_id;
use crate::web::orchestrator::view_edit::{EditProposal, edit_proposal};
use crate::web::orchestrator::view_proposals::may_edit;
use crate::web::orchestrator::view_turn::appended;
use crate::web::shared::choices;
use crate::web::ui::shell::Nav;
use crate::web::ui::toast::{Tone, toast_partial};
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use maud::html;
use serde::Deserialize;
use std::sync::Arc;

/// `POST /luci/proposals/{id}/apply`
pub async fn apply(visit: Visit, path: web::Path<String>) -> HttpResponse {
    one(&visit, &path, actions::apply).await
}

/// `POST /luci/proposals/{id}/dismiss`
pub async fn dismiss(visit: Visit, path: web::Path<String>) -> HttpResponse {
    one(&visit, &path, |tx, id, actor, _| actions::dismiss(tx, id, actor)).await
}

/// `POST /luci/proposals/{id}/undo`
pub async fn undo(visit: Visit, path: web::Path<String>) -> HttpResponse {
    one(&visit, &path, actions::undo).await
}

type One = fn(&Tx<'_>, ProposalId, &Actor, &ActionsCx<'_>) -> Result<Proposal>;

async fn one(visit: &Visit, path: &str, work: One) -> HttpResponse {
    visit
        .answer(async {
            visit.who.may_change_tickets()?;
            let id = proposal_id(path)?;
            let (config, actor) = (visit.app.config.clone(), visit.who.actor.clone());
            let p = visit.app.store.call(move |tx| work(tx, id, &actor, &ActionsCx::of(config.as_ref()))).await?;
            let why = p.error.filter(|_| p.state == ProposalState::Refused);
            told(visit, p.turn, html! { @if let Some(why) = &why { (toast_partial(Tone::Bad, why, None)) } }).await
        })
        .await
}

/// `POST /luci/turns/{id}/apply`: all that is open in a turn.
pub async fn apply_all(visit: Visit, path: web::Path<String>) -> HttpResponse {
    all(&visit, &path, actions::apply_all).await
}

/// `POST /luci/turns/{id}/dismiss`
pub async fn dismiss_all(visit: Visit, path: web::Path<String>) -> HttpResponse {
    all(&visit, &path, |tx, id, actor, _| actions::dismiss_all(tx, id, actor)).await
}

/// `POST /luci/turns/{id}/undo`
pub async fn undo_all(visit: Visit, path: web::Path<String>) -> HttpResponse {
    all(&visit, &path, actions::undo_all).await
}

type All = fn(&Tx<'_>, TurnId, &Actor, &ActionsCx<'_>) -> Result<Vec<Proposal>>;

async fn all(visit: &Visit, path: &str, work: All) -> HttpResponse {
    visit
        .answer(async {
            visit.who.may_change_tickets()?;
            let id = turn_id(path)?;
            let (config, actor) = (visit.app.config.clone(), visit.who.actor.clone());
            visit.app.store.call(move |tx| work(tx, id, &actor, &ActionsCx::of(config.as_ref()))).await?;
            told(visit, id, html! {}).await
        })
        .await
}

/// An answer to what Luci asks.
#[derive(Debug, Clone, Deserialize)]
pub struct Answer {
    #[serde(default)]
    answer: String,
}

/// `POST /luci/proposals/{id}/answer`: the answer is a message of the owner's, and appears as one.
pub async fn answer(sent: Sent<Answer>, path: web::Path<String>) -> HttpResponse {
    let Sent { visit, form } = sent;
    visit
        .answer(async {
            visit.who.may_change_tickets()?;
            let id = proposal_id(&path)?;
            let actor = visit.who.actor.clone();
            let words = form.answer.replace("\r\n", "\n");
            let p = visit.app.store.call(move |tx| actions::answer_owner(tx, id, &words, &actor)).await?;
            let made = crate::domain::orchestrator::outcome::Outcome::of(&p).turn.map(TurnId);
            let Some(made) = made else { return told(&visit, p.turn, html! {}).await };
            let (shown, previous) = visit
                .app
                .store
                .query(move |c| Ok((load::one(c, made)?, turns::shown_before(c, made)?.unwrap_or(TurnId(0)))))
                .await?;
            if !visit.htmx {
                return Ok(visit.done(&to(made), html! {}));
            }
            told(&visit, p.turn, appended(previous, &shown, visit.cx())).await
        })
        .await
}

/// `GET /luci/proposals/{id}/edit`
pub async fn edit_page(visit: Visit, path: web::Path<String>) -> HttpResponse {
    visit
        .answer(async {
            visit.who.may_change_tickets()?;
            let id = proposal_id(&path)?;
            let config = visit.app.config.clone();
            let form = visit.app.store.query(move |c| filled(c, &config, id)).await?;
            Ok(page(&visit, &form, StatusCode::OK).await)
        })
        .await
}

fn filled(c: &rusqlite::Connection, config: &Arc<Config>, id: ProposalId) -> Result<EditProposal> {
    let p = proposals::get(c, id)?;
    if p.state != ProposalState::Open || !may_edit(p.kind) {
        return Err(Error::Conflict("this proposal cannot be changed any more".to_owned()));
    }
    let mut form = EditProposal {
        id,
        turn: p.turn,
        kind: p.kind,
        about: String::new(),
        title: String::new(),
        description: String::new(),
        role: String::new(),
        project: String::new(),
        priority: crate::domain::ticket::Priority::default(),
        words: String::new(),
        roles: choices::roles(config),
        projects: choices::projects(c, config)?,
        errors: Vec::new(),
    };
    match Action::read(&p.body).map_err(Error::Internal)? {
        Action::CreateTicket(new) => {
            form.title = new.title;
            form.description = new.description.unwrap_or_default();
            form.role = new.role.unwrap_or_default();
            form.project = new.project.unwrap_or_default();
            form.priority = new.priority.unwrap_or_default();
        }
        Action::Comment { ticket, body } => (form.about, form.words) = (ticket.to_string(), body),
        Action::AnswerQuestion { ticket, answer } => (form.about, form.words) = (ticket.to_string(), answer),
        Action::Move { .. }
        | Action::Assign { .. }
        | Action::Start { .. }
        | Action::Notify { .. }
        | Action::Ignore { .. }
        | Action::AskOwner { .. } => {}
    }
    Ok(form)
}

async fn page(visit: &Visit, form: &EditProposal, status: StatusCode) -> HttpResponse {
    let crumbs = vec![("Edit".to_owned(), format!("/luci/proposals/{}/edit", form.id))];
    visit.page_with(status, Nav::Luci, "Edit a proposal", crumbs, String::new(), edit_proposal(form, visit.cx())).await
}

/// The edit form as sent.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Edited {
    #[serde(default)]
    title: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    project: String,
    #[serde(default)]
    priority: String,
    #[serde(default)]
    words: String,
}

/// `POST /luci/proposals/{id}/edit`: what was changed is kept and done.
pub async fn edit(sent: Sent<Edited>, path: web::Path<String>) -> HttpResponse {
    let Sent { visit, form } = sent;
    visit
        .answer(async {
            visit.who.may_change_tickets()?;
            let id = proposal_id(&path)?;
            let (config, actor, typed) = (visit.app.config.clone(), visit.who.actor.clone(), form.clone());
            let done = visit
                .app
                .store
                .call(move |tx| {
                    let body = changed(&proposals::get(tx.conn, id)?, &typed)?.json();
                    actions::edit(tx, id, &body, &actor, &ActionsCx::of(config.as_ref()))
                })
                .await;
            match done {
                Ok(p) => {
                    let to = to(p.turn);
                    if visit.htmx {
                        return Ok(HttpResponse::NoContent().insert_header(("HX-Redirect", to)).finish());
                    }
                    Ok(HttpResponse::SeeOther().insert_header(("Location", to)).finish())
                }
                Err(Error::Invalid(errors)) => refused(&visit, id, form, errors).await,
                Err(e) => Err(e),
            }
        })
        .await
}

/// A proposal's action with what the form says in its place; what the form does not show stays.
fn changed(p: &Proposal, form: &Edited) -> Result<Action> {
    let some = |text: &str| (!text.trim().is_empty()).then(|| text.replace("\r\n", "\n"));
    let words = form.words.replace("\r\n", "\n");
    Ok(match Action::read(&p.body).map_err(Error::Internal)? {
        Action::CreateTicket(mut new) => {
            new.title = form.title.trim().to_owned();
            new.description = some(&form.description);
            new.role = some(&form.role);
            new.project = some(&form.project);
            if let Some(word) = some(&form.priority) {
                let priority = word.parse();
                new.priority =
                    Some(priority.map_err(|e: crate::domain::ticket::UnknownWord| Error::field("priority", e.to_string()))?);
            }
            Action::CreateTicket(new)
        }
        Action::Comment { ticket, .. } => Action::Comment { ticket, body: words },
        Action::AnswerQuestion { ticket, .. } => Action::AnswerQuestion { ticket, answer: words },
        other @ (Action::Move { .. }
        | Action::Assign { .. }
        | Action::Start { .. }
        | Action::Notify { .. }
        | Action::Ignore { .. }
        | Action::AskOwner { .. }) => other,
    })
}

async fn refused(visit: &Visit, id: ProposalId, typed: Edited, errors: Vec<FieldError>) -> Result<HttpResponse> {
    let config = visit.app.config.clone();
    let form = visit.app.store.query(move |c| filled(c, &config, id)).await?;
    // The store speaks of the action as a whole: its messages begin with the field's name.
    let errors = errors.into_iter().map(of_field).collect();
    let form = EditProposal {
        title: typed.title,
        description: typed.description,
        role: typed.role,
        project: typed.project,
        priority: typed.priority.parse().unwrap_or_default(),
        words: typed.words,
        errors,
        ..form
    };
    if visit.htmx {
        return Ok(html_response(StatusCode::UNPROCESSABLE_ENTITY, &edit_proposal(&form, visit.cx())));
    }
    Ok(page(visit, &form, StatusCode::UNPROCESSABLE_ENTITY).await)
}

fn of_field(e: FieldError) -> FieldError {
    if e.field != "body" {
        return e;
    }
    let (first, rest) = e.message.split_once(' ').unwrap_or((&e.message, ""));
    let field = match first {
        "title" | "description" | "role" | "project" | "priority" => first,
        "body" | "answer" => "words",
        _ => "it",
    };
    let message = if field == "it" { e.message.clone() } else { rest.to_owned() };
    FieldError { field: field.to_owned(), message }
}

fn proposal_id(text: &str) -> Result<ProposalId> {
    text.parse().map(ProposalId).map_err(|_| Error::not_found("that proposal"))
}

//! Editing a ticket's fields.

use crate::base::error::{Error, FieldError, Result};
use crate::config::Config;
use crate::domain::ids::TicketId;
use crate::domain::ticket::{Role, Title, UnknownWord, WorkClass};
use crate::store::Tx;
use crate::store::ticket::tickets;
use crate::store::ticket::tickets::Patch;
use crate::web::http::request::{Sent, Visit, html_response};
use crate::web::shared::choices;
use crate::web::ticket::address::identifier;
use crate::web::ticket::view_edit::{Edit, edit as edit_view};
use crate::web::ui::shell::Nav;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

/// The edit form as sent.
#[derive(Debug, Clone, Deserialize)]
pub struct Edited {
    title: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    priority: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    project: String,
    #[serde(default)]
    profile: String,
    #[serde(default)]
    work_class: String,
    version: i64,
    #[serde(default)]
    client_id: String,
}

/// `GET /tickets/{identifier}/edit`
pub async fn get(visit: Visit, path: web::Path<String>) -> HttpResponse {
    visit
        .answer(async {
            let id = identifier(&path)?;
            visit.who.may_change_tickets()?;
            let config = visit.app.config.clone();
            let form = visit
                .app
                .store
                .query(move |c| {
                    let t = tickets::get(c, id)?;
                    Ok(Edit {
                        id,
                        title: t.title.as_str().to_owned(),
                        description: t.description,
                        priority: t.priority,
                        role: t.role.as_str().to_owned(),
                        project: t.project,
                        profile: t.profile.unwrap_or_default(),
                        work_class: t.work_class,
                        version: t.version,
                        changed: None,
                        roles: choices::roles(&config),
                        projects: choices::projects(c, &config)?,
                        profiles: config.profiles().map(|p| p.name.clone()).collect(),
                        errors: Vec::new(),
                    })
                })
                .await?;
            Ok(edit_page(&visit, &form, StatusCode::OK).await)
        })
        .await
}

async fn edit_page(visit: &Visit, form: &Edit, status: StatusCode) -> HttpResponse {
    let id = form.id;
    let crumbs = vec![(id.to_string(), format!("/tickets/{id}")), ("Edit".to_owned(), format!("/tickets/{id}/edit"))];
    let main = edit_view(form, visit.cx());
    visit.page_with(status, Nav::Board, &format!("Edit {id}"), crumbs, String::new(), main).await
}

/// `POST /tickets/{identifier}/edit`
pub async fn post(sent: Sent<Edited>, path: web::Path<String>) -> HttpResponse {
    let Sent { visit, form } = sent;
    visit
        .answer(async {
            let id = identifier(&path)?;
            visit.who.may_change_tickets()?;
            let config = visit.app.config.clone();
            let patch = match patch_of(&form, &config) {
                Ok(patch) => patch,
                Err(Error::Invalid(errors)) => return again(&visit, id, &form, Obstacle::Errors(errors)).await,
                Err(e) => return Err(e),
            };
            let key = visit.form_key(&format!("POST /tickets/{id}/edit"), &form.client_id, &format!("{form:?}"));
            let (actor, version) = (visit.who.actor.clone(), form.version);
            let work = move |tx: &Tx<'_>| {
                tickets::patch(tx, id, &patch, &actor, Some(version))?;
                Ok(String::new())
            };
            let done = visit.once(key, work).await;
            match done {
                Err(Error::Conflict(_)) => return again(&visit, id, &form, Obstacle::Newer).await,
                done => done?,
            };
            let to = format!("/tickets/{id}");
            if visit.htmx {
                return Ok(HttpResponse::NoContent().insert_header(("HX-Redirect", to)).finish());
            }
            Ok(HttpResponse::SeeOther().insert_header(("Location", to)).finish())
        })
        .await
}

fn patch_of(form: &Edited, config: &Config) -> Result<Patch> {
    let mut errors = Vec::new();
    let mut take = |field: &str, e: String| errors.push(FieldError { field: field.to_owned(), message: e });
    let title = form.title.parse::<Title>().map_err(|e| take("title", e.to_string())).ok();
    let description = form.description.replace("\r\n", "\n");
    if description.len() > 200_000 || description.contains('\0') {
        take("description", "is longer than 200,000 bytes or holds a NUL character".to_owned());
    }
    let priority = form.priority.parse().map_err(|e: UnknownWord| take("priority", e.to_string())).ok();
    let work_class = form.work_class.parse::<WorkClass>().map_err(|e| take("work_class", e.to_string())).ok();
    let role: Option<Role> = config.check_role(&form.role).map_err(|e| take("role", e.to_string())).ok();
    let project = config.check_project(&form.project).map_err(|e| take("project", e.to_string())).ok();
    let profile = if form.profile.is_empty() {
        None
    } else {
        if let Err(e) = config.check_profile(&form.profile) {
            take("profile", e.to_string());
        }
        Some(form.profile.clone())
    };
    if !errors.is_empty() {
        return Err(Error::Invalid(errors));
    }
    Ok(Patch {
        title,
        description: Some(description),
        priority,
        role,
        project,
        profile: Some(profile),
        work_class,
        parent: None,
        blocked_by: None,
    })
}

/// What keeps an edit from being stored.
enum Obstacle {
    /// Something in it is wrong.
    Errors(Vec<FieldError>),
    /// The ticket changed after the form was opened: a run that begins or ends is enough.
    Newer,
}

/// The form as it was typed. Where the ticket is newer the form follows it from now on: who sends it again has been told.
async fn again(visit: &Visit, id: TicketId, form: &Edited, obstacle: Obstacle) -> Result<HttpResponse> {
    let config = visit.app.config.clone();
    let (projects, now) = {
        let config = config.clone();
        visit.app.store.query(move |c| Ok((choices::projects(c, &config)?, tickets::get(c, id)?))).await?
    };
    let (status, version, changed, errors) = match obstacle {
        Obstacle::Errors(errors) => (StatusCode::UNPROCESSABLE_ENTITY, form.version, None, errors),
        Obstacle::Newer => (StatusCode::CONFLICT, now.version, Some(now.status), Vec::new()),
    };
    let filled = Edit {
        id,
        title: form.title.clone(),
        description: form.description.clone(),
        priority: form.priority.parse().unwrap_or_default(),
        role: form.role.clone(),
        project: form.project.clone(),
        profile: form.profile.clone(),
        work_class: form.work_class.parse().unwrap_or_default(),
        version,
        changed,
        roles: choices::roles(&config),
        projects,
        profiles: config.profiles().map(|p| p.name.clone()).collect(),
        errors,
    };
    if visit.htmx {
        return Ok(html_response(status, &edit_view(&filled, visit.cx())));
    }
    Ok(edit_page(visit, &filled, status).await)
}

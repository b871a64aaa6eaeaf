//! Editing a task's file.

use crate::base::doorbell::Topic;
use crate::base::error::{Error, FieldError, Result};
use crate::config::Config;
use crate::drivers::task_file;
use crate::store::db::audit;
use crate::store::task::tasks;
use crate::web::http::request::{Sent, Visit, html_response};
use crate::web::tasks::view_task::TaskEdit;
use crate::web::tasks::{view, view_task as one_view};
use crate::web::ui::shell::Nav;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use maud::html;
use serde::Deserialize;

/// `GET /tasks/{name}/edit`
pub async fn get(visit: Visit, path: web::Path<String>) -> HttpResponse {
    visit
        .answer(async {
            let name = path.into_inner();
            let row = visit.app.store.query(move |c| tasks::by_name(c, &name)).await?;
            visit.who.owner()?;
            // Whoever comes to mend it sees here, too, what is wrong.
            let errors = row.broken.iter().map(|b| FieldError { field: "text".to_owned(), message: b.to_string() }).collect();
            let form = TaskEdit { name: row.name, file: row.file, text: row.source, hash: row.hash, changed: false, errors };
            Ok(edit_page(&visit, &form, StatusCode::OK).await)
        })
        .await
}

async fn edit_page(visit: &Visit, form: &TaskEdit, status: StatusCode) -> HttpResponse {
    let crumbs = vec![(form.name.clone(), view::href(&form.name)), ("Edit".to_owned(), String::new())];
    visit.page_with(status, Nav::Tasks, "Edit a task", crumbs, String::new(), one_view::edit(form, visit.cx())).await
}

/// The edit form as sent.
#[derive(Debug, Clone, Deserialize)]
pub struct Edited {
    file: String,
    hash: String,
    text: String,
}

/// What became of an edit.
enum Saved {
    Stored,
    Refused(Vec<FieldError>),
    /// The file changed after the form was opened: what it is recognised by now.
    Newer(String),
}

fn store_file(config: &Config, form: &Edited) -> Result<Saved> {
    let folder = config.tasks();
    Ok(match task_file::edit(&folder, &form.file, &config.scheduler.timezone, &form.hash, &form.text) {
        Ok(()) => Saved::Stored,
        Err(Error::Invalid(errors)) => Saved::Refused(errors),
        Err(Error::Conflict(_)) => Saved::Newer(task_file::current(&folder, &form.file)?),
        Err(e) => return Err(e),
    })
}

/// `POST /tasks/{name}/edit`: safe to repeat, for the file then is no longer what the writer saw.
pub async fn post(sent: Sent<Edited>, path: web::Path<String>) -> HttpResponse {
    let Sent { visit, form } = sent;
    visit
        .answer(async {
            visit.who.owner()?;
            let (name, config, mine) = (path.into_inner(), visit.app.config.clone(), form.clone());
            let saved = tokio::task::spawn_blocking(move || store_file(&config, &mine))
                .await
                .map_err(|e| Error::Internal(format!("the file could not be saved: {e}")))??;
            let (status, hash, changed, errors) = match saved {
                Saved::Stored => {
                    let (who, file) = (visit.who.actor.clone(), format!("tasks/{}", form.file));
                    visit.app.store.call(move |tx| audit::record(tx, who.name(), "task.edit", None, &file)).await?;
                    visit.app.store.doorbell.ring(Topic::Tasks);
                    if visit.htmx {
                        return Ok(HttpResponse::NoContent().insert_header(("HX-Redirect", "/tasks")).finish());
                    }
                    return Ok(visit.done("/tasks", html! {}));
                }
                Saved::Refused(errors) => (StatusCode::UNPROCESSABLE_ENTITY, form.hash, false, errors),
                // From now on the form follows the newer file: who sends it again has been told.
                Saved::Newer(hash) => (StatusCode::CONFLICT, hash, true, Vec::new()),
            };
            let filled = TaskEdit { name, file: form.file, text: form.text, hash, changed, errors };
            if visit.htmx {
                return Ok(html_response(status, &one_view::edit(&filled, visit.cx())));
            }
            Ok(edit_page(&visit, &filled, status).await)
        })
        .await
}

//! The tasks' pages: the list, one task with its runs, and what a run said.

use crate::base::error::Error;
use crate::domain::ids::TaskRunId;
use crate::store::task::task_runs;
use crate::web::http::request::Visit;
use crate::web::tasks::load::{TaskPermissions, load, load_one};
use crate::web::tasks::{view, view_task as one_view};
use crate::web::ui::shell::Nav;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

/// `GET /tasks`
pub async fn list(visit: Visit) -> HttpResponse {
    visit
        .answer(async {
            let (config, may) = (visit.app.config.clone(), TaskPermissions::of(&visit));
            let now = visit.now;
            let shown = visit.app.store.query(move |c| load(c, &config, may, now)).await?;
            Ok(visit.page(Nav::Tasks, "Tasks", Vec::new(), view::page(&shown, visit.cx())).await)
        })
        .await
}

/// What stands in the address of a task's page.
#[derive(Debug, Clone, Deserialize)]
pub struct Query {
    before: Option<i64>,
}

/// `GET /tasks/{name}`
pub async fn get(visit: Visit, path: web::Path<String>, query: web::Query<Query>) -> HttpResponse {
    visit
        .answer(async {
            let (name, config) = (path.into_inner(), visit.app.config.clone());
            let (before, may, now) = (query.before.map(TaskRunId), TaskPermissions::of(&visit), visit.now);
            let shown = visit.app.store.query(move |c| load_one(c, &config, (&name, before), may, now)).await?;
            let crumbs = vec![(shown.name.clone(), view::href(&shown.name))];
            let title = shown.name.clone();
            Ok(visit.page(Nav::Tasks, &title, crumbs, one_view::page(&shown, before.is_none(), visit.cx())).await)
        })
        .await
}

/// `GET /tasks/{name}/runs/{id}/output`: all that is kept of what a run said, as plain text.
pub async fn output(visit: Visit, path: web::Path<(String, i64)>) -> HttpResponse {
    visit
        .answer(async {
            let (name, id) = path.into_inner();
            let run = visit.app.store.query(move |c| task_runs::get(c, TaskRunId(id))).await?;
            if run.task != name {
                return Err(Error::not_found(format!("a run {id} of this task")));
            }
            Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(run.output))
        })
        .await
}

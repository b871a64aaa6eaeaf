//! Tasks: what is scheduled, what became of it, and run, stop, pause and resume by hand.

use crate::base::error::Result;
use crate::config::Config;
use crate::domain::ids::TaskRunId;
use crate::domain::task::{Broken, TaskRun};
use crate::domain::text::end_bytes;
use crate::domain::time::Time;
use crate::store::Tx;
use crate::store::task::tasks::TaskRow;
use crate::store::task::{task_runs, tasks};
use crate::web::api::body::Body;
use crate::web::api::dto::{Page, cut};
use crate::web::api::idempotent::once;
use crate::web::api::params::Params;
use crate::web::http::auth::Principal;
use crate::web::http::problem::ApiError;
use crate::web::http::state::App;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use rusqlite::Connection;
use serde::Serialize;
use serde_json::json;

type Answer = std::result::Result<HttpResponse, ApiError>;

/// A task.
#[derive(Serialize)]
struct TaskBody {
    name: String,
    file: String,
    kind: Option<&'static str>,
    schedule: Option<String>,
    timezone: Option<&'static str>,
    profile: Option<String>,
    priority: Option<&'static str>,
    enabled: bool,
    paused: bool,
    next_due_at: Option<Time>,
    streak: i64,
    broken: Option<Broken>,
    last_run: Option<TaskRunBody>,
}

/// A task run.
#[derive(Serialize)]
struct TaskRunBody {
    id: i64,
    task: String,
    due_at: Option<Time>,
    state: &'static str,
    kind: &'static str,
    attempt: i64,
    author: String,
    profile: Option<String>,
    not_before: Option<Time>,
    created_at: Time,
    started_at: Option<Time>,
    ended_at: Option<Time>,
    exit_code: Option<i64>,
    signal: Option<i64>,
    note: Option<String>,
    output: String,
    output_bytes: i64,
}

impl From<TaskRun> for TaskRunBody {
    fn from(r: TaskRun) -> TaskRunBody {
        TaskRunBody {
            id: r.id.0,
            task: r.task,
            due_at: r.due_at,
            state: r.state.as_str(),
            kind: r.kind.as_str(),
            attempt: r.attempt,
            author: r.author,
            profile: r.profile,
            not_before: r.not_before,
            created_at: r.created_at,
            started_at: r.started_at,
            ended_at: r.ended_at,
            exit_code: r.exit_code,
            signal: r.signal,
            note: r.note,
            output: r.output,
            output_bytes: r.output_bytes,
        }
    }
}

fn body(c: &Connection, row: TaskRow, config: &Config) -> Result<TaskBody> {
    let task = tasks::read(&row, &config.scheduler.timezone).ok();
    let last = task_runs::of_task(c, &row.name, None, 1)?.pop();
    Ok(TaskBody {
        kind: task.as_ref().map(|t| t.kind.as_str()),
        schedule: task.as_ref().map(|t| t.schedule.words()),
        timezone: task.as_ref().map(|t| t.schedule.zone().name()),
        profile: task.as_ref().and_then(|t| t.profile.clone()),
        priority: task.as_ref().map(|t| t.priority.as_str()),
        enabled: task.as_ref().is_some_and(|t| t.enabled),
        name: row.name,
        file: row.file,
        paused: row.paused,
        next_due_at: row.next_due_at.filter(|_| row.broken.is_none()),
        streak: row.streak,
        broken: row.broken,
        last_run: last.map(TaskRunBody::from),
    })
}

/// `GET /tasks`: by name, all of them unless a limit is said; the last run's output is cut to its end.
pub async fn list(app: web::Data<App>, _principal: Principal, mut query: Params) -> Answer {
    let (limit, after) = (query.limit_said(), query.after());
    query.finish()?;
    let config = app.config.clone();
    let found = app.store.query(move |c| {
        let mut rows = tasks::after(c, after, limit.map_or(-1, |n| i64::try_from(n + 1).unwrap_or(51)))?;
        let next_cursor = cut(&mut rows, limit.unwrap_or(usize::MAX), |row| row.id);
        let mut items = Vec::with_capacity(rows.len());
        for row in rows {
            let mut task = body(c, row, &config)?;
            if let Some(run) = &mut task.last_run {
                run.output = end_bytes(&run.output, 1_000).0.to_owned();
            }
            items.push(task);
        }
        Ok(Page { items, next_cursor })
    });
    Ok(HttpResponse::Ok().json(found.await?))
}

/// `GET /tasks/{name}/runs`: newest first.
pub async fn runs(app: web::Data<App>, _principal: Principal, name: web::Path<String>, mut query: Params) -> Answer {
    let (limit, before) = (query.limit(), query.after().map(TaskRunId));
    query.finish()?;
    let found = app.store.query(move |c| {
        let row = tasks::by_name(c, &name)?;
        let mut runs = task_runs::of_task(c, &row.name, before, i64::try_from(limit).unwrap_or(50) + 1)?;
        let next_cursor = cut(&mut runs, limit, |r| r.id.0);
        Ok(Page { items: runs.into_iter().map(TaskRunBody::from).collect(), next_cursor })
    });
    Ok(HttpResponse::Ok().json(found.await?))
}

/// `POST /tasks/{name}/run`: runs it now.
pub async fn run(app: web::Data<App>, principal: Principal, name: web::Path<String>, req: HttpRequest, mut sent: Body) -> Answer {
    sent.finish()?;
    let (zone, actor) = (app.config.scheduler.timezone.clone(), principal.actor.clone());
    let work = move |tx: &Tx<'_>| {
        let run = task_runs::run_by_hand(tx, &name, &zone, &actor)?;
        Ok(json!({ "run": TaskRunBody::from(run) }))
    };
    once(&app, &principal, &req, &sent, StatusCode::ACCEPTED, work).await
}

/// `POST /tasks/{name}/stop`: ends what waits or runs of it.
pub async fn stop(
    app: web::Data<App>,
    principal: Principal,
    name: web::Path<String>,
    req: HttpRequest,
    mut sent: Body,
) -> Answer {
    sent.finish()?;
    let work = move |tx: &Tx<'_>| {
        let row = tasks::by_name(tx.conn, &name)?;
        Ok(json!({ "task": row.name, "stopping": task_runs::stop_by_hand(tx, &row.name)? }))
    };
    once(&app, &principal, &req, &sent, StatusCode::ACCEPTED, work).await
}

/// `POST /tasks/{name}/pause`
pub async fn pause(app: web::Data<App>, principal: Principal, name: web::Path<String>, req: HttpRequest, sent: Body) -> Answer {
    set_paused(app, principal, name, req, sent, true).await
}

/// `POST /tasks/{name}/resume`
pub async fn resume(app: web::Data<App>, principal: Principal, name: web::Path<String>, req: HttpRequest, sent: Body) -> Answer {
    set_paused(app, principal, name, req, sent, false).await
}

async fn set_paused(
    app: web::Data<App>,
    principal: Principal,
    name: web::Path<String>,
    req: HttpRequest,
    mut sent: Body,
    paused: bool,
) -> Answer {
    sent.finish()?;
    let config = app.config.clone();
    let work = move |tx: &Tx<'_>| {
        tasks::pause(tx, &name, paused)?;
        body(tx.conn, tasks::by_name(tx.conn, &name)?, &config)
    };
    once(&app, &principal, &req, &sent, StatusCode::OK, work).await
}

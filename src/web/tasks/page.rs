//! The tasks' pages: the list, one task with its runs, its file, and the buttons.

use crate::base::doorbell::Topic;
use crate::base::error::{Error, FieldError, Result};
use crate::config::Config;
use crate::domain::ids::TaskRunId;
use crate::domain::task::{MissedPolicy, Overlap, Task, stem};
use crate::domain::time::{Time, span_words};
use crate::drivers::task_file;
use crate::store::Tx;
use crate::store::db::audit;
use crate::store::task::tasks::TaskRow;
use crate::store::task::{task_runs, tasks};
use crate::web::http::request::{Sent, Visit, html_response, seed};
use crate::web::sse::page_stream;
use crate::web::sse::page_stream::{Feed, Piece};
use crate::web::sse::rendered_parts::Shown;
use crate::web::sse::top_bar::TopBar;
use crate::web::tasks::view;
use crate::web::tasks::view::{BrokenFile, STRIP, TaskLine, Tasks, Tick};
use crate::web::tasks::view_task as one_view;
use crate::web::tasks::view_task::{TaskEdit, TaskPage};
use crate::web::ui::Ctx;
use crate::web::ui::shell::Nav;
use crate::web::ui::toast::{Tone, toast_partial};
use crate::web::view_models::resting;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::html;
use rusqlite::Connection;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Runs on one page.
const RUNS: i64 = 50;
/// Tasks in the list.
const MOST: usize = 1_000;

/// `GET /tasks`
pub async fn list(visit: Visit) -> HttpResponse {
    visit
        .answer(async {
            let (config, may) = (visit.app.config.clone(), May::of(&visit));
            let now = visit.now;
            let shown = visit.app.store.query(move |c| load(c, &config, may, now)).await?;
            Ok(visit.page(Nav::Tasks, "Tasks", Vec::new(), view::page(&shown, visit.cx())).await)
        })
        .await
}

/// What the reader may do with tasks. A task's file is a command that runs as we do: only the owner writes one.
#[derive(Clone, Copy)]
struct May {
    change: bool,
    edit: bool,
}

impl May {
    fn of(visit: &Visit) -> May {
        May { change: visit.who.may_change_tickets().is_ok(), edit: visit.who.owner().is_ok() }
    }
}

fn load(c: &Connection, config: &Config, may: May, now: Time) -> Result<Tasks> {
    let mut used = BTreeSet::new();
    let folder = config.tasks().display().to_string();
    let mut shown = Tasks { folder, may_change: may.change, may_edit: may.edit, ..Tasks::default() };
    for row in tasks::all(c)?.into_iter().take(MOST) {
        match tasks::read(&row, &config.scheduler.timezone) {
            Ok(task) => {
                shown.tasks.push(line(c, &row, &task)?);
                used.extend(config.profile_of(&task));
            }
            Err(broken) => shown.broken.push(BrokenFile { name: stem(&row.file).to_owned(), file: row.file, broken }),
        }
    }
    shown.resting = resting(c, now)?.into_iter().filter(|r| used.contains(&r.name)).collect();
    Ok(shown)
}

fn line(c: &Connection, row: &TaskRow, task: &Task) -> Result<TaskLine> {
    let strip = task_runs::strip(c, &task.name, STRIP)?;
    Ok(TaskLine {
        name: task.name.clone(),
        file: row.file.clone(),
        when: task.schedule.words(),
        next: row.next_due_at,
        zone: task.schedule.zone(),
        paused: row.paused,
        enabled: task.enabled,
        strip: strip.into_iter().map(|(state, at, note)| Tick { state, at, note }).collect(),
        streak: row.streak,
    })
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
            let (before, may, now) = (query.before.map(TaskRunId), May::of(&visit), visit.now);
            let shown = visit.app.store.query(move |c| load_one(c, &config, (&name, before), may, now)).await?;
            let crumbs = vec![(shown.name.clone(), view::href(&shown.name))];
            let title = shown.name.clone();
            Ok(visit.page(Nav::Tasks, &title, crumbs, one_view::page(&shown, before.is_none(), visit.cx())).await)
        })
        .await
}

fn load_one(c: &Connection, config: &Config, (name, before): (&str, Option<TaskRunId>), may: May, now: Time) -> Result<TaskPage> {
    let row = tasks::by_name(c, name)?;
    let read = tasks::read(&row, &config.scheduler.timezone);
    let mut runs = task_runs::of_task(c, &row.name, before, RUNS + 1)?;
    let more = runs.len() > usize::try_from(RUNS).unwrap_or(0);
    runs.truncate(usize::try_from(RUNS).unwrap_or(0));
    let (line, settings, body) = match &read {
        Ok(task) => (Some(line(c, &row, task)?), settings(task, &row), task.body.clone()),
        Err(_) => (None, Vec::new(), String::new()),
    };
    let profile = read.as_ref().ok().and_then(|task| config.profile_of(task));
    Ok(TaskPage {
        line,
        resting: resting(c, now)?.into_iter().find(|r| profile.as_ref() == Some(&r.name)),
        broken: read.err().map(|broken| BrokenFile { file: row.file.clone(), name: row.name.clone(), broken }),
        name: row.name,
        body,
        settings,
        older: runs.last().map(|r| r.id).filter(|_| more),
        runs,
        may_change: may.change,
        may_edit: may.edit,
    })
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

/// How it runs, and what differs from the usual.
fn settings(task: &Task, row: &TaskRow) -> Vec<(&'static str, String)> {
    let mut found = vec![("File", format!("tasks/{}", row.file)), ("Kind", task.kind.to_string())];
    let mut add = |name, value: Option<String>| found.extend(value.map(|v| (name, v)));
    add("Command", (!task.command.is_empty()).then(|| shell_words::join(&task.command)));
    add("Profile", task.profile.clone());
    add("Folder", task.cwd.clone());
    add("Time limit", (task.timeout_ms > 0).then(|| span_words(task.timeout_ms)));
    add("Retries", (task.retries > 0).then(|| task.retries.to_string()));
    add("When missed", (task.missed != MissedPolicy::RunOnce).then(|| task.missed.to_string()));
    add("When overlapping", (task.overlap != Overlap::Skip).then(|| task.overlap.to_string()));
    add("Jitter", (task.jitter_ms > 0).then(|| span_words(task.jitter_ms)));
    let clock = |m: u32| format!("{:02}:{:02}", m / 60, m % 60);
    add("Quiet", task.quiet.map(|q| format!("{}-{}", clock(q.from), clock(q.until))));
    found
}

/// `GET /tasks/stream`
pub async fn stream(visit: Visit, req: HttpRequest) -> HttpResponse {
    visit
        .answer(async {
            visit.who.may_read()?;
            let feed = TasksFeed::of(&visit, None);
            Ok(page_stream::stream(&req, &visit.app, &visit.who, Topic::Tasks, feed))
        })
        .await
}

/// `GET /tasks/{name}/stream`
pub async fn stream_one(visit: Visit, path: web::Path<String>, req: HttpRequest) -> HttpResponse {
    visit
        .answer(async {
            visit.who.may_read()?;
            let feed = TasksFeed::of(&visit, Some(path.into_inner()));
            Ok(page_stream::stream(&req, &visit.app, &visit.who, Topic::Tasks, feed))
        })
        .await
}

/// What a page shows, sent anew where it changed.
#[derive(Clone)]
struct TasksFeed {
    config: Arc<Config>,
    may: May,
    only: Option<String>,
    shown: Shown,
    bar: TopBar,
    sent: u64,
}

impl Feed for TasksFeed {
    fn next(&mut self, c: &Connection, now: Time) -> Result<Option<Piece>> {
        let fresh = seed();
        let cx = Ctx { now, seed: &fresh };
        let mut html = String::new();
        match self.only.clone() {
            None => {
                let tasks = load(c, &self.config, self.may, now)?;
                html.push_str(&self.shown.renew("#tasks", cx, |cx| view::list(&tasks, cx)));
            }
            Some(name) => {
                let task = load_one(c, &self.config, (&name, None), self.may, now)?;
                html.push_str(&self.shown.renew("#taskhead", cx, |cx| one_view::head(&task, cx)));
                html.push_str(&self.shown.renew("#taskruns", cx, |cx| one_view::runs(&task, cx)));
            }
        }
        html.push_str(&self.bar.look(c, now)?);
        if html.is_empty() {
            return Ok(None);
        }
        self.sent += 1;
        Ok(Some(Piece { id: self.sent.to_string(), html, more: false }))
    }

    fn every(&self) -> Option<Duration> {
        Some(Duration::from_secs(10))
    }
}

impl TasksFeed {
    fn of(visit: &Visit, only: Option<String>) -> TasksFeed {
        let (config, may) = (visit.app.config.clone(), May::of(visit));
        TasksFeed { config, may, only, shown: Shown::default(), bar: TopBar::default(), sent: 0 }
    }
}

/// A form with nothing but its id.
#[derive(Debug, Clone, Deserialize)]
pub struct Bare {
    #[serde(default)]
    client_id: String,
}

/// `POST /tasks/{name}/run`
pub async fn run(sent: Sent<Bare>, path: web::Path<String>) -> HttpResponse {
    let zone = sent.visit.app.config.scheduler.timezone.clone();
    let actor = sent.visit.who.actor.clone();
    press(sent, path.into_inner(), "run", "is on its way", move |tx, name| {
        task_runs::run_by_hand(tx, name, &zone, &actor).map(|_| ())
    })
    .await
}

/// `POST /tasks/{name}/stop`
pub async fn stop(sent: Sent<Bare>, path: web::Path<String>) -> HttpResponse {
    press(sent, path.into_inner(), "stop", "is being stopped", |tx, name| task_runs::stop_by_hand(tx, name).map(|_| ())).await
}

/// `POST /tasks/{name}/pause`
pub async fn pause(sent: Sent<Bare>, path: web::Path<String>) -> HttpResponse {
    press(sent, path.into_inner(), "pause", "is paused", |tx, name| tasks::pause(tx, name, true)).await
}

/// `POST /tasks/{name}/resume`
pub async fn resume(sent: Sent<Bare>, path: web::Path<String>) -> HttpResponse {
    press(sent, path.into_inner(), "resume", "goes on", |tx, name| tasks::pause(tx, name, false)).await
}

/// Does what a button says, once; the stream brings what comes of it.
async fn press(
    sent: Sent<Bare>,
    name: String,
    what: &'static str,
    words: &str,
    work: impl FnOnce(&Tx<'_>, &str) -> Result<()> + Send + 'static,
) -> HttpResponse {
    let Sent { visit, form } = sent;
    visit
        .answer(async {
            visit.who.may_change_tickets()?;
            let to = view::href(&name);
            let key = visit.form_key(&format!("POST {to}/{what}"), &form.client_id, what);
            let mine = name.clone();
            visit
                .once(key, move |tx| {
                    tasks::by_name(tx.conn, &mine)?;
                    work(tx, &mine)?;
                    Ok(String::new())
                })
                .await?;
            let fragments = html! { (toast_partial(Tone::Good, &format!("{name} {words}"), None)) };
            Ok(visit.done("/tasks", fragments))
        })
        .await
}

/// `GET /tasks/{name}/edit`
pub async fn edit(visit: Visit, path: web::Path<String>) -> HttpResponse {
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
pub async fn save(sent: Sent<Edited>, path: web::Path<String>) -> HttpResponse {
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

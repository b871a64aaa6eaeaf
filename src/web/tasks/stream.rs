//! The live streams of the tasks' pages.

use crate::base::doorbell::Topic;
use crate::base::error::Result;
use crate::config::Config;
use crate::domain::time::Time;
use crate::web::http::request::{Visit, seed};
use crate::web::sse::page_stream;
use crate::web::sse::page_stream::{Feed, Piece};
use crate::web::sse::rendered_parts::Shown;
use crate::web::sse::top_bar::TopBar;
use crate::web::tasks::load::{TaskPermissions, load, load_one};
use crate::web::tasks::{view, view_task as one_view};
use crate::web::ui::Ctx;
use actix_web::{HttpRequest, HttpResponse, web};
use rusqlite::Connection;
use std::sync::Arc;
use std::time::Duration;

/// `GET /tasks/stream`
pub async fn list(visit: Visit, req: HttpRequest) -> HttpResponse {
    visit
        .answer(async {
            visit.who.may_read()?;
            let feed = TasksFeed::of(&visit, None);
            Ok(page_stream::stream(&req, &visit.app, &visit.who, Topic::Tasks, feed))
        })
        .await
}

/// `GET /tasks/{name}/stream`
pub async fn one(visit: Visit, path: web::Path<String>, req: HttpRequest) -> HttpResponse {
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
    may: TaskPermissions,
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
        let (config, may) = (visit.app.config.clone(), TaskPermissions::of(visit));
        TasksFeed { config, may, only, shown: Shown::default(), bar: TopBar::default(), sent: 0 }
    }
}

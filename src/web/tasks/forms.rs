//! The buttons of a task: run, stop, pause, resume.

use crate::base::error::Result;
use crate::store::Tx;
use crate::store::task::{task_runs, tasks};
use crate::web::http::form_once::IdOnly;
use crate::web::http::request::Sent;
use crate::web::tasks::view;
use crate::web::ui::toast::{Tone, toast_partial};
use actix_web::{HttpResponse, web};
use maud::html;

/// `POST /tasks/{name}/run`
pub async fn run(sent: Sent<IdOnly>, path: web::Path<String>) -> HttpResponse {
    let zone = sent.visit.app.config.scheduler.timezone.clone();
    let actor = sent.visit.who.actor.clone();
    press(sent, path.into_inner(), "run", "is on its way", move |tx, name| {
        task_runs::run_by_hand(tx, name, &zone, &actor).map(|_| ())
    })
    .await
}

/// `POST /tasks/{name}/stop`
pub async fn stop(sent: Sent<IdOnly>, path: web::Path<String>) -> HttpResponse {
    press(sent, path.into_inner(), "stop", "is being stopped", |tx, name| task_runs::stop_by_hand(tx, name).map(|_| ())).await
}

/// `POST /tasks/{name}/pause`
pub async fn pause(sent: Sent<IdOnly>, path: web::Path<String>) -> HttpResponse {
    press(sent, path.into_inner(), "pause", "is paused", |tx, name| tasks::pause(tx, name, true)).await
}

/// `POST /tasks/{name}/resume`
pub async fn resume(sent: Sent<IdOnly>, path: web::Path<String>) -> HttpResponse {
    press(sent, path.into_inner(), "resume", "goes on", |tx, name| tasks::pause(tx, name, false)).await
}

/// Does what a button says, once; the stream brings what comes of it.
async fn press(
    sent: Sent<IdOnly>,
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

//! A visit: who looks at a page, and how answers are given to them: as a page, as a fragment, as a toast.

use crate::base::error::{Error, Result};
use crate::domain::time::Time;
use crate::store::inbox::items;
use crate::web::http::auth::{Principal, Refused};
use crate::web::http::filled;
use crate::web::http::problem::{Problem, status_of};
use crate::web::http::state::App;
use crate::web::shared::orchestrator_status::orchestrator_status;
use crate::web::shared::waiting;
use crate::web::ui::Ctx;
use crate::web::ui::error_page::{error as error_view, usual};
use crate::web::ui::shell;
use crate::web::ui::shell::{Nav, Shell};
use crate::web::ui::status_indicator::OrchestratorStatus;
use crate::web::ui::template::Template;
use crate::web::ui::toast::{Tone, toast_partial};
use actix_web::http::StatusCode;
use actix_web::http::header::{ContentType, HeaderMap};
use actix_web::{FromRequest, HttpRequest, HttpResponse, dev::Payload, web};
use maud::{Markup, PreEscaped, html};
use serde::de::DeserializeOwned;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// Who looks, and when.
pub struct Visit {
    /// What handlers share.
    pub app: web::Data<App>,
    /// Who it is.
    pub who: Principal,
    /// True where htmx asks and a fragment is the answer.
    pub htmx: bool,
    /// The moment.
    pub now: Time,
    /// The address that was asked for.
    path: String,
    seed: String,
}

impl FromRequest for Visit {
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = std::result::Result<Visit, actix_web::Error>>>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let who = Principal::from_request(req, payload);
        let app = req.app_data::<web::Data<App>>().cloned();
        let htmx = wants_fragment(req.headers());
        let path = req.path().to_owned();
        Box::pin(async move {
            let who = who.await?;
            let app = app.ok_or_else(|| actix_web::error::ErrorInternalServerError("no application state"))?;
            let now = app.store.clock().now();
            Ok(Visit { app, who, htmx, now, path, seed: seed() })
        })
    }
}

/// Whether a fragment is asked for. Full pages are asked for by boosted links, too: only partial requests want fragments.
#[must_use]
pub fn wants_fragment(headers: &HeaderMap) -> bool {
    headers.contains_key("HX-Request") && headers.get("HX-Request-Type").is_none_or(|t| t == "partial")
}

/// A visit that sends a form. The door comes first: whoever may not come in hears nothing of what is wrong with the form.
pub struct Sent<T> {
    /// Who sends it.
    pub visit: Visit,
    /// What was sent.
    pub form: T,
}

impl<T: DeserializeOwned + 'static> FromRequest for Sent<T> {
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = std::result::Result<Sent<T>, actix_web::Error>>>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let visit = Visit::from_request(req, &mut Payload::None);
        let (req, mut payload) = (req.clone(), payload.take());
        Box::pin(async move {
            let visit = visit.await?;
            let form = web::Form::<T>::from_request(&req, &mut payload).await.map_err(|e| Refused::Problem(unreadable(&e)))?;
            Ok(Sent { visit, form: form.into_inner() })
        })
    }
}

fn unreadable(e: &actix_web::Error) -> Problem {
    let status = match e.as_response_error().status_code() {
        StatusCode::UNSUPPORTED_MEDIA_TYPE => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        StatusCode::PAYLOAD_TOO_LARGE => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::BAD_REQUEST,
    };
    Problem::new(status, format!("the form could not be read: {e}"))
}

/// A fresh seed for the client ids of one rendering.
#[must_use]
pub fn seed() -> String {
    format!("{:08x}{:08x}", crate::base::random::u32(), crate::base::random::u32())
}

/// What stands around every page.
#[derive(Default)]
struct Counts {
    needs: i64,
    running: usize,
    luci: OrchestratorStatus,
    reports: i64,
}

impl Visit {
    /// What views need.
    #[must_use]
    pub fn cx(&self) -> Ctx<'_> {
        Ctx { now: self.now, seed: &self.seed }
    }

    /// A whole page.
    pub async fn page(&self, here: Nav, title: &str, crumbs: Vec<(String, String)>, main: Markup) -> HttpResponse {
        self.page_with(StatusCode::OK, here, title, crumbs, String::new(), main).await
    }

    /// A whole page with a status and what stands in the search field.
    pub async fn page_with(
        &self,
        status: StatusCode,
        here: Nav,
        title: &str,
        crumbs: Vec<(String, String)>,
        q: String,
        main: Markup,
    ) -> HttpResponse {
        let shell = self.shell(here, title, crumbs, q).await;
        HttpResponse::build(status).content_type(ContentType::html()).body(shell::page(&shell, &main).into_string())
    }

    /// A whole page whose main part is kept: only what differs for this reader is put in.
    pub async fn page_of(&self, here: Nav, title: &str, q: String, main: &Template) -> HttpResponse {
        const MAIN: &str = "<!-- main -->";
        let shell = self.shell(here, title, Vec::new(), q).await;
        let around = shell::page(&shell, &PreEscaped(MAIN.to_owned())).into_string();
        // Whatever the shell shows beside it is escaped: this mark stands in it once.
        let (before, after) = around.split_once(MAIN).unwrap_or((around.as_str(), ""));
        let body = filled::body(before, main, after, &self.seed, self.now);
        HttpResponse::Ok().content_type(ContentType::html()).body(body)
    }

    async fn shell(&self, here: Nav, title: &str, crumbs: Vec<(String, String)>, q: String) -> Shell {
        let counts = self.counts().await.unwrap_or_default();
        Shell {
            title: title.to_owned(),
            here,
            needs: counts.needs,
            reports: counts.reports,
            running: i64::try_from(counts.running).unwrap_or(0),
            slots: i64::try_from(self.app.config.max_workers).unwrap_or(0),
            luci: counts.luci,
            now: self.now,
            user_name: self.who.actor.name().to_owned(),
            crumbs,
            q,
        }
    }

    /// What stands around every page: read once after each commit.
    async fn counts(&self) -> Result<Arc<Counts>> {
        let (version, name) = (self.app.store.version(), "shell".to_owned());
        if let Some(known) = self.app.reads.made(version, &name) {
            return Ok(known);
        }
        let counts = self
            .app
            .store
            .query(|c| {
                Ok(Arc::new(Counts {
                    needs: waiting::needs_count(c)?,
                    running: crate::store::run::runs::live(c)?.len(),
                    luci: orchestrator_status(c)?,
                    reports: items::waiting_count(c, waiting::REPORTS_COUNTED)?,
                }))
            })
            .await?;
        self.app.reads.keep(version, name, counts.clone());
        Ok(counts)
    }

    /// The answer to a state change that went well: fragments for htmx, a redirect without script.
    #[must_use]
    pub fn done(&self, to: &str, fragments: Markup) -> HttpResponse {
        if self.htmx {
            return html_response(StatusCode::OK, &fragments);
        }
        HttpResponse::SeeOther().insert_header(("Location", to)).finish()
    }

    /// The answer where something went wrong: a toast for htmx, a page otherwise.
    pub async fn failed(&self, e: &Error) -> HttpResponse {
        let status = match status_of(e) {
            StatusCode::BAD_REQUEST => StatusCode::UNPROCESSABLE_ENTITY,
            other => other,
        };
        let words = words(e);
        if self.htmx {
            return html_response(status, &toast(&words));
        }
        let here = Nav::of(&self.path);
        let page = usual(status.as_u16(), &words, here);
        let title = page.title.clone();
        let crumbs = vec![(title.clone(), self.path.clone())];
        self.page_with(status, here, &title, crumbs, String::new(), error_view(&page)).await
    }

    /// Answers with what `work` made, or says what went wrong.
    pub async fn answer(&self, work: impl Future<Output = Result<HttpResponse>>) -> HttpResponse {
        match work.await {
            Ok(response) => response,
            Err(e) => self.failed(&e).await,
        }
    }
}

fn toast(words: &str) -> Markup {
    // The body's rule puts the answer to a failed request at the end of the toasts; the partial does it for all.
    html! { (toast_partial(Tone::Bad, words, None)) }
}

/// An error in words for people. A fault of ours is logged here, and nobody else hears its text.
#[must_use]
pub fn words(e: &Error) -> String {
    match e {
        Error::Internal(text) => {
            tracing::error!(error = %text, "a request failed");
            String::new()
        }
        Error::NotFound(_) | Error::Invalid(_) | Error::Conflict(_) | Error::Busy(_) | Error::Denied(_) => e.to_string(),
    }
}

/// HTML with a status.
#[must_use]
pub fn html_response(status: StatusCode, markup: &Markup) -> HttpResponse {
    HttpResponse::build(status).content_type(ContentType::html()).body(markup.0.clone())
}

//! The console: the screen of the orchestrator's session, and who else is at work.

use crate::base::error::{Error, Result};
use crate::domain::ids::TicketId;
use crate::domain::orchestrator::session::LUCI;
use crate::store::run::runs;
use crate::web::console::load::{known_rows, look, mark, rows};
use crate::web::console::view::{Term, console as view, sessions as list, terminal};
use crate::web::http::request::{Visit, html_response};
use crate::web::ui::error_page::{ErrorPage, error as error_view};
use crate::web::ui::shell::Nav;
use crate::web::ui::status_indicator::lamp_partial;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use maud::{Markup, html};
use serde::Deserialize;

/// What a page or a poll asks for.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Query {
    #[serde(default)]
    session: String,
    #[serde(default)]
    lines: u32,
    #[serde(default)]
    seen: String,
}

/// `GET /console?session=…&lines=…`
pub async fn get(visit: Visit, query: web::Query<Query>) -> HttpResponse {
    visit
        .answer(async {
            let name = if query.session.is_empty() { LUCI } else { &query.session };
            if name != LUCI {
                return elsewhere(&visit, name).await;
            }
            let config = visit.app.config.clone();
            let rows = visit.app.store.query(move |c| rows(c, &config)).await?;
            let term = look(&visit, query.lines).await?;
            let main = view(&rows, &mark(&rows), &term, visit.cx());
            let crumbs = vec![("Console".to_owned(), "/console".to_owned())];
            Ok(visit.page(Nav::Luci, "Console", crumbs, main).await)
        })
        .await
}

/// A session that is not the orchestrator's: a worker's is shown with its ticket, another one is not there.
async fn elsewhere(visit: &Visit, name: &str) -> Result<HttpResponse> {
    let ticket = name.strip_prefix("mc-").filter(|rest| rest.starts_with("mc-")).and_then(|id| id.parse::<TicketId>().ok());
    if let Some(id) = ticket
        && visit.app.store.query(move |c| runs::live_of(c, id)).await?.is_some()
    {
        let to = format!("/tickets/{id}?tab=live");
        return Ok(HttpResponse::SeeOther().insert_header(("Location", to)).finish());
    }
    let page = ErrorPage {
        status: 404,
        title: "There is no such session".to_owned(),
        text: format!(
            "“{}” does not run. It may have ended; what a worker did stands with its ticket.",
            crate::domain::text::cut_chars(name, 80).0
        ),
        next: vec![("To the console".to_owned(), "/console".to_owned()), ("To the board".to_owned(), "/board".to_owned())],
    };
    Ok(visit.page_with(StatusCode::NOT_FOUND, Nav::Luci, "No such session", Vec::new(), String::new(), error_view(&page)).await)
}

/// `GET /console/screen?session=…&seen=…`: the screen, or nothing where it is as the page has it.
pub async fn fragment(visit: Visit, query: web::Query<Query>) -> HttpResponse {
    visit
        .answer(async {
            if query.session != LUCI {
                return Err(Error::not_found("this session"));
            }
            let term = look(&visit, 0).await?;
            if term.mark() == query.seen {
                return Ok(HttpResponse::NoContent().finish());
            }
            Ok(html_response(StatusCode::OK, &fragments(&term, &visit)))
        })
        .await
}

/// `GET /console/sessions?seen=…`: the list, or nothing where it is as the page has it.
pub async fn list_fragment(visit: Visit, query: web::Query<Query>) -> HttpResponse {
    visit
        .answer(async {
            let known = known_rows(&visit).await?;
            let (rows, mark) = &*known;
            if *mark == query.seen {
                return Ok(HttpResponse::NoContent().finish());
            }
            Ok(html_response(StatusCode::OK, &list(rows, mark, visit.cx())))
        })
        .await
}

/// Answers with the screen as it is now.
///
/// # Errors
/// The session could not be asked.
pub async fn shown(visit: &Visit) -> Result<HttpResponse> {
    let term = look(visit, 0).await?;
    Ok(visit.done("/console#screen", fragments(&term, visit)))
}

/// The screen, and how Luci stands in the top bar.
fn fragments(term: &Term, visit: &Visit) -> Markup {
    html! { (terminal(term, visit.cx())) (lamp_partial(term.orchestrator_status, visit.now)) }
}

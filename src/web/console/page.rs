//! The console: the screen of the orchestrator's session, its keys, and who else is at work.

use crate::base::error::{Error, Result};
use crate::config::Config;
use crate::domain::ids::TicketId;
use crate::domain::orchestrator::session::{LUCI, SessionState};
use crate::domain::profile::Profile;
use crate::domain::run::RunState;
use crate::domain::ticket::Status;
use crate::engine::Engine;
use crate::engine::console;
use crate::engine::console::keyboard::KeyboardOwner;
use crate::engine::console::keys::ConsoleKey;
use crate::engine::console::{ConsoleContent, input, keyboard};
use crate::store::db::audit;
use crate::store::orchestrator::{sessions, turns};
use crate::store::run::runs;
use crate::store::ticket::tickets;
use crate::web::console::view::{Row, Term, console as view, line, sessions as list, state, terminal};
use crate::web::http::request::{Sent, Visit, html_response};
use crate::web::orchestrator::load::standing;
use crate::web::ui::error_page::{ErrorPage, error as error_view};
use crate::web::ui::shell::Nav;
use crate::web::ui::status_indicator::lamp_partial;
use crate::web::ui::stream::partial;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use maud::{Markup, html};
use rusqlite::Connection;
use serde::Deserialize;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

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

/// The list and its mark, read once after each commit.
async fn known_rows(visit: &Visit) -> Result<Arc<(Vec<Row>, String)>> {
    let config = visit.app.config.clone();
    let (version, name) = (visit.app.store.version(), format!("console {}", config.default_profile()));
    if let Some(known) = visit.app.reads.made(version, &name) {
        return Ok(known);
    }
    let rows = visit.app.store.query(move |c| rows(c, &config)).await?;
    let mark = mark(&rows);
    let known = Arc::new((rows, mark));
    visit.app.reads.keep(version, name, known.clone());
    Ok(known)
}

/// Take over (`1`) or hand back (`0`).
#[derive(Debug, Deserialize)]
pub struct Keyboard {
    take: String,
}

/// `POST /console/keyboard`
pub async fn keyboard(sent: Sent<Keyboard>) -> HttpResponse {
    let Sent { visit, form } = sent;
    visit
        .answer(async {
            visit.who.owner()?;
            let who = visit.who.actor.clone();
            let take = match form.take.as_str() {
                "1" => true,
                "0" => false,
                _ => return Err(Error::field("take", "is 1 or 0")),
            };
            blocking(
                &visit,
                move |engine| {
                    if take { keyboard::take_keyboard(engine, &who) } else { keyboard::hand_back(engine, &who) }
                },
            )
            .await?;
            shown(&visit).await
        })
        .await
}

/// A key.
#[derive(Debug, Deserialize)]
pub struct Keys {
    key: String,
}

/// `POST /console/keys`. Each request is one press: pressing twice is meant.
pub async fn keys(sent: Sent<Keys>) -> HttpResponse {
    let Sent { visit, form } = sent;
    visit
        .answer(async {
            visit.who.owner()?;
            let key = ConsoleKey::parse(&form.key).ok_or_else(|| Error::field("key", "is unknown"))?;
            let who = visit.who.actor.clone();
            blocking(&visit, move |engine| input::press(engine, &who, key)).await?;
            shown(&visit).await
        })
        .await
}

/// A line.
#[derive(Debug, Deserialize)]
pub struct Line {
    line: String,
    #[serde(default)]
    client_id: String,
}

/// `POST /console/line`
pub async fn type_line(sent: Sent<Line>) -> HttpResponse {
    let Sent { visit, form } = sent;
    visit
        .answer(async {
            visit.who.owner()?;
            let key = visit.form_key("POST /console/line", &form.client_id, &form.line);
            let who = visit.who.actor.clone();
            blocking(&visit, move |engine| input::type_line(engine, &who, &key, &form.line)).await?;
            let term = look(&visit, 0).await?;
            let fragments = html! {
                (partial("#term", "outerMorph", &terminal(&term, visit.cx())))
                // Replaced, not morphed: what was typed has gone.
                (partial("#typing", "outerHTML", &line(&term, true, visit.cx())))
            };
            Ok(visit.done("/console#typing", fragments))
        })
        .await
}

/// `POST /console/start`
pub async fn start(visit: Visit) -> HttpResponse {
    visit
        .answer(async {
            visit.who.owner()?;
            let who = visit.who.actor.clone();
            visit
                .app
                .store
                .call(move |tx| {
                    sessions::want(tx, true)?;
                    audit::record(tx, who.name(), "luci_start", None, "")
                })
                .await?;
            shown(&visit).await
        })
        .await
}

async fn shown(visit: &Visit) -> Result<HttpResponse> {
    let term = look(visit, 0).await?;
    Ok(visit.done("/console#screen", fragments(&term, visit)))
}

/// The screen, and how Luci stands in the top bar.
fn fragments(term: &Term, visit: &Visit) -> Markup {
    html! { (terminal(term, visit.cx())) (lamp_partial(term.standing, visit.now)) }
}

async fn look(visit: &Visit, lines: u32) -> Result<Term> {
    let owner = visit.who.owner().is_ok();
    blocking(visit, move |engine| load(engine, lines.min(console::HISTORY_MAX), owner)).await
}

/// tmux and the files are asked on a thread that may wait.
async fn blocking<T: Send + 'static>(visit: &Visit, work: impl FnOnce(&Engine) -> Result<T> + Send + 'static) -> Result<T> {
    let app = visit.app.clone();
    web::block(move || work(&app.engine)).await.map_err(|e| Error::Internal(e.to_string()))?
}

fn load(engine: &Engine, lines: u32, owner: bool) -> Result<Term> {
    let (hands, standing, newest, wanted, open) = engine.store.read(|c| {
        let hands = KeyboardOwner::read(c)?;
        Ok((hands, standing(c)?, sessions::newest(c)?, sessions::wanted(c)?, turns::open_count(c)?))
    })?;
    let shown = match &newest {
        Some(session) => console::content(engine, session, lines)?,
        None => ConsoleContent::Nothing,
    };
    let profile =
        newest.as_ref().map_or_else(|| engine.config.orchestrator_profile(wanted.profile.as_deref()), |s| s.profile.clone());
    Ok(Term {
        waiting: open - i64::from(hands.turn.is_some()),
        hands,
        standing,
        wanted: wanted.on,
        shown,
        lines,
        profile: label(&engine.config, &profile),
        cwd: engine.config.workspace.display().to_string(),
        attach: console::attach_command(engine, LUCI),
        owner,
        session: newest,
    })
}

fn label(config: &Config, profile: &str) -> String {
    config.profile(profile).map_or_else(|| profile.to_owned(), Profile::label)
}

/// Who is at work: the orchestrator first, then the live runs.
fn rows(c: &Connection, config: &Config) -> Result<Vec<Row>> {
    let mut out = vec![orchestrator(c, config)?];
    for run in runs::live(c)? {
        let ticket = tickets::get(c, run.ticket)?;
        let (st, word) = match (run.state, ticket.status) {
            (RunState::Starting, _) => ("todo", "Starting"),
            (_, Status::NeedsInput) => ("input", "Waits for you"),
            (RunState::Running | RunState::Finished | RunState::Failed | RunState::Stopped | RunState::Lost, _) => {
                ("progress", "Working")
            }
        };
        out.push(Row {
            name: format!("mc-mc-{}", run.ticket.0),
            ticket: Some(run.ticket),
            st,
            state: word,
            profile: label(config, &run.profile),
            since: Some(run.started_at.unwrap_or(run.created_at)),
            last: run.last_output_at,
            tokens: run.tokens.input + run.tokens.output + run.tokens.cache_read + run.tokens.cache_creation,
            cwd: run.cwd,
        });
    }
    Ok(out)
}

fn orchestrator(c: &Connection, config: &Config) -> Result<Row> {
    let (session, wanted) = (sessions::newest(c)?, sessions::wanted(c)?);
    let (st, word) = session.as_ref().map_or(("inbox", "Not started"), |s| state(s.state));
    let profile = session.as_ref().map_or_else(|| config.orchestrator_profile(wanted.profile.as_deref()), |s| s.profile.clone());
    let live = session.as_ref().filter(|s| !matches!(s.state, SessionState::Down | SessionState::Broken | SessionState::Ended));
    Ok(Row {
        name: LUCI.to_owned(),
        ticket: None,
        st,
        state: word,
        profile: label(config, &profile),
        cwd: Some(config.workspace.display().to_string()),
        since: live.and_then(|s| s.launched_at),
        last: session.as_ref().and_then(|s| s.last_activity_at),
        tokens: session.as_ref().map_or(0, |s| s.context_tokens),
    })
}

fn mark(rows: &[Row]) -> String {
    let mut hasher = DefaultHasher::new();
    format!("{rows:?}").hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

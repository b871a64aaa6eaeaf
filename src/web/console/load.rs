//! From the session, its files and rows to what the console shows.

use crate::base::error::{Error, Result};
use crate::config::Config;
use crate::domain::orchestrator::session::{LUCI, SessionState};
use crate::domain::profile::Profile;
use crate::domain::run::RunState;
use crate::domain::ticket::Status;
use crate::engine::console::ConsoleContent;
use crate::engine::console::keyboard::KeyboardOwner;
use crate::engine::{Engine, console};
use crate::store::orchestrator::{sessions, turns};
use crate::store::run::runs;
use crate::store::ticket::tickets;
use crate::web::console::view::{Row, Term, state};
use crate::web::http::request::Visit;
use crate::web::shared::orchestrator_status::orchestrator_status;
use actix_web::web;
use rusqlite::Connection;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// The terminal as it is now.
///
/// # Errors
/// The session could not be asked.
pub async fn look(visit: &Visit, lines: u32) -> Result<Term> {
    let owner = visit.who.owner().is_ok();
    blocking(visit, move |engine| load(engine, lines.min(console::HISTORY_MAX), owner)).await
}

/// tmux and the files are asked on a thread that may wait.
///
/// # Errors
/// What the work failed with.
pub async fn blocking<T: Send + 'static>(visit: &Visit, work: impl FnOnce(&Engine) -> Result<T> + Send + 'static) -> Result<T> {
    let app = visit.app.clone();
    web::block(move || work(&app.engine)).await.map_err(|e| Error::Internal(e.to_string()))?
}

fn load(engine: &Engine, lines: u32, owner: bool) -> Result<Term> {
    let (hands, orchestrator_status, newest, wanted, open) = engine.store.read(|c| {
        let hands = KeyboardOwner::read(c)?;
        Ok((hands, orchestrator_status(c)?, sessions::newest(c)?, sessions::wanted(c)?, turns::open_count(c)?))
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
        orchestrator_status,
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
///
/// # Errors
/// The store failed.
pub fn rows(c: &Connection, config: &Config) -> Result<Vec<Row>> {
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

/// The list and its mark, read once after each commit.
///
/// # Errors
/// The store failed.
pub async fn known_rows(visit: &Visit) -> Result<Arc<(Vec<Row>, String)>> {
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

/// A short mark of the list: a poll that has the same one is told nothing.
#[must_use]
pub fn mark(rows: &[Row]) -> String {
    let mut hasher = DefaultHasher::new();
    format!("{rows:?}").hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

//! Tickets: list, make, show, change.

use crate::base::error::Result;
use crate::config::Config;
use crate::domain::actor::{Actor, Scope};
use crate::domain::ticket::draft;
use crate::domain::ticket::draft::Message;
use crate::domain::ticket::{Priority, Status, Title, WorkClass};
use crate::store::Tx;
use crate::store::ticket::filter::{Cursor, Filter};
use crate::store::ticket::lifecycle;
use crate::store::ticket::lists;
use crate::store::ticket::tickets;
use crate::store::ticket::tickets::{NewTicket, Patch};
use crate::web::api::body::Body;
use crate::web::api::dto::{Page, TicketBody, ticket_out, tickets_out};
use crate::web::api::idempotent::once;
use crate::web::api::params::{Identifier, Params};
use crate::web::http::auth::Principal;
use crate::web::http::problem::ApiError;
use crate::web::http::state::App;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

type Answer = std::result::Result<HttpResponse, ApiError>;

/// `GET /tickets`
pub async fn list(app: web::Data<App>, _principal: Principal, mut query: Params) -> Answer {
    let limit = query.limit();
    let mut filter = Filter {
        status: query.word("status"),
        project: query.text("project"),
        role: None,
        priority: query.word("priority"),
        q: query.text("q"),
    };
    if let Some(name) = query.text("role") {
        match app.config.check_role(&name) {
            Ok(role) => filter.role = Some(role.as_str().to_owned()),
            Err(e) => query.wrong("role", e.to_string().trim_start_matches("role ")),
        }
    }
    // A project that is no longer configured still has its tickets.
    if let Some(Ok(name)) = filter.project.as_deref().map(|p| app.config.check_project(p)) {
        filter.project = Some(name);
    }
    if filter.q.as_ref().is_some_and(|q| q.chars().count() > 500) {
        query.wrong("q", "is longer than 500 characters");
    }
    let cursor = query.text("cursor");
    let after = cursor.as_deref().and_then(Cursor::parse);
    if cursor.is_some() && after.is_none() {
        query.wrong("cursor", "is no cursor of this list");
    }
    query.finish()?;
    let (config, now) = (app.config.clone(), app.store.clock().now());
    let is_narrow = filter.q.is_some() || filter.project.is_some() || filter.role.is_some() || filter.priority.is_some();
    let read = move |c: &rusqlite::Connection| {
        let (list, next) = lists::list(c, &filter, after, limit)?;
        Ok(Page { items: tickets_out(c, &list, now, &config)?, next_cursor: next.map(Cursor::text) })
    };
    let found = if is_narrow { app.store.query_long(read).await? } else { app.store.query(read).await? };
    Ok(HttpResponse::Ok().json(found))
}

/// `GET /tickets/{identifier}`
pub async fn show(app: web::Data<App>, _principal: Principal, id: Identifier) -> Answer {
    let (config, now) = (app.config.clone(), app.store.clock().now());
    let found = app.store.query(move |c| ticket_out(c, &tickets::get(c, id.0)?, now, &config));
    Ok(HttpResponse::Ok().json(found.await?))
}

/// `POST /tickets`
pub async fn create(app: web::Data<App>, principal: Principal, req: HttpRequest, mut body: Body) -> Answer {
    let title = match body.text("title") {
        Some(text) => read_title(&mut body, &text),
        None => {
            if !body.is_wrong("title") {
                body.wrong("title", "is missing");
            }
            None
        }
    };
    let mut new = NewTicket::titled(title.unwrap_or_else(|| Title::stored(String::new())));
    new.description = body.long("description").unwrap_or_default();
    read_common(&mut body, &app.config, &mut new);
    new.parent = body.ticket("parent");
    new.blocked_by = body.tickets("blocked_by").unwrap_or_default();
    body.finish()?;
    if let Scope::Ticket(own) = principal.scope {
        // An agent may only cut its own ticket into parts.
        principal.ticket(*new.parent.get_or_insert(own))?;
    }
    let (actor, config) = (principal.actor.clone(), app.config.clone());
    let work = move |tx: &Tx<'_>| {
        let ticket = tickets::create(tx, &new, &actor)?;
        ticket_out(tx.conn, &ticket, tx.now, &config)
    };
    once(&app, &principal, &req, &body, StatusCode::CREATED, work).await
}

/// `PATCH /tickets/{identifier}`
pub async fn patch(app: web::Data<App>, principal: Principal, id: Identifier, mut body: Body) -> Answer {
    let mut change = Patch::default();
    for name in ["title", "description", "status", "priority", "role", "work_class"] {
        if body.is_null(name) {
            body.wrong(name, "cannot be null");
        }
    }
    if let Some(text) = body.text("title") {
        change.title = read_title(&mut body, &text);
    }
    change.description = body.long("description");
    change.priority = body.word("priority");
    change.role = body.text("role").and_then(|r| body.checked(app.config.check_role(&r)));
    if body.has("project") {
        let name = body.text("project").unwrap_or_default();
        change.project = body.checked(app.config.check_project(&name));
    }
    if body.has("profile") {
        let name = body.text("profile").filter(|p| !p.is_empty());
        if let Some(name) = &name {
            body.checked(app.config.check_profile(name));
        }
        change.profile = Some(name);
    }
    change.work_class = body.word("work_class");
    change.parent = body.has("parent").then(|| body.ticket("parent"));
    change.blocked_by = if body.is_null("blocked_by") { Some(Vec::new()) } else { None };
    change.blocked_by = body.tickets("blocked_by").or(change.blocked_by);
    let status: Option<Status> = body.word("status");
    let version = body.whole("version");
    body.finish()?;
    let (actor, config) = (principal.actor.clone(), app.config.clone());
    let done = app.store.call(move |tx| {
        let mut ticket = tickets::patch(tx, id.0, &change, &actor, version)?;
        if let Some(to) = status {
            ticket = lifecycle::move_to(tx, id.0, to, &actor, None, config.as_ref())?;
        }
        ticket_out(tx.conn, &ticket, tx.now, &config)
    });
    Ok(HttpResponse::Ok().json(done.await?))
}

/// `POST /session_start`
pub async fn session_start(app: web::Data<App>, principal: Principal, req: HttpRequest, mut body: Body) -> Answer {
    let mode = body.needed("mode");
    if !matches!(mode.as_str(), "" | "quick_ticket" | "implement_now" | "plan") {
        body.wrong("mode", "is unknown; known are quick_ticket, implement_now, plan");
    }
    let message = body.needed("message");
    let said = Said::of(&body);
    let title = body.text("title").and_then(|text| read_title(&mut body, &text));
    let mut draft = match message.as_str() {
        "" => None,
        text => body.checked(draft::read(&Message { text, title, attached: None }, app.config.as_ref())),
    };
    if let Some(draft) = draft.as_mut().filter(|_| body.has("project")) {
        draft.project = None;
    }
    let notes = draft.as_mut().map(|d| std::mem::take(&mut d.notes)).unwrap_or_default();
    let mut new = draft.map_or_else(|| NewTicket::titled(Title::stored(String::new())), NewTicket::drafted);
    read_common(&mut body, &app.config, &mut new);
    body.finish()?;
    if mode == "plan" {
        return crate::web::api::orchestrator::queue(&app, &principal, &req, &body, message + &said.trailer()).await;
    }
    let now = mode == "implement_now";
    let (actor, config) = (principal.actor.clone(), app.config.clone());
    let work = move |tx: &Tx<'_>| started(tx, &new, &notes, &actor, &config, now);
    once(&app, &principal, &req, &body, StatusCode::CREATED, work).await
}

/// Fields beside the message: planning has no ticket yet to hold them, so they go with the words.
struct Said(Vec<String>);

impl Said {
    fn of(body: &Body) -> Said {
        const FIELDS: &[&str] = &["title", "project", "role", "priority", "profile", "work_class"];
        Said(FIELDS.iter().filter_map(|name| Some(format!("{name}: {}", body.peek(name)?))).collect())
    }

    fn trailer(&self) -> String {
        if self.0.is_empty() { String::new() } else { format!("\n\n({})", self.0.join(", ")) }
    }
}

fn started(
    tx: &Tx<'_>,
    new: &NewTicket,
    notes: &[String],
    actor: &Actor,
    config: &Config,
    now: bool,
) -> Result<serde_json::Value> {
    let ticket = crate::web::composer::page::create(tx, new, now, actor, config)?;
    let shown: TicketBody = ticket_out(tx.conn, &ticket, tx.now, config)?;
    let mut answer = serde_json::json!({ "ticket": shown });
    if !notes.is_empty() {
        answer["notes"] = serde_json::json!(notes);
    }
    Ok(answer)
}

fn read_title(body: &mut Body, text: &str) -> Option<Title> {
    match text.parse() {
        Ok(title) => Some(title),
        Err(e) => {
            body.wrong("title", format!("{e}"));
            None
        }
    }
}

/// The fields that all ways of making a ticket share; what is not sent stays as it is.
fn read_common(body: &mut Body, config: &Config, new: &mut NewTicket) {
    match body.word::<Status>("status") {
        None => {}
        Some(status @ (Status::Inbox | Status::Todo)) => new.status = status,
        Some(Status::InProgress) => {
            body.wrong("status", "cannot be in_progress from the start: POST /api/v1/session_start with mode implement_now");
        }
        Some(Status::NeedsInput | Status::InReview | Status::Blocked | Status::Done | Status::Cancelled) => {
            body.wrong("status", "of a new ticket is inbox or todo");
        }
    }
    if let Some(priority) = body.word::<Priority>("priority") {
        new.priority = priority;
    }
    if let Some(name) = body.text("role") {
        new.role = body.checked(config.check_role(&name)).unwrap_or_default();
    }
    if let Some(name) = body.text("project") {
        new.project = body.checked(config.check_project(&name)).unwrap_or_default();
    }
    if let Some(name) = body.text("profile").filter(|p| !p.is_empty()) {
        body.checked(config.check_profile(&name));
        new.profile = Some(name);
    }
    if let Some(class) = body.word::<WorkClass>("work_class") {
        new.work_class = class;
    }
}

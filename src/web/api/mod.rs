//! JSON under `/api/v1`: a contract with structs of its own.

pub(crate) mod admin;
pub(crate) mod body;
pub(crate) mod comments;
pub(crate) mod dto;
pub(crate) mod events;
pub(crate) mod idempotent;
pub(crate) mod inbox;
pub(crate) mod openapi;
pub(crate) mod orchestrator;
pub(crate) mod params;
pub(crate) mod proposals;
pub(crate) mod runs;
pub(crate) mod tasks;
pub(crate) mod tickets;
pub(crate) mod turns;

use crate::web::http::auth::{Access, Route};
use actix_web::web;

/// Every route of the contract.
pub const ROUTES: &[Route] = &[
    route("GET", "/api/v1/health", Access::Public, || web::to(admin::health)),
    route("GET", "/api/v1/openapi.json", Access::Ticket, || web::to(openapi::document)),
    route("POST", "/api/v1/session_start", Access::Change, || web::to(tickets::session_start)),
    route("GET", "/api/v1/tickets", Access::Read, || web::to(tickets::list)),
    route("POST", "/api/v1/tickets", Access::Ticket, || web::to(tickets::create)),
    route("GET", "/api/v1/tickets/{identifier}", Access::Ticket, || web::to(tickets::show)),
    route("PATCH", "/api/v1/tickets/{identifier}", Access::Change, || web::to(tickets::patch)),
    route("GET", "/api/v1/tickets/{identifier}/comments", Access::Ticket, || web::to(comments::list)),
    route("POST", "/api/v1/tickets/{identifier}/comments", Access::Ticket, || web::to(comments::add)),
    route("GET", "/api/v1/tickets/{identifier}/evidence", Access::Ticket, || web::to(comments::evidence)),
    route("POST", "/api/v1/tickets/{identifier}/report", Access::Ticket, || web::to(comments::report)),
    route("GET", "/api/v1/tickets/{identifier}/events", Access::Ticket, || web::to(events::list)),
    route("GET", "/api/v1/tickets/{identifier}/stream", Access::Ticket, || web::to(events::of_ticket)),
    route("GET", "/api/v1/tickets/{identifier}/runs", Access::Ticket, || web::to(runs::of_ticket)),
    route("POST", "/api/v1/tickets/{identifier}/stop", Access::Change, || web::to(runs::stop)),
    route("GET", "/api/v1/runs/{id}", Access::Ticket, || web::to(runs::show)),
    route("GET", "/api/v1/runs/{id}/log", Access::Ticket, || web::to(runs::log)),
    route("GET", "/api/v1/stream", Access::Read, || web::to(events::of_board)),
    route("POST", "/api/v1/persistent_luci/send", Access::Change, || web::to(orchestrator::send)),
    route("GET", "/api/v1/persistent_luci/harvest", Access::Read, || web::to(orchestrator::harvest)),
    route("GET", "/api/v1/persistent_luci/status", Access::Read, || web::to(orchestrator::status)),
    route("POST", "/api/v1/persistent_luci/start", Access::Change, || web::to(orchestrator::start)),
    route("POST", "/api/v1/persistent_luci/stop", Access::Change, || web::to(orchestrator::stop)),
    route("POST", "/api/v1/persistent_luci/switch", Access::Change, || web::to(orchestrator::switch)),
    route("POST", "/api/v1/chat", Access::Change, || web::to(orchestrator::chat)),
    route("GET", "/api/v1/turns", Access::Read, || web::to(turns::list)),
    route("GET", "/api/v1/turns/{id}", Access::Read, || web::to(turns::show)),
    route("POST", "/api/v1/turns/{id}/cancel", Access::Change, || web::to(turns::cancel)),
    route("POST", "/api/v1/turns/{id}/retry", Access::Change, || web::to(turns::retry)),
    route("GET", "/api/v1/proposals", Access::Read, || web::to(proposals::list)),
    route("POST", "/api/v1/proposals/{id}/apply", Access::Change, || web::to(proposals::apply)),
    route("POST", "/api/v1/proposals/{id}/dismiss", Access::Change, || web::to(proposals::dismiss)),
    route("POST", "/api/v1/proposals/{id}/undo", Access::Change, || web::to(proposals::undo)),
    route("GET", "/api/v1/tasks", Access::Read, || web::to(tasks::list)),
    route("GET", "/api/v1/tasks/{name}/runs", Access::Read, || web::to(tasks::runs)),
    route("POST", "/api/v1/tasks/{name}/run", Access::Change, || web::to(tasks::run)),
    route("POST", "/api/v1/tasks/{name}/stop", Access::Change, || web::to(tasks::stop)),
    route("POST", "/api/v1/tasks/{name}/pause", Access::Change, || web::to(tasks::pause)),
    route("POST", "/api/v1/tasks/{name}/resume", Access::Change, || web::to(tasks::resume)),
    route("GET", "/api/v1/orchestrator_inbox", Access::Read, || web::to(inbox::list)),
    route("POST", "/api/v1/orchestrator_inbox", Access::Change, || web::to(inbox::post)),
    route("GET", "/api/v1/liveness", Access::Read, || web::to(admin::liveness)),
    route("GET", "/api/v1/check", Access::Owner, || web::to(admin::invariants)),
    route("POST", "/api/v1/tick/{name}", Access::Owner, || web::to(admin::tick)),
    route("POST", "/api/v1/profiles/{name}/resume", Access::Change, || web::to(admin::resume)),
];

const fn route(method: &'static str, path: &'static str, access: Access, register: fn() -> actix_web::Route) -> Route {
    Route { method, path, access, register }
}

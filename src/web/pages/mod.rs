//! The HTML pages: handlers that read the store, load what a view needs, and call the view.

pub mod board;
pub mod board_stream;
pub mod composer;
pub mod console;
pub mod edit;
pub mod home;
pub mod home_stream;
pub mod inbox;
pub mod load;
pub mod login;
pub mod luci;
pub mod luci_forms;
pub mod luci_load;
pub mod luci_proposals;
pub mod luci_stream;
pub mod settings;
pub mod tasks;
pub mod telegram;
pub mod ticket;
pub mod ticket_forms;
pub mod ticket_stream;
pub mod top_bar;
pub mod visit;

use super::assets;
use super::guard::{Access, Route};
use actix_web::web;

/// Every page, fragment and form.
pub const ROUTES: &[Route] = &[
    Route { method: "GET", path: "/", access: Access::Read, register: || web::to(home::get) },
    Route { method: "GET", path: "/stream", access: Access::Read, register: || web::to(home_stream::get) },
    Route { method: "POST", path: "/composer", access: Access::Change, register: || web::to(composer::post) },
    Route { method: "GET", path: "/board", access: Access::Read, register: || web::to(board::get) },
    Route { method: "GET", path: "/board/stream", access: Access::Read, register: || web::to(board_stream::get) },
    Route { method: "GET", path: "/board/column/{status}", access: Access::Read, register: || web::to(board::column) },
    Route { method: "GET", path: "/tickets/{identifier}", access: Access::Read, register: || web::to(ticket::get) },
    Route { method: "GET", path: "/tickets/{identifier}/stream", access: Access::Read, register: || web::to(ticket_stream::get) },
    Route { method: "GET", path: "/tickets/{identifier}/events", access: Access::Read, register: || web::to(ticket::older) },
    Route { method: "GET", path: "/tickets/{identifier}/edit", access: Access::Change, register: || web::to(edit::get) },
    Route { method: "POST", path: "/tickets/{identifier}/edit", access: Access::Change, register: || web::to(edit::post) },
    Route {
        method: "POST",
        path: "/tickets/{identifier}/reply",
        access: Access::Change,
        register: || web::to(ticket_forms::reply),
    },
    Route {
        method: "POST",
        path: "/tickets/{identifier}/move",
        access: Access::Change,
        register: || web::to(ticket_forms::move_to),
    },
    Route {
        method: "POST",
        path: "/tickets/{identifier}/stop",
        access: Access::Change,
        register: || web::to(ticket_forms::stop),
    },
    Route { method: "GET", path: "/console", access: Access::Read, register: || web::to(console::get) },
    Route { method: "GET", path: "/console/screen", access: Access::Read, register: || web::to(console::fragment) },
    Route { method: "GET", path: "/console/sessions", access: Access::Read, register: || web::to(console::list_fragment) },
    Route { method: "POST", path: "/console/start", access: Access::Owner, register: || web::to(console::start) },
    Route { method: "POST", path: "/console/keyboard", access: Access::Owner, register: || web::to(console::keyboard) },
    Route { method: "POST", path: "/console/keys", access: Access::Owner, register: || web::to(console::keys) },
    Route { method: "POST", path: "/console/line", access: Access::Owner, register: || web::to(console::type_line) },
    Route { method: "GET", path: "/luci", access: Access::Read, register: || web::to(luci::get) },
    Route { method: "GET", path: "/luci/stream", access: Access::Read, register: || web::to(luci_stream::get) },
    Route { method: "POST", path: "/luci/send", access: Access::Change, register: || web::to(luci_forms::send) },
    Route { method: "POST", path: "/luci/start", access: Access::Change, register: || web::to(luci_forms::start) },
    Route { method: "POST", path: "/luci/stop", access: Access::Change, register: || web::to(luci_forms::stop) },
    Route { method: "POST", path: "/luci/switch", access: Access::Change, register: || web::to(luci_forms::switch) },
    Route { method: "GET", path: "/luci/turns/{id}", access: Access::Read, register: || web::to(luci::turn) },
    Route { method: "POST", path: "/luci/turns/{id}/cancel", access: Access::Change, register: || web::to(luci_forms::cancel) },
    Route { method: "POST", path: "/luci/turns/{id}/retry", access: Access::Change, register: || web::to(luci_forms::retry) },
    Route {
        method: "POST",
        path: "/luci/turns/{id}/apply",
        access: Access::Change,
        register: || web::to(luci_proposals::apply_all),
    },
    Route {
        method: "POST",
        path: "/luci/turns/{id}/dismiss",
        access: Access::Change,
        register: || web::to(luci_proposals::dismiss_all),
    },
    Route {
        method: "POST",
        path: "/luci/turns/{id}/undo",
        access: Access::Change,
        register: || web::to(luci_proposals::undo_all),
    },
    Route {
        method: "POST",
        path: "/luci/proposals/{id}/apply",
        access: Access::Change,
        register: || web::to(luci_proposals::apply),
    },
    Route {
        method: "POST",
        path: "/luci/proposals/{id}/dismiss",
        access: Access::Change,
        register: || web::to(luci_proposals::dismiss),
    },
    Route {
        method: "POST",
        path: "/luci/proposals/{id}/undo",
        access: Access::Change,
        register: || web::to(luci_proposals::undo),
    },
    Route {
        method: "POST",
        path: "/luci/proposals/{id}/answer",
        access: Access::Change,
        register: || web::to(luci_proposals::answer),
    },
    Route {
        method: "GET",
        path: "/luci/proposals/{id}/edit",
        access: Access::Change,
        register: || web::to(luci_proposals::edit_page),
    },
    Route {
        method: "POST",
        path: "/luci/proposals/{id}/edit",
        access: Access::Change,
        register: || web::to(luci_proposals::edit),
    },
    Route { method: "GET", path: "/tasks", access: Access::Read, register: || web::to(tasks::list) },
    Route { method: "GET", path: "/tasks/stream", access: Access::Read, register: || web::to(tasks::stream) },
    Route { method: "GET", path: "/tasks/{name}", access: Access::Read, register: || web::to(tasks::get) },
    Route { method: "GET", path: "/tasks/{name}/stream", access: Access::Read, register: || web::to(tasks::stream_one) },
    Route { method: "GET", path: "/tasks/{name}/edit", access: Access::Owner, register: || web::to(tasks::edit) },
    Route { method: "POST", path: "/tasks/{name}/edit", access: Access::Owner, register: || web::to(tasks::save) },
    Route { method: "GET", path: "/tasks/{name}/runs/{id}/output", access: Access::Read, register: || web::to(tasks::output) },
    Route { method: "POST", path: "/tasks/{name}/run", access: Access::Change, register: || web::to(tasks::run) },
    Route { method: "POST", path: "/tasks/{name}/stop", access: Access::Change, register: || web::to(tasks::stop) },
    Route { method: "POST", path: "/tasks/{name}/pause", access: Access::Change, register: || web::to(tasks::pause) },
    Route { method: "POST", path: "/tasks/{name}/resume", access: Access::Change, register: || web::to(tasks::resume) },
    Route { method: "GET", path: "/inbox", access: Access::Read, register: || web::to(inbox::get) },
    Route { method: "GET", path: "/inbox/stream", access: Access::Read, register: || web::to(inbox::stream) },
    Route { method: "GET", path: "/settings", access: Access::Read, register: || web::to(settings::get) },
    Route { method: "POST", path: "/settings/tokens", access: Access::Owner, register: || web::to(settings::token) },
    Route {
        method: "POST",
        path: "/settings/tokens/revoke",
        access: Access::Owner,
        register: || web::to(settings::revoke_token),
    },
    Route {
        method: "POST",
        path: "/settings/sessions/revoke",
        access: Access::Owner,
        register: || web::to(settings::revoke_session),
    },
    Route { method: "POST", path: "/settings/password", access: Access::Owner, register: || web::to(settings::password) },
    Route { method: "POST", path: "/settings/profile", access: Access::Owner, register: || web::to(settings::profile) },
    Route {
        method: "POST",
        path: "/settings/profiles/{name}/resume",
        access: Access::Change,
        register: || web::to(settings::resume),
    },
    Route { method: "POST", path: "/settings/telegram/test", access: Access::Owner, register: || web::to(telegram::test) },
    Route { method: "POST", path: "/settings/autonomy", access: Access::Owner, register: || web::to(settings::autonomy) },
    Route { method: "GET", path: "/login", access: Access::Public, register: || web::to(login::get) },
    Route { method: "POST", path: "/login", access: Access::Public, register: || web::to(login::post) },
    Route { method: "POST", path: "/logout", access: Access::Read, register: || web::to(login::logout) },
    Route { method: "GET", path: "/assets/{path:.*}", access: Access::Public, register: || web::to(assets::asset) },
];

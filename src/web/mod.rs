//! Floor 4: the web. Views are pure (plain values in, `Markup` out); pages read the store and call them; `api` is the
//! JSON contract; every route stands in a table with what it asks of its caller.

pub mod api;
pub mod board;
pub mod composer;
pub mod console;
pub mod gallery;
pub mod home;
pub mod http;
pub mod inbox;
pub mod login;
pub mod orchestrator;
pub mod settings;
pub mod shared;
pub mod sse;
pub mod tasks;
pub mod ticket;
pub mod ui;

use crate::web::http::routes::Route;

/// Every route of the server: a new screen is one folder, and one line here.
pub const ROUTES: &[&[Route]] = &[
    api::ROUTES,
    http::assets::ROUTES,
    home::ROUTES,
    composer::ROUTES,
    board::ROUTES,
    ticket::ROUTES,
    console::ROUTES,
    orchestrator::ROUTES,
    tasks::ROUTES,
    inbox::ROUTES,
    settings::ROUTES,
    login::ROUTES,
];

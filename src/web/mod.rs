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
pub mod page_routes;
pub mod settings;
pub mod sse;
pub mod tasks;
pub mod ticket;
pub mod ui;
pub mod view_models;

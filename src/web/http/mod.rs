//! Requests and answers: the server, the route table, who may come in, errors, assets.

pub mod assets;
pub mod auth;
pub mod chunked_body;
pub mod filled;
pub(crate) mod form_once;
pub mod forwarded;
pub mod hosts;
pub(crate) mod login;
pub mod principal;
pub mod problem;
pub mod refused;
pub mod request;
pub(crate) mod routes;
pub mod security;
pub mod server;
pub mod state;
pub mod version_cache;

//! The page of the inbox.

pub mod load;
pub mod page;
pub mod stream;
pub mod view;

use crate::web::http::routes::{Access, Route};
use actix_web::web;

/// What the screen answers.
pub const ROUTES: &[Route] = &[
    Route::get("/inbox", Access::Read, || web::to(page::get)),
    Route::get("/inbox/stream", Access::Read, || web::to(stream::get)),
];

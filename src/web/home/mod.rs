//! Home: what needs a person, what runs, what happened since.

pub mod known;
pub mod load;
pub mod page;
pub mod stream;
pub mod view;

use crate::web::http::routes::{Access, Route};
use actix_web::web;

/// What the screen answers.
pub const ROUTES: &[Route] =
    &[Route::get("/", Access::Read, || web::to(page::get)), Route::get("/stream", Access::Read, || web::to(stream::get))];

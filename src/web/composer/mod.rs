//! The composer.

pub mod load;
pub mod page;
pub mod view;

use crate::web::http::routes::{Access, Route};
use actix_web::web;

/// What the screen answers.
pub const ROUTES: &[Route] = &[Route::post("/composer", Access::Change, || web::to(page::post))];

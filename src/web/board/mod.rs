//! The board.

pub mod card;
pub mod filter;
pub mod kept;
pub mod load;
pub mod page;
pub mod query;
pub mod stream;
pub mod view;

use crate::web::http::routes::{Access, Route};
use actix_web::web;

/// What the screen answers.
pub const ROUTES: &[Route] = &[
    Route::get("/board", Access::Read, || web::to(page::get)),
    Route::get("/board/stream", Access::Read, || web::to(stream::get)),
    Route::get("/board/column/{status}", Access::Read, || web::to(page::column)),
];

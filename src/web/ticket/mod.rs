//! The page of a ticket.

pub mod address;
pub mod cursor;
pub mod edit;
pub mod forms;
pub mod load;
pub mod page;
pub mod parts;
pub mod stream;
pub mod view;
pub mod view_comment;
pub mod view_edit;
pub mod view_event;
pub mod view_head;
pub mod view_live;
pub mod view_side;

use crate::web::http::routes::{Access, Route};
use actix_web::web;

/// What the screen answers.
pub const ROUTES: &[Route] = &[
    Route::get("/tickets/{identifier}", Access::Read, || web::to(page::get)),
    Route::get("/tickets/{identifier}/stream", Access::Read, || web::to(stream::get)),
    Route::get("/tickets/{identifier}/events", Access::Read, || web::to(page::older)),
    Route::get("/tickets/{identifier}/edit", Access::Change, || web::to(edit::get)),
    Route::post("/tickets/{identifier}/edit", Access::Change, || web::to(edit::post)),
    Route::post("/tickets/{identifier}/reply", Access::Change, || web::to(forms::reply)),
    Route::post("/tickets/{identifier}/move", Access::Change, || web::to(forms::move_to)),
    Route::post("/tickets/{identifier}/stop", Access::Change, || web::to(forms::stop)),
];

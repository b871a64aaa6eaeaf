//! The pages of scheduled tasks.

pub mod edit;
pub mod forms;
pub mod load;
pub mod page;
pub mod stream;
pub mod view;
pub mod view_task;

use crate::web::http::routes::{Access, Route};
use actix_web::web;

/// What the screen answers.
pub const ROUTES: &[Route] = &[
    Route::get("/tasks", Access::Read, || web::to(page::list)),
    Route::get("/tasks/stream", Access::Read, || web::to(stream::list)),
    Route::get("/tasks/{name}", Access::Read, || web::to(page::get)),
    Route::get("/tasks/{name}/stream", Access::Read, || web::to(stream::one)),
    Route::get("/tasks/{name}/edit", Access::Owner, || web::to(edit::get)),
    Route::post("/tasks/{name}/edit", Access::Owner, || web::to(edit::post)),
    Route::get("/tasks/{name}/runs/{id}/output", Access::Read, || web::to(page::output)),
    Route::post("/tasks/{name}/run", Access::Change, || web::to(forms::run)),
    Route::post("/tasks/{name}/stop", Access::Change, || web::to(forms::stop)),
    Route::post("/tasks/{name}/pause", Access::Change, || web::to(forms::pause)),
    Route::post("/tasks/{name}/resume", Access::Change, || web::to(forms::resume)),
];

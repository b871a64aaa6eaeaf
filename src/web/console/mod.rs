//! The console.

pub mod forms;
pub mod load;
pub mod page;
pub mod screen;
pub mod view;

use crate::web::http::routes::{Access, Route};
use actix_web::web;

/// What the screen answers.
pub const ROUTES: &[Route] = &[
    Route::get("/console", Access::Read, || web::to(page::get)),
    Route::get("/console/screen", Access::Read, || web::to(page::fragment)),
    Route::get("/console/sessions", Access::Read, || web::to(page::list_fragment)),
    Route::post("/console/start", Access::Owner, || web::to(forms::start)),
    Route::post("/console/keyboard", Access::Owner, || web::to(forms::keyboard)),
    Route::post("/console/keys", Access::Owner, || web::to(forms::keys)),
    Route::post("/console/line", Access::Owner, || web::to(forms::type_line)),
];

//! The conversation with the orchestrator.

pub mod forms;
pub mod load;
pub mod page;
pub mod proposals;
pub mod stream;
pub mod view;
pub mod view_edit;
pub mod view_proposals;
pub mod view_side;
pub mod view_turn;

use crate::web::http::routes::{Access, Route};
use actix_web::web;

/// What the screen answers.
pub const ROUTES: &[Route] = &[
    Route::get("/luci", Access::Read, || web::to(page::get)),
    Route::get("/luci/stream", Access::Read, || web::to(stream::get)),
    Route::post("/luci/send", Access::Change, || web::to(forms::send)),
    Route::post("/luci/start", Access::Change, || web::to(forms::start)),
    Route::post("/luci/stop", Access::Change, || web::to(forms::stop)),
    Route::post("/luci/switch", Access::Change, || web::to(forms::switch)),
    Route::get("/luci/turns/{id}", Access::Read, || web::to(page::turn)),
    Route::post("/luci/turns/{id}/cancel", Access::Change, || web::to(forms::cancel)),
    Route::post("/luci/turns/{id}/retry", Access::Change, || web::to(forms::retry)),
    Route::post("/luci/turns/{id}/apply", Access::Change, || web::to(proposals::apply_all)),
    Route::post("/luci/turns/{id}/dismiss", Access::Change, || web::to(proposals::dismiss_all)),
    Route::post("/luci/turns/{id}/undo", Access::Change, || web::to(proposals::undo_all)),
    Route::post("/luci/proposals/{id}/apply", Access::Change, || web::to(proposals::apply)),
    Route::post("/luci/proposals/{id}/dismiss", Access::Change, || web::to(proposals::dismiss)),
    Route::post("/luci/proposals/{id}/undo", Access::Change, || web::to(proposals::undo)),
    Route::post("/luci/proposals/{id}/answer", Access::Change, || web::to(proposals::answer)),
    Route::get("/luci/proposals/{id}/edit", Access::Change, || web::to(proposals::edit_page)),
    Route::post("/luci/proposals/{id}/edit", Access::Change, || web::to(proposals::edit)),
];

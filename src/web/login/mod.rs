//! Logging in and out.

pub mod page;
pub mod view;

use crate::web::http::routes::{Access, Route};
use actix_web::web;

/// What the screen answers.
pub const ROUTES: &[Route] = &[
    Route::get("/login", Access::Public, || web::to(page::get)),
    Route::post("/login", Access::Public, || web::to(page::post)),
    Route::post("/logout", Access::Read, || web::to(page::logout)),
];

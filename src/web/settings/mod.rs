//! Settings.

pub mod browser;
pub mod forms;
pub mod page;
pub mod telegram;
pub mod tokens;
pub mod view;
pub mod view_telegram;

use crate::web::http::routes::{Access, Route};
use actix_web::web;

/// What the screen answers.
pub const ROUTES: &[Route] = &[
    Route::get("/settings", Access::Read, || web::to(page::get)),
    Route::post("/settings/tokens", Access::Owner, || web::to(tokens::create)),
    Route::post("/settings/tokens/revoke", Access::Owner, || web::to(tokens::revoke)),
    Route::post("/settings/sessions/revoke", Access::Owner, || web::to(forms::revoke_session)),
    Route::post("/settings/password", Access::Owner, || web::to(forms::password)),
    Route::post("/settings/profile", Access::Owner, || web::to(forms::profile)),
    Route::post("/settings/profiles/{name}/resume", Access::Change, || web::to(forms::resume)),
    Route::post("/settings/telegram/test", Access::Owner, || web::to(telegram::test)),
    Route::post("/settings/autonomy", Access::Owner, || web::to(forms::autonomy)),
];

//! Getting in: the one-time link's page, and the password. Says nothing about what is inside.

use crate::error::FieldError;
use crate::web::ui::Ctx;
use maud::{Markup, html};

/// The page of a one-time link: a button, so that a link preview spends nothing, and a password to set.
/// Posts to `/login`: `token, password` (empty: keep the one there is).
#[must_use]
pub fn by_link(token: &str, has_password: bool, errors: &[FieldError], cx: Ctx<'_>) -> Markup {
    let _ = (token, has_password, errors, cx);
    html! {}
}

/// The password form. Posts to `/login`: `password, next`.
#[must_use]
pub fn by_password(next: &str, problem: Option<&str>, cx: Ctx<'_>) -> Markup {
    let _ = (next, problem, cx);
    html! {}
}

/// No password is set yet, or the link is spent: says how to get a link.
#[must_use]
pub fn no_way_in(problem: Option<&str>) -> Markup {
    let _ = problem;
    html! {}
}

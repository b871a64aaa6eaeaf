//! Getting in: the one-time link's page, and the password. Says nothing about what is inside.

use crate::base::error::FieldError;
use crate::web::http::login::PASSWORD_MIN;
use crate::web::ui::{Ctx, form, icon};
use maud::{Markup, html};

/// The page of a one-time link: a button, so that a link preview spends nothing, and a password to set.
/// Posts to `/login`: `token, password` (empty: keep the one there is). Wrap it in `shell::bare`.
#[must_use]
pub fn by_link(token: &str, has_password: bool, errors: &[FieldError], cx: Ctx<'_>) -> Markup {
    html! {
        form method="post" action="/login" {
            (form::client_id(cx, "login"))
            input type="hidden" name="token" value=(token);
            (brand("You were given a link that lets you in once."))
            (form::other_errors(errors, &["password"]))
            div.field {
                label for="p" { @if has_password { "New password" } @else { "Choose a password" } }
                input.input #p name="password" type="password" autocomplete="new-password" minlength=(PASSWORD_MIN) required[!has_password]
                    aria-invalid=[(!errors.is_empty()).then_some("true")] aria-describedby="p-hint";
                p.hint #p-hint {
                    @if has_password { "Leave it empty to keep the one you have." } @else { "At least " (PASSWORD_MIN) " characters. Next time you log in with it." }
                }
                (form::field_error(errors, "password"))
            }
            button.btn.primary type="submit" { (icon::small("log-in")) " Log in" }
        }
    }
}

/// The password form. Posts to `/login`: `password, next`. Wrap it in `shell::bare`.
#[must_use]
pub fn by_password(next: &str, problem: Option<&str>, cx: Ctx<'_>) -> Markup {
    html! {
        form method="post" action="/login" {
            (form::client_id(cx, "login"))
            input type="hidden" name="next" value=(next);
            // For password managers: there is one user.
            input.vh type="text" name="name" value="owner" autocomplete="username" tabindex="-1" aria-hidden="true" readonly;
            (brand("The board for work you hand to agents."))
            div.field {
                label for="p" { "Password" }
                input.input #p name="password" type="password" autocomplete="current-password" required autofocus
                    aria-invalid=[problem.map(|_| "true")] aria-describedby=[problem.map(|_| "e-password")];
                @if let Some(problem) = problem { p.err #e-password role="alert" { (icon::small("circle-x")) " " (problem) } }
            }
            button.btn.primary type="submit" { "Log in" }
            (lost())
        }
    }
}

/// No password is set yet, or the link is spent: says how to get a link. Wrap it in `shell::bare`.
#[must_use]
pub fn no_way_in(problem: Option<&str>) -> Markup {
    html! {
        div.card-free {
            (brand("The board for work you hand to agents."))
            @if let Some(problem) = problem {
                div.notice data-st="blocked" role="alert" { (icon::icon("circle-x")) div dir="auto" { (problem) } }
            }
            p { "To get in, run this on the machine where Mission Control runs, and open what it prints:" }
            pre.command { code { "mission-control login-link" } }
            a.btn href="/login" { "Log in with a password" }
        }
    }
}

fn brand(words: &str) -> Markup {
    html! { div.brand { (icon::mark(44)) h1 { "Mission Control" } p.quiet.small { (words) } } }
}

fn lost() -> Markup {
    html! {
        details.fold-in {
            summary { (icon::icon("chevron-right")) "I have lost my password" }
            p.indent.small.quiet { "On the machine itself, run " code { "mission-control login-link" } " and open what it prints." }
        }
    }
}

//! A profile that rests: with the button that lets it go on, or a pointer to it from where its work is missed.

use crate::base::text::percent_encoded;
use crate::domain::time::Time;
use crate::web::ui::{Ctx, form, icon, when};
use maud::{Markup, html};

/// A profile that rests.
#[derive(Debug, Clone)]
pub struct PausedProfile {
    /// Its name.
    pub name: String,
    /// Why.
    pub why: String,
    /// Until when; none: until a person lets it go on.
    pub until: Option<Time>,
}

/// With its button. Form: `/settings/profiles/{name}/resume`.
#[must_use]
pub fn notice(r: &PausedProfile, cx: Ctx<'_>) -> Markup {
    told(
        r,
        cx,
        html! {
            form method="post" action=(format!("/settings/profiles/{}/resume", percent_encoded(&r.name))) {
                (form::client_id(cx, format_args!("resume-{}", r.name)))
                button.btn.tight type="submit" { "Let it go on" }
            }
        },
    )
}

/// Leads to where it can be let go on.
#[must_use]
pub fn pointer(r: &PausedProfile, cx: Ctx<'_>) -> Markup {
    told(r, cx, html! { a.btn.tight href="/settings#profiles" { "Settings" } })
}

fn told(r: &PausedProfile, cx: Ctx<'_>, next: Markup) -> Markup {
    html! { div.notice data-st="blocked" role="status" { (icon::icon("hourglass")) div { (words(r, cx)) } (next) } }
}

fn words(r: &PausedProfile, cx: Ctx<'_>) -> Markup {
    html! {
        b dir="auto" { (r.name) " rests" } ": " span dir="auto" { (r.why) } ". "
        @match r.until { Some(at) => { "It goes on by itself " (when::ago(at, cx.now)) "." }, None => "Mend it, then let it go on." }
    }
}

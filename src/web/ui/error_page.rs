//! Error pages: what happened, what was kept, what to do next.

use crate::base::text::capitalised;
use crate::web::ui::icon;
use crate::web::ui::shell::Nav;
use maud::{Markup, html};

/// An error as a page.
#[derive(Debug, Clone)]
pub struct ErrorPage {
    /// The HTTP status.
    pub status: u16,
    /// What happened, one short line.
    pub title: String,
    /// What was kept and what to do.
    pub text: String,
    /// Next steps: words and address; the first one stands out.
    pub next: Vec<(String, String)>,
}

/// The page's main part.
#[must_use]
pub fn error(e: &ErrorPage) -> Markup {
    html! {
        div.empty.error data-status=(e.status) {
            (icon::art())
            h1 dir="auto" { (e.title) }
            p dir="auto" { (e.text) }
            div.btns.center {
                @for (i, (words, href)) in e.next.iter().enumerate() { a.btn.primary[i == 0] href=(href) { (words) } }
            }
        }
    }
}

/// The words for a status where nothing better is known; `here` is where the page that failed belongs.
#[must_use]
pub fn usual(status: u16, detail: &str, here: Nav) -> ErrorPage {
    let back = here.way_back();
    let (title, text, next): (&str, &str, &[(&str, &str)]) = match status {
        400 | 422 => (
            "That could not be read",
            "Nothing was changed. Go back, look at what was sent, and try again.",
            &[back, ("Home", "/")],
        ),
        401 => ("You are not logged in", "Log in, and you come back to where you were.", &[("Log in", "/login")]),
        403 => (
            "You may not do that",
            "Nothing was changed. Your login or token has no right to it.",
            &[("Home", "/"), ("Settings", "/settings")],
        ),
        404 => ("This is not here", "The address may be wrong, or what stood here is gone.", &[back, ("Home", "/")]),
        409 => (
            "Somebody was faster",
            "What you saw has changed since, so nothing was done. Look at it again and repeat what you wanted.",
            &[back],
        ),
        503 => ("Not now", "The server is busy or stopping. Nothing was lost; try again in a moment.", &[("Try again", "/")]),
        _ => (
            "Something broke on our side",
            "What was stored is safe. The log says what happened; “mission-control doctor” on the machine helps to find it.",
            &[("Home", "/"), back],
        ),
    };
    let text = if detail.is_empty() { text.to_owned() } else { format!("{}. {text}", capitalised(detail).trim_end_matches('.')) };
    let next = next.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    ErrorPage { status, title: title.to_owned(), text, next }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_page_offers_a_next_step() {
        for status in [400, 401, 403, 404, 409, 422, 429, 500, 503] {
            let page = usual(status, "MC-9999 does not exist", Nav::Tasks);
            assert!(!page.next.is_empty() && page.text.starts_with("MC-9999 does not exist. "), "{status}");
            assert!(error(&page).into_string().contains("href="));
        }
        assert_eq!(usual(404, "", Nav::Tasks).next[0], ("To the tasks".to_owned(), "/tasks".to_owned()));
    }
}

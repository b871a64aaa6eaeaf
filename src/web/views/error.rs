//! Error pages: what happened, what was kept, what to do next.

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
    let _ = e;
    html! {}
}

/// The words for a status where nothing better is known.
#[must_use]
pub fn usual(status: u16, detail: &str) -> ErrorPage {
    ErrorPage { status, title: detail.to_owned(), text: String::new(), next: Vec::new() }
}

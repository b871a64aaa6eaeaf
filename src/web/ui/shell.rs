//! The shell of every page: rail, top bar, tab bar; and the bare page of somebody without a login.

use maud::{DOCTYPE, Markup, html};

/// Which entry of the navigation a page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nav {
    /// `/`
    Home,
    /// `/board` and tickets.
    Board,
    /// `/settings`; "More" on a phone.
    Settings,
    /// None of them (error pages).
    Nowhere,
}

/// What the shell shows around a page.
#[derive(Debug, Clone)]
pub struct Shell {
    /// The tab's title; " · Mission Control" is added.
    pub title: String,
    /// Where the page stands.
    pub here: Nav,
    /// Tickets that wait for a person.
    pub needs: i64,
    /// Live runs.
    pub running: i64,
    /// MAX_WORKERS.
    pub slots: i64,
    /// Who is logged in.
    pub user_name: String,
    /// Crumbs after the navigation entry, each with its address, e.g. project and `MC-12`; the last one is the page.
    pub crumbs: Vec<(String, String)>,
    /// What stands in the search field.
    pub q: String,
}

/// A whole page. `main` is what stands inside `<main>`.
#[must_use]
pub fn page(shell: &Shell, main: &Markup) -> Markup {
    let _ = (shell, main);
    html! { (DOCTYPE) }
}

/// A page without navigation: login and its errors.
#[must_use]
pub fn bare(title: &str, main: &Markup) -> Markup {
    let _ = (title, main);
    html! { (DOCTYPE) }
}

/// The count of what waits for a person, `#need`: lit, or "Nothing needs you".
#[must_use]
pub fn needs_pill(needs: i64) -> Markup {
    html! { a #need { (needs) } }
}

/// The same count on the navigation, `#need-rail` and `#need-tab`. The stream sends all three together: [`needs_partials`].
#[must_use]
pub fn needs_badge(id: &str, needs: i64) -> Markup {
    html! { span id=(id) { (needs) } }
}

/// The fragments that bring every count of what waits up to date.
#[must_use]
pub fn needs_partials(needs: i64) -> Markup {
    use super::stream::partial;
    html! {
        (partial("#need", "outerMorph", &needs_pill(needs)))
        (partial("#need-rail", "outerMorph", &needs_badge("need-rail", needs)))
        (partial("#need-tab", "outerMorph", &needs_badge("need-tab", needs)))
    }
}

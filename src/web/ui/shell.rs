//! The shell of every page: rail, top bar, tab bar; and the bare page of somebody without a login.

use crate::domain::time::Time;
use crate::web::http::assets;
use crate::web::ui::status_indicator::{OrchestratorStatus, lamp};
use crate::web::ui::stream::partial;
use crate::web::ui::{icon, words};
use maud::{DOCTYPE, Markup, html};

/// Which entry of the navigation a page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nav {
    /// `/`
    Home,
    /// `/board` and tickets.
    Board,
    /// `/luci`: the conversation with Luci.
    Luci,
    /// `/tasks`; under "More" on a phone.
    Tasks,
    /// `/inbox`: what is reported to Luci.
    Inbox,
    /// `/settings`; "More" on a phone.
    Settings,
    /// None of them (error pages).
    Nowhere,
}

impl Nav {
    /// The entry that an address belongs to.
    #[must_use]
    pub fn of(path: &str) -> Nav {
        match path.split('/').nth(1).unwrap_or_default() {
            "" => Nav::Home,
            "board" | "tickets" => Nav::Board,
            "luci" | "console" => Nav::Luci,
            "tasks" => Nav::Tasks,
            "inbox" => Nav::Inbox,
            "settings" => Nav::Settings,
            _ => Nav::Nowhere,
        }
    }

    /// Its address and its word.
    fn place(self) -> (&'static str, &'static str) {
        match self {
            Nav::Home => ("/", "Home"),
            Nav::Board => ("/board", "Board"),
            Nav::Luci => ("/luci", "Luci"),
            Nav::Tasks => ("/tasks", "Tasks"),
            Nav::Inbox => ("/inbox", "Inbox"),
            Nav::Settings => ("/settings", "Settings"),
            Nav::Nowhere => ("/", "Mission Control"),
        }
    }

    /// The way back to it from a page of it that failed: words and address.
    #[must_use]
    pub fn way_back(self) -> (&'static str, &'static str) {
        match self {
            Nav::Home | Nav::Board | Nav::Nowhere => ("To the board", "/board"),
            Nav::Luci => ("To Luci", "/luci"),
            Nav::Tasks => ("To the tasks", "/tasks"),
            Nav::Inbox => ("To the inbox", "/inbox"),
            Nav::Settings => ("To the settings", "/settings"),
        }
    }
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
    /// Reports that wait for Luci.
    pub reports: i64,
    /// Live runs.
    pub running: i64,
    /// MAX_WORKERS.
    pub slots: i64,
    /// How Luci stands.
    pub luci: OrchestratorStatus,
    /// The moment it is rendered in.
    pub now: Time,
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
    let entries = [
        (Nav::Home, "/", "Home", "house"),
        (Nav::Board, "/board", "Board", "square-kanban"),
        (Nav::Luci, "/luci", "Luci", "luci"),
        (Nav::Tasks, "/tasks", "Tasks", "calendar-clock"),
    ];
    // A phone has room for three; what else there is stands under More.
    let on_phone = entries.into_iter().filter(|(nav, ..)| *nav != Nav::Tasks);
    let current = |nav: Nav| (shell.here == nav).then_some(if shell.crumbs.is_empty() { "page" } else { "true" });
    html! {
        (DOCTYPE)
        html lang="en" {
            (head(&shell.title))
            // What is refused or fails is told in a toast; forms that show their own errors say so themselves.
            body.shell hx-status:4xx:inherited="target:#toasts swap:beforeend" hx-status:5xx:inherited="target:#toasts swap:beforeend" {
                a.skip href="#main" { "Skip to content" }
                nav.rail aria-label="Pages" {
                    a.mark href="/" aria-label="Mission Control" { (icon::mark(26)) }
                    @for (nav, href, word, sign) in entries {
                        a href=(href) aria-current=[current(nav)] {
                            (icon::icon(sign)) (word)
                            @if nav == Nav::Home { (needs_badge("need-rail", shell.needs)) }
                        }
                    }
                    a href="/inbox" aria-current=[current(Nav::Inbox)] {
                        (icon::icon("inbox")) "Inbox" (reports_badge(shell.reports))
                    }
                    button.push type="button" data-theme-switch { (icon::icon("sun-moon")) "Theme" }
                    a href="/settings" aria-current=[current(Nav::Settings)] { (icon::icon("settings")) "Settings" }
                }
                (topbar(shell))
                main #main { (main) }
                nav.tabbar aria-label="Pages" {
                    @for (nav, href, word, sign) in on_phone {
                        @if nav == Nav::Luci { a.new href=(new_href(shell)) aria-label="New ticket" { span { (icon::icon("plus")) } } }
                        a href=(href) aria-current=[current(nav)] {
                            (icon::icon(sign)) (word)
                            @if nav == Nav::Home { (needs_badge("need-tab", shell.needs)) }
                        }
                    }
                    a href="/settings" aria-current=[current(Nav::Settings)] { (icon::icon("ellipsis")) "More" }
                }
                p.offline #offline role="status" {
                    (icon::small("wifi-off"))
                    span { b { "No connection." } " What you write is kept here; the page fetches what it missed." }
                }
                div #toasts role="log" aria-label="What just happened" aria-live="polite" {}
            }
        }
    }
}

/// A page without navigation: login and its errors.
#[must_use]
pub fn bare(title: &str, main: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            (head(title))
            body { main.gate #main { (main) } }
        }
    }
}

fn head(title: &str) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover";
            title { (title) " · Mission Control" }
            meta name="color-scheme" content="light dark";
            meta name="theme-color" content="#f9f7f4" media="(prefers-color-scheme: light)";
            meta name="theme-color" content="#131110" media="(prefers-color-scheme: dark)";
            // Folded parts stay as the reader left them when a live change arrives.
            meta name="htmx-config" content=r#"{"morphIgnore":["data-htmx-powered","open"],"includeIndicatorCSS":false}"#;
            link rel="icon" href=(assets::url("mark.svg")) type="image/svg+xml";
            link rel="apple-touch-icon" href=(assets::url("touch-icon.png"));
            link rel="manifest" href=(assets::url("manifest.webmanifest"));
            link rel="stylesheet" href=(assets::url("app.css"));
            // Not deferred: the theme must be known before the first paint. It is small.
            script src=(assets::url("app.js")) {}
            script src=(assets::url("htmx.js")) defer {}
        }
    }
}

fn topbar(shell: &Shell) -> Markup {
    let (up, word) = shell.here.place();
    let last = shell.crumbs.len().saturating_sub(1);
    html! {
        header.topbar {
            a.mark.phone-only href="/" aria-label="Mission Control" { (icon::mark(26)) }
            div.where {
                @if shell.crumbs.is_empty() { span { (word) } }
                @else {
                    a.desk-only href=(up) { (word) }
                    a.btn.bare.square.phone-only.back href=(up) aria-label=(format!("Back: {word}")) { (icon::icon("chevron-left")) }
                    @for (i, (crumb, href)) in shell.crumbs.iter().enumerate() {
                        span.desk-only { (icon::small("chevron-right")) }
                        @if i == last { span dir="auto" { (crumb) } }
                        @else { a.desk-only href=(href) dir="auto" { (crumb) } }
                    }
                }
            }
            (lamp(shell.luci, shell.now))
            form.find role="search" action="/board" {
                (icon::small("search"))
                input type="search" name="q" value=(shell.q) placeholder="Search tickets" aria-label="Search tickets" autocomplete="off" data-search;
                span.kbd aria-hidden="true" { "/" }
            }
            a.btn.bare.square.find-link href="/board#q" aria-label="Search" { (icon::icon("search")) }
            (needs_pill(shell.needs))
            a.btn.desk-only.primary[shell.here == Nav::Board && shell.crumbs.is_empty()] href=(new_href(shell)) data-new {
                (icon::small("plus")) " New " span.kbd aria-hidden="true" { "c" }
            }
        }
    }
}

/// The composer stands on Home and on the board; from elsewhere New leads Home.
fn new_href(shell: &Shell) -> &'static str {
    match (shell.here, shell.crumbs.is_empty()) {
        (Nav::Home | Nav::Board, true) => "#say",
        (Nav::Home | Nav::Board | Nav::Luci | Nav::Tasks | Nav::Inbox | Nav::Settings | Nav::Nowhere, _) => "/#say",
    }
}

/// The count of what waits for a person, `#need`: lit, or "Nothing needs you".
#[must_use]
pub fn needs_pill(needs: i64) -> Markup {
    html! {
        @if needs == 0 { a.need.none #need href="/#needs" { "Nothing needs you" } }
        @else {
            a.need #need href="/#needs" {
                svg.glyph aria-hidden="true" { use href=(format!("{}#st-input", assets::url("icons.svg"))) {} }
                span { (words::short_count(needs)) span.t { (if needs == 1 { " needs you" } else { " need you" }) } }
            }
        }
    }
}

/// The same count on the navigation, `#need-rail` and `#need-tab`.
#[must_use]
pub fn needs_badge(id: &str, needs: i64) -> Markup {
    html! {
        span.badge.hot id=(id) hidden[needs == 0] {
            (words::short_count(needs)) span.vh { (if needs == 1 { " needs you" } else { " need you" }) }
        }
    }
}

/// How many reports wait for Luci, `#reports-rail`: nothing for a person to do.
#[must_use]
pub fn reports_badge(reports: i64) -> Markup {
    html! {
        span.badge #reports-rail hidden[reports == 0] { (words::short_count(reports)) span.vh { " waiting" } }
    }
}

/// The fragments that bring every count of what waits up to date.
#[must_use]
pub fn needs_partials(needs: i64) -> Markup {
    html! {
        (partial("#need", "outerHTML", &needs_pill(needs)))
        (partial("#need-rail", "outerHTML", &needs_badge("need-rail", needs)))
        (partial("#need-tab", "outerHTML", &needs_badge("need-tab", needs)))
    }
}

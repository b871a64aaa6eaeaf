//! Icons from the one sprite, the glyphs of states, the mark, avatars.

use crate::domain::ticket::{Priority, Role, Status};
use crate::web::http::assets;
use crate::web::ui::words;
use maud::{Markup, html};

/// A decorative icon at text size.
#[must_use]
pub fn icon(name: &str) -> Markup {
    html! { svg.icon aria-hidden="true" { use href=(format!("{}#{name}", assets::url("icons.svg"))) {} } }
}

/// A smaller one, beside small text and in buttons.
#[must_use]
pub fn small(name: &str) -> Markup {
    html! { svg.icon.sm aria-hidden="true" { use href=(format!("{}#{name}", assets::url("icons.svg"))) {} } }
}

/// The glyph of a status; its colour comes from the nearest `data-st`.
#[must_use]
pub fn glyph(status: Status) -> Markup {
    html! { svg.glyph aria-hidden="true" { use href=(format!("{}#st-{}", assets::url("icons.svg"), words::st(status))) {} } }
}

/// Glyph and word of a status.
#[must_use]
pub fn state(status: Status) -> Markup {
    html! { span.state data-st=(words::st(status)) data-status=(status.as_str()) { (glyph(status)) " " (words::status(status)) } }
}

/// Our mark: four columns of a board, one lamp lit.
#[must_use]
pub fn mark(size: u32) -> Markup {
    html! {
        svg viewBox="0 0 32 32" width=(size) height=(size) aria-hidden="true" {
            g fill="currentColor" {
                rect x="6.5" y="16" width="3" height="9" rx="1.5" {}
                rect x="12" y="9.5" width="3" height="15.5" rx="1.5" {}
                rect x="17.5" y="16" width="3" height="9" rx="1.5" {}
                rect x="23" y="12.5" width="3" height="12.5" rx="1.5" {}
            }
            path.lampfill d="M19 7.6l2.9 2.9-2.9 2.9-2.9-2.9z" {}
        }
    }
}

/// The picture of an empty place: a quiet board with an unlit lamp.
#[must_use]
pub fn art() -> Markup {
    html! {
        svg.art viewBox="0 0 88 44" aria-hidden="true" fill="currentColor" {
            rect x="0" y="41" width="88" height="1" opacity=".5" {}
            rect x="22" y="26" width="4" height="15" rx="2" {}
            rect x="34" y="14" width="4" height="27" rx="2" {}
            rect x="46" y="26" width="4" height="15" rx="2" {}
            rect x="58" y="20" width="4" height="21" rx="2" {}
            path d="M48 11l5 5-5 5-5-5z" fill="none" stroke="currentColor" stroke-width="1.5" {}
        }
    }
}

/// The square with a role's sign or a name's first letter.
#[must_use]
pub fn avatar(name: &str) -> Markup {
    html! {
        span.avatar title=(name) aria-hidden="true" {
            @if name.eq_ignore_ascii_case("luci") { (icon("luci")) }
            @else { (name.chars().find(|c| c.is_alphanumeric()).map(|c| c.to_uppercase().to_string()).unwrap_or_default()) }
        }
    }
}

/// A role's square and name.
#[must_use]
pub fn role(role: &Role) -> Markup {
    let label = role.label();
    html! { (avatar(&label)) span { (label) } }
}

/// The bars of a priority.
#[must_use]
pub fn priority(priority: Priority) -> Markup {
    html! {
        span.prio data-p=(priority.as_str()) role="img" aria-label=(format!("{} priority", priority.as_str())) { i {} i {} i {} }
    }
}

//! Pieces of forms: the hidden `client_id`, attributes that make a form live, menus of moves, selects, field errors.

use crate::base::error::FieldError;
use crate::base::text::sentence;
use crate::domain::ids::TicketId;
use crate::domain::ticket::{Priority, Status};
use crate::web::ui::{Ctx, icon, words};
use maud::{Markup, html};

/// The hidden field that makes sending a form twice one request.
#[must_use]
pub fn client_id(cx: Ctx<'_>, what: impl std::fmt::Display) -> Markup {
    html! { input type="hidden" name="client_id" value=(cx.client_id(what)); }
}

/// A select of words; the empty value comes first, under `none`'s name, where there is one.
#[must_use]
pub fn select(name: &str, options: &[String], chosen: &str, none: Option<&str>) -> Markup {
    html! {
        select.input name=(name) {
            @if let Some(none) = none { option value="" selected[chosen.is_empty()] { (none) } }
            @for o in options { option value=(o) selected[o == chosen] { (o) } }
            @if !chosen.is_empty() && !options.iter().any(|o| o == chosen) { option value=(chosen) selected { (chosen) } }
        }
    }
}

/// A select of priorities.
#[must_use]
pub fn priorities(chosen: Priority) -> Markup {
    html! {
        select.input name="priority" {
            @for p in Priority::ALL { option value=(p.as_str()) selected[*p == chosen] { (words::priority(*p)) } }
        }
    }
}

/// What is wrong with a field, below it.
#[must_use]
pub fn field_error(errors: &[FieldError], field: &str) -> Markup {
    html! {
        @for e in errors.iter().filter(|e| e.field == field) {
            p.err id=(format!("e-{field}")) { (icon::small("circle-x")) " " (sentence(&e.message)) }
        }
    }
}

/// All errors in one notice, for those that belong to no field of `shown`.
#[must_use]
pub fn other_errors(errors: &[FieldError], shown: &[&str]) -> Markup {
    html! {
        @for e in errors.iter().filter(|e| !shown.contains(&e.field.as_str())) {
            div.notice data-st="blocked" role="alert" { (icon::icon("circle-x")) div { (sentence(&format!("{} {}", e.field, e.message))) } }
        }
    }
}

/// The moves a person may make, as a list of one-button forms: works in a menu, without script, by keyboard.
#[must_use]
pub fn moves(ticket: TicketId, from: Status, version: i64, cx: Ctx<'_>) -> Markup {
    let path = format!("/tickets/{ticket}/move");
    html! {
        form.moves method="post" action=(path) hx-post=(path) hx-swap="none" hx-sync="this:drop" {
            (client_id(cx, format_args!("move-{}", ticket.0)))
            input type="hidden" name="version" value=(version);
            @for to in from.moves() {
                button type="submit" name="status" value=(to.as_str()) data-st=(words::st(*to)) {
                    (icon::glyph(*to)) span { (words::move_to(from, *to)) }
                }
            }
        }
    }
}

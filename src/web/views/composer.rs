//! The composer: what should be done, and how. Posts to `/composer`.

use crate::domain::ticket::Priority;
use crate::error::FieldError;
use crate::web::ui::Ctx;
use maud::{Markup, html};

/// What sending does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Writes the ticket down (`mode=quick_ticket`).
    #[default]
    Quick,
    /// Writes it down and starts it (`mode=implement_now`).
    Now,
}

/// The composer as shown; what was typed is kept where sending failed.
#[derive(Debug, Clone, Default)]
pub struct Composer {
    /// Names of the roles.
    pub roles: Vec<String>,
    /// Names of the projects.
    pub projects: Vec<String>,
    /// What was typed (field `message`).
    pub message: String,
    /// Chosen mode.
    pub mode: Mode,
    /// Chosen role; empty = default (field `role`).
    pub role: String,
    /// Chosen project; empty = none (field `project`).
    pub project: String,
    /// Chosen priority (field `priority`).
    pub priority: Priority,
    /// What was wrong.
    pub errors: Vec<FieldError>,
}

/// The form, `#composer`. Answer 422 with it filled and with errors; a success with [`fresh`].
#[must_use]
pub fn composer(c: &Composer, cx: Ctx<'_>) -> Markup {
    let _ = (c, cx);
    html! {}
}

/// After a ticket was made: the composer anew, and a toast that names the ticket.
#[must_use]
pub fn fresh(c: &Composer, made: crate::domain::ids::TicketId, words: &str, cx: Ctx<'_>) -> Markup {
    let _ = (c, made, words, cx);
    html! {}
}

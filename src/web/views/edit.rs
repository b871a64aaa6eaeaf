//! Editing a ticket: a page of its own, so that it works everywhere.

use crate::domain::ids::TicketId;
use crate::domain::ticket::{Priority, WorkClass};
use crate::error::FieldError;
use crate::web::ui::Ctx;
use maud::{Markup, html};

/// The form as shown. Posts to `/tickets/{id}/edit`: `title, description, priority, role, project, profile, work_class, version`.
#[derive(Debug, Clone)]
pub struct Edit {
    /// The ticket.
    pub id: TicketId,
    /// As typed.
    pub title: String,
    /// As typed.
    pub description: String,
    /// Chosen.
    pub priority: Priority,
    /// Chosen.
    pub role: String,
    /// Chosen; may be empty.
    pub project: String,
    /// Chosen; empty = the default.
    pub profile: String,
    /// Chosen.
    pub work_class: WorkClass,
    /// The version it was read at.
    pub version: i64,
    /// Names of the roles.
    pub roles: Vec<String>,
    /// Names of the projects.
    pub projects: Vec<String>,
    /// Names of the profiles.
    pub profiles: Vec<String>,
    /// What was wrong.
    pub errors: Vec<FieldError>,
}

/// The page's main part; the form is `#edit`.
#[must_use]
pub fn edit(e: &Edit, cx: Ctx<'_>) -> Markup {
    let _ = (e, cx);
    html! {}
}

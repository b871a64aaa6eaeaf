//! Editing a ticket: a page of its own, so that it works everywhere.

use crate::base::error::FieldError;
use crate::domain::ids::TicketId;
use crate::domain::ticket::{Priority, Status, WorkClass};
use crate::web::ui::{Ctx, form, icon, words};
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
    /// The version it was read at, or the one that what is typed is to follow.
    pub version: i64,
    /// Where the ticket stands now, if it changed after the form was opened.
    pub changed: Option<Status>,
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
    let path = format!("/tickets/{}/edit", e.id);
    let shown = ["title", "description", "priority", "role", "project", "profile", "work_class"];
    html! {
        form.sheetform #edit method="post" action=(path) hx-post=(path) hx-swap="none" hx-sync="this:drop"
            hx-status:422="swap:outerMorph" hx-status:409="swap:outerMorph" {
            (form::client_id(cx, format_args!("edit-{}", e.id.0)))
            input type="hidden" name="version" value=(e.version);
            h1 { "Edit " (e.id) }
            (form::other_errors(&e.errors, &shown))
            div.field {
                label for="e-t" { "Title" }
                input.input #e-t name="title" value=(e.title) maxlength="500" required dir="auto" autocomplete="off"
                    aria-invalid=[bad(e, "title")] aria-describedby=[bad(e, "title").map(|_| "e-title")];
                (form::field_error(&e.errors, "title"))
            }
            div.field {
                label for="e-d" { "Description" }
                textarea.input.tall #e-d name="description" rows="8" dir="auto" aria-invalid=[bad(e, "description")] { (e.description) }
                p.hint { "Markdown. The agent reads it as it stands here." }
                (form::field_error(&e.errors, "description"))
            }
            div.fields {
                label.field { span { "Priority" } (form::priorities(e.priority)) (form::field_error(&e.errors, "priority")) }
                label.field { span { "Role" } (form::select("role", &e.roles, &e.role, None)) (form::field_error(&e.errors, "role")) }
                label.field { span { "Project" } (form::select("project", &e.projects, &e.project, Some("No project"))) (form::field_error(&e.errors, "project")) }
                label.field { span { "Profile" } (form::select("profile", &e.profiles, &e.profile, Some("Default"))) (form::field_error(&e.errors, "profile")) }
                label.field {
                    span { "Kind of work" }
                    select.input name="work_class" {
                        @for c in WorkClass::ALL { option value=(c.as_str()) selected[*c == e.work_class] { (words::work_class(*c)) } }
                    }
                    (form::field_error(&e.errors, "work_class"))
                }
            }
            @if let Some(status) = e.changed { (changed(&format!("/tickets/{}", e.id), &format!("It is under “{}” now. ", status.label()))) }
            div.btns {
                button.btn.primary type="submit" { "Save" }
                a.btn.bare href=(format!("/tickets/{}", e.id)) { "Leave it as it was" }
            }
        }
    }
}

/// Told beside the buttons where what is edited changed after its form was opened. `href` shows it as it is, `how` says in
/// a sentence what is known of it.
#[must_use]
pub fn changed(href: &str, how: &str) -> Markup {
    html! {
        div.notice data-st="input" role="alert" {
            (icon::icon("triangle-alert"))
            div { b { "It has changed since you opened it." } " " (how) "What you wrote is not stored yet: save again to keep yours." }
            a.btn.tight href=(href) target="_blank" { "See it as it is" }
        }
    }
}

fn bad(e: &Edit, field: &str) -> Option<&'static str> {
    e.errors.iter().any(|x| x.field == field).then_some("true")
}

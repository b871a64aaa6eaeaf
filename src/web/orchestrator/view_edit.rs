//! Changing what Luci proposes before it is done: a page of its own, so that it works everywhere.

use crate::base::error::FieldError;
use crate::domain::ids::{ProposalId, TurnId};
use crate::domain::orchestrator::proposal::ActionKind;
use crate::domain::ticket::Priority;
use crate::web::ui::{Ctx, form};
use maud::{Markup, html};

/// The form as shown. Posts to `/luci/proposals/{id}/edit`: `title, description, role, project, priority` of a ticket,
/// or `words` of a comment or an answer.
#[derive(Debug, Clone)]
pub struct EditProposal {
    /// The proposal.
    pub id: ProposalId,
    /// The turn it stands in.
    pub turn: TurnId,
    /// What it does.
    pub kind: ActionKind,
    /// The ticket that a comment or an answer is for.
    pub about: String,
    /// As typed.
    pub title: String,
    /// As typed.
    pub description: String,
    /// Chosen; empty = the default.
    pub role: String,
    /// Chosen; may be empty.
    pub project: String,
    /// Chosen.
    pub priority: Priority,
    /// As typed.
    pub words: String,
    /// Names of the roles.
    pub roles: Vec<String>,
    /// Names of the projects.
    pub projects: Vec<String>,
    /// What was wrong.
    pub errors: Vec<FieldError>,
}

/// The page's main part; the form is `#edit`.
#[must_use]
pub fn edit_proposal(e: &EditProposal, cx: Ctx<'_>) -> Markup {
    let path = format!("/luci/proposals/{}/edit", e.id);
    let new = e.kind == ActionKind::CreateTicket;
    html! {
        form.sheetform #edit method="post" action=(path) hx-post=(path) hx-swap="none" hx-sync="this:drop" hx-status:422="swap:outerMorph" {
            (form::client_id(cx, format_args!("proposal-{}", e.id)))
            h1 { @if new { "A ticket, as Luci proposes it" } @else if e.kind == ActionKind::Comment { "A comment on " (e.about) } @else { "The answer to " (e.about) } }
            (form::other_errors(&e.errors, &["title", "description", "role", "project", "priority", "words"]))
            @if new { (ticket(e)) }
            @else {
                div.field {
                    label for="e-w" { "Words" }
                    textarea.input.tall #e-w name="words" rows="8" dir="auto" required { (e.words) }
                    (form::field_error(&e.errors, "words"))
                }
            }
            div.btns {
                button.btn.primary type="submit" { @if new { "Make the ticket" } @else { "Send it" } }
                a.btn.bare href=(format!("/luci#turn-{}", e.turn)) { "Leave it as it was" }
            }
        }
    }
}

fn ticket(e: &EditProposal) -> Markup {
    html! {
        div.field {
            label for="e-t" { "Title" }
            input.input #e-t name="title" value=(e.title) maxlength="500" required dir="auto" autocomplete="off";
            (form::field_error(&e.errors, "title"))
        }
        div.field {
            label for="e-d" { "Description" }
            textarea.input.tall #e-d name="description" rows="8" dir="auto" { (e.description) }
            p.hint { "Markdown. The agent reads it as it stands here." }
            (form::field_error(&e.errors, "description"))
        }
        div.fields {
            label.field { span { "Priority" } (form::priorities(e.priority)) }
            label.field { span { "Role" } (form::select("role", &e.roles, &e.role, Some("Default"))) (form::field_error(&e.errors, "role")) }
            label.field { span { "Project" } (form::select("project", &e.projects, &e.project, Some("No project"))) (form::field_error(&e.errors, "project")) }
        }
    }
}

//! The composer: what should be done, and how. Posts to `/composer`.

use crate::base::error::FieldError;
use crate::domain::ids::TicketId;
use crate::domain::ticket::Priority;
use crate::web::orchestrator::view_turn::{Shown, turn};
use crate::web::ui::stream::partial;
use crate::web::ui::toast::{Tone, toast_partial};
use crate::web::ui::{Ctx, form, icon};
use maud::{Markup, html};

/// What sending does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Writes the ticket down (`mode=quick_ticket`).
    #[default]
    Quick,
    /// Writes it down and starts it (`mode=implement_now`).
    Now,
    /// Talks it over with Luci (`mode=plan`).
    Plan,
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

impl Mode {
    /// As sent in the field `mode`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Quick => "quick_ticket",
            Mode::Now => "implement_now",
            Mode::Plan => "plan",
        }
    }
}

/// The form, `#composer`. Answer 422 with it filled and with errors; a success with [`fresh`].
#[must_use]
pub fn composer(c: &Composer, cx: Ctx<'_>) -> Markup {
    let bad = !c.errors.is_empty();
    html! {
        form.composer #composer method="post" action="/composer" hx-post="/composer" hx-swap="none" hx-sync="this:drop"
            hx-status:422="swap:outerMorph" data-draft="composer" {
            (form::client_id(cx, "composer"))
            label.vh for="say" { "What should be done?" }
            textarea #say name="message" rows="1" placeholder="What should be done?" dir="auto" required aria-invalid=[bad.then_some("true")]
                aria-describedby=[bad.then_some("e-message")] { (c.message) }
            @if bad {
                div.errs role="alert" {
                    (form::field_error(&c.errors, "message"))
                    (form::other_errors(&c.errors, &["message"]))
                }
            }
            div.foot {
                fieldset.seg {
                    legend.vh { "How" }
                    @for (mode, word) in [(Mode::Quick, "Quick ticket"), (Mode::Now, "Do it now"), (Mode::Plan, "Plan")] {
                        label { input type="radio" name="mode" value=(mode.as_str()) checked[c.mode == mode]; " " (word) }
                    }
                }
                (pick("hash", "Project", &form::select("project", &c.projects, &c.project, Some("No project"))))
                (pick("at-sign", "Role", &form::select("role", &c.roles, &c.role, Some("Any role"))))
                (pick("flag", "Priority", &form::priorities(c.priority)))
                // Named, so that it keeps the focus when the form comes anew.
                button.btn.primary.push #composer-send type="submit" {
                    span.say.quick { "Create" } span.say.now { "Start now" } span.say.plan { "Ask Luci" } " " (icon::small("arrow-up"))
                }
            }
        }
    }
}

/// Where a plan's answer appears, `#plan`.
#[must_use]
pub fn plan_place() -> Markup {
    html! { div.planned #plan {} }
}

/// After a message went to Luci: the composer anew, and her answer below it, as it comes.
#[must_use]
pub fn planned(c: &Composer, shown: &Shown, cx: Ctx<'_>) -> Markup {
    let answer = html! {
        (turn(shown, cx))
        p.open { a href=(format!("/luci#turn-{}", shown.turn.id)) { "Open the conversation" } }
    };
    html! {
        (partial("#composer", "outerHTML", &composer(c, cx)))
        (partial("#plan", "innerHTML", &answer))
    }
}

/// A bare select behind an icon; on a phone only the icon stands while nothing is chosen.
fn pick(sign: &str, label: &str, select: &Markup) -> Markup {
    html! { label.pick title=(label) { (icon::small(sign)) span.vh { (label) } (select) } }
}

/// After a ticket was made: the composer anew, and a toast that names the ticket.
#[must_use]
pub fn fresh(c: &Composer, made: TicketId, words: &str, cx: Ctx<'_>) -> Markup {
    let anew = Composer { roles: c.roles.clone(), projects: c.projects.clone(), mode: c.mode, ..Composer::default() };
    html! {
        (partial("#composer", "outerHTML", &composer(&anew, cx)))
        (toast_partial(Tone::Good, words, Some((&format!("/tickets/{made}"), "Open"))))
    }
}

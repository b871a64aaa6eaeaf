//! A ticket as a card on the board.

use crate::domain::ids::TicketId;
use crate::domain::ticket::next_action::NextAction;
use crate::domain::ticket::{Priority, Role, Status};
use crate::domain::time::Time;
use crate::web::ui::run_activity::{RunRow, activity};
use crate::web::ui::{Ctx, form, icon, when, words};
use maud::{Markup, html};

/// What a card shows.
#[derive(Debug, Clone)]
pub struct Card {
    /// The ticket.
    pub id: TicketId,
    /// Its title.
    pub title: String,
    /// Where it stands.
    pub status: Status,
    /// Who it is for.
    pub role: Role,
    /// Its project; may be empty.
    pub project: String,
    /// How urgent.
    pub priority: Priority,
    /// What moves it next. For a question the text is the question itself.
    pub next: NextAction,
    /// Since when it stands there: its age on the board.
    pub since: Time,
    /// The ticket's version.
    pub version: i64,
    /// Its live run: the card then shows what it does.
    pub run: Option<RunRow>,
}

/// The card, `li#card-<n>`. What the script needs to move it stands on it: number, version, allowed moves.
#[must_use]
pub fn card(c: &Card, cx: Ctx<'_>) -> Markup {
    let moves: Vec<&str> = c.status.moves().iter().map(|s| s.as_str()).collect();
    html! {
        li.card.lamp[c.status.needs_person()] id=(format!("card-{}", c.id.0)) data-st=(words::st(c.status)) data-id=(c.id)
            data-version=(c.version) data-status=(c.status.as_str()) data-moves=(moves.join(" ")) draggable="true" {
            div.head {
                (icon::priority(c.priority))
                span.id { (c.id) }
                span.end { (when::span(c.since, cx.now)) }
                (menu(c, cx))
            }
            a.title href=(format!("/tickets/{}", c.id)) dir="auto" draggable="false" { (c.title) }
            @match &c.run {
                Some(run) => div.run.flat { (activity(run, cx)) },
                None => @if !c.next.text.is_empty() && !c.status.is_closed() { p.next dir="auto" { (c.next.text) } },
            }
            div.feet { (icon::avatar(&c.role.label())) span.vh { (c.role.label()) } span.proj dir="auto" { (c.project) } }
        }
    }
}

/// Moving without drag: a small form, by keyboard, on a phone and without script.
fn menu(c: &Card, cx: Ctx<'_>) -> Markup {
    let path = format!("/tickets/{}/move", c.id);
    html! {
        details.menu {
            summary.btn.bare.tight.square aria-label=(format!("Move {}", c.id)) { (icon::small("ellipsis")) }
            form.moveto method="post" action=(path) hx-post=(path) hx-swap="none" hx-sync="this:drop" {
                (form::client_id(cx, format_args!("move-{}", c.id.0)))
                input type="hidden" name="version" value=(c.version);
                select.input name="status" aria-label="Move to" {
                    @for to in c.status.moves() { option value=(to.as_str()) { (words::move_to(c.status, *to)) } }
                }
                button.btn type="submit" { "Move" }
            }
        }
    }
}

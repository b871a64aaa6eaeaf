//! Proposals of a turn as a slip of cards: each with Do it, Edit, Dismiss; what is done can be undone where that is possible.

use crate::domain::ids::{ProposalId, TurnId};
use crate::domain::proposal::{ActionKind, Proposal, ProposalState};
use crate::domain::text::cut_chars;
use crate::web::ui::{Ctx, icon};
use maud::{Markup, html};
use serde_json::Value;

/// The slip of a turn, `#slip-<n>`; nothing where nothing is proposed.
#[must_use]
pub fn slip(turn: TurnId, list: &[Proposal], _cx: Ctx<'_>) -> Markup {
    let open = list.iter().filter(|p| p.state == ProposalState::Open).count();
    let done = list.iter().filter(|p| p.state == ProposalState::Applied).count();
    html! {
        @if !list.is_empty() {
            section.slip.settled[open == 0] id=(format!("slip-{turn}")) aria-label="Proposals" {
                header {
                    b { (headline(list)) }
                    span.end { (tally(done, open, list.len())) }
                }
                ul.rows { @for p in list { (row(p)) } }
                @if open > 0 {
                    footer {
                        @if open > 1 || list.len() > 1 { (whole(turn, "apply", &all_words(open), true)) (whole(turn, "dismiss", if open == 1 { "Dismiss" } else { "Dismiss all" }, false)) }
                        span.note { "She asks first: " a href="/settings#autonomy" { "change" } }
                    }
                }
            }
        }
    }
}

fn headline(list: &[Proposal]) -> String {
    let asks = list.iter().filter(|p| matches!(p.kind, ActionKind::AskOwner | ActionKind::Notify)).count();
    match (list.len(), asks) {
        (1, 1) if list[0].kind == ActionKind::AskOwner => "Luci asks".to_owned(),
        (1, 1) => "Luci tells you".to_owned(),
        (1, _) => "Luci proposes".to_owned(),
        (n, _) => format!("Luci proposes {n} things"),
    }
}

fn tally(done: usize, open: usize, all: usize) -> String {
    match (done, open) {
        (0, open) if open == all => String::new(),
        (0, 0) => "settled".to_owned(),
        (done, 0) if done == all => "all done".to_owned(),
        (done, 0) => format!("{done} done"),
        (0, open) => format!("{open} open"),
        (done, open) => format!("{done} done, {open} open"),
    }
}

fn all_words(open: usize) -> String {
    match open {
        1 => "Do it".to_owned(),
        2 => "Do both".to_owned(),
        n => format!("Do all {n}"),
    }
}

/// A card.
fn row(p: &Proposal) -> Markup {
    let said = Words::of(p);
    let made = tickets_of(p.result.as_deref().unwrap_or_default());
    html! {
        li id=(format!("proposal-{}", p.id)) data-st=(st(p.state)) data-state=(p.state.as_str()) {
            (sign(p))
            div {
                b dir="auto" { (said.title) }
                p.sub dir="auto" {
                    (said.sub)
                    @for id in &made { " " a.id href=(format!("/tickets/{id}")) { (id) } }
                }
                @if let Some(more) = &said.more {
                    details.more-words { summary.small.quiet { "All of it" } p.sub.pre dir="auto" { (more) } }
                }
                @if let Some(why) = &p.error { p.sub.bad dir="auto" { (why) } }
            }
            div.btns { (buttons(p)) }
        }
    }
}

fn buttons(p: &Proposal) -> Markup {
    html! {
        @match p.state {
            ProposalState::Open => {
                (act(p.id, "apply", "", do_words(p.kind), false))
                @if may_edit(p.kind) { a.btn.tight.bare href=(format!("/luci/proposals/{}/edit", p.id)) { "Edit" } }
                (act(p.id, "dismiss", "x", "Dismiss", true))
            },
            ProposalState::Applied => { @if may_undo(p.kind) { (act(p.id, "undo", "undo-2", "Undo", false)) } },
            ProposalState::Dismissed => { span.small.faint { "Dismissed" } },
            ProposalState::Undone => { span.small.faint { "Undone" } },
            ProposalState::Refused => { span.small.faint { "Not possible" } },
        }
    }
}

fn do_words(kind: ActionKind) -> &'static str {
    match kind {
        ActionKind::AskOwner | ActionKind::Notify => "Seen",
        ActionKind::CreateTicket
        | ActionKind::Comment
        | ActionKind::Move
        | ActionKind::Assign
        | ActionKind::Start
        | ActionKind::AnswerQuestion
        | ActionKind::Ignore => "Do it",
    }
}

/// Whether an action has words that the owner may change first.
#[must_use]
pub fn may_edit(kind: ActionKind) -> bool {
    match kind {
        ActionKind::CreateTicket | ActionKind::Comment | ActionKind::AnswerQuestion => true,
        ActionKind::Move
        | ActionKind::Assign
        | ActionKind::Start
        | ActionKind::Notify
        | ActionKind::Ignore
        | ActionKind::AskOwner => false,
    }
}

/// Whether an action can be taken back.
fn may_undo(kind: ActionKind) -> bool {
    match kind {
        ActionKind::CreateTicket | ActionKind::Move | ActionKind::Assign => true,
        ActionKind::Comment
        | ActionKind::Start
        | ActionKind::AnswerQuestion
        | ActionKind::Notify
        | ActionKind::Ignore
        | ActionKind::AskOwner => false,
    }
}

fn sign(p: &Proposal) -> Markup {
    let glyph = |name: &str| html! { svg.glyph aria-hidden="true" { use href=(format!("{}#{name}", crate::web::assets::url("icons.svg"))) {} } };
    match p.state {
        ProposalState::Applied => glyph("st-done"),
        ProposalState::Refused => glyph("st-blocked"),
        ProposalState::Dismissed | ProposalState::Undone => glyph("st-cancelled"),
        ProposalState::Open => match p.kind {
            ActionKind::CreateTicket => icon::icon("plus"),
            ActionKind::Comment | ActionKind::AnswerQuestion => icon::icon("message-square"),
            ActionKind::Move => icon::icon("arrow-right"),
            ActionKind::Assign => icon::icon("users"),
            ActionKind::Start => icon::icon("play"),
            ActionKind::Notify => icon::icon("info"),
            ActionKind::Ignore => icon::icon("check"),
            ActionKind::AskOwner => glyph("st-input"),
        },
    }
}

fn st(state: ProposalState) -> &'static str {
    match state {
        ProposalState::Open => "input",
        ProposalState::Applied => "done",
        ProposalState::Dismissed | ProposalState::Undone => "cancelled",
        ProposalState::Refused => "blocked",
    }
}

fn act(id: ProposalId, what: &str, sign: &str, label: &str, bare_sign: bool) -> Markup {
    let path = format!("/luci/proposals/{id}/{what}");
    html! {
        form method="post" action=(path) hx-post=(path) hx-swap="none" hx-sync="this:drop" {
            @if bare_sign { button.btn.tight.bare.square type="submit" aria-label=(label) title=(label) { (icon::small(sign)) } }
            @else { button.btn.tight.bare[!sign.is_empty()] type="submit" { @if !sign.is_empty() { (icon::small(sign)) " " } (label) } }
        }
    }
}

/// A button for all that is open in the turn.
fn whole(turn: TurnId, what: &str, label: &str, primary: bool) -> Markup {
    let path = format!("/luci/turns/{turn}/{what}");
    html! {
        form method="post" action=(path) hx-post=(path) hx-swap="none" hx-sync="this:drop" {
            button.btn.primary[primary].bare[!primary] type="submit" { (label) }
        }
    }
}

/// What an action does, in words.
struct Words {
    title: String,
    sub: String,
    more: Option<String>,
}

impl Words {
    fn of(p: &Proposal) -> Words {
        let body: Value = serde_json::from_str(&p.body).unwrap_or(Value::Null);
        let text = |names: &[&str]| text(&body, names);
        let ticket = text(&["ticket", "identifier", "id", "ticket_id"]);
        let words = text(&["body", "comment", "text", "message", "answer", "question", "reason", "note"]);
        let long = |words: &str| {
            let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
            let (cut, more) = cut_chars(&line, 160);
            if more { (format!("{cut}…"), Some(words.to_owned())) } else { (cut.to_owned(), None) }
        };
        let quoted = |what: &str| {
            let (short, more) = long(&words);
            Words { title: short, sub: format!("{what} {ticket}"), more }
        };
        match p.kind {
            ActionKind::CreateTicket => {
                let description = text(&["description"]);
                Words {
                    title: text(&["title"]),
                    sub: ticket_sub(p, &body),
                    more: (!description.is_empty()).then_some(description),
                }
            }
            ActionKind::Comment => quoted("A comment on"),
            ActionKind::AnswerQuestion => quoted("The answer to"),
            ActionKind::Move => {
                Words { title: format!("Move {ticket} to {}", status_words(&text(&["to", "status"]))), sub: words, more: None }
            }
            ActionKind::Assign => Words { title: format!("Give {ticket} to {}", text(&["role", "to"])), sub: words, more: None },
            ActionKind::Start => Words { title: format!("Start {ticket}"), sub: words, more: None },
            ActionKind::Notify => {
                let (title, more) = long(&words);
                Words { title, sub: "A word to you".to_owned(), more }
            }
            ActionKind::Ignore => Words {
                title: if ticket.is_empty() { "Leave it as it is".to_owned() } else { format!("Leave {ticket} as it is") },
                sub: words,
                more: None,
            },
            ActionKind::AskOwner => {
                let (title, more) = long(&words);
                Words { title, sub: "Answer below, in your own words".to_owned(), more }
            }
        }
    }
}

/// The first of some fields that holds a text or a number.
#[must_use]
pub fn text(body: &Value, names: &[&str]) -> String {
    let found = names.iter().find_map(|name| match &body[*name] {
        Value::String(s) if !s.is_empty() => Some(s.clone()),
        Value::Number(n) => Some(n.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) | Value::String(_) => None,
    });
    found.unwrap_or_default()
}

fn status_words(status: &str) -> String {
    status.parse().map_or_else(|_| status.to_owned(), |s| crate::web::ui::words::status(s).to_owned())
}

fn ticket_sub(p: &Proposal, body: &Value) -> String {
    let get = |name: &str| text(body, &[name]);
    let mut parts = Vec::new();
    let project = get("project");
    parts.push(match (p.state, project.is_empty()) {
        (ProposalState::Open, true) => "New ticket".to_owned(),
        (ProposalState::Open, false) => format!("New ticket in {project}"),
        (_, true) => "Ticket".to_owned(),
        (_, false) => format!("Ticket in {project}"),
    });
    let priority = get("priority");
    if !priority.is_empty() && priority != "normal" {
        parts.push(priority);
    }
    let role = get("role");
    if !role.is_empty() {
        parts.push(format!("for {role}"));
    }
    let after: Vec<String> = ["blocked_by", "after", "depends_on"].iter().flat_map(|n| names(&body[*n])).collect();
    if !after.is_empty() {
        parts.push(format!("after {}", after.join(" and ")));
    }
    let children = body["children"].as_array().map_or(0, Vec::len);
    if children > 0 {
        parts.push(crate::web::ui::words::counted(i64::try_from(children).unwrap_or(0), "part", "parts"));
    }
    parts.join(", ")
}

fn names(value: &Value) -> Vec<String> {
    match value {
        Value::String(s) => vec![s.clone()],
        Value::Number(n) => vec![n.to_string()],
        Value::Array(list) => list.iter().flat_map(names).collect(),
        Value::Null | Value::Bool(_) | Value::Object(_) => Vec::new(),
    }
}

/// Tickets that a result names, in their order.
fn tickets_of(result: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for part in result.split(|c: char| !c.is_ascii_alphanumeric() && c != '-') {
        let number = part.strip_prefix("MC-").unwrap_or_default();
        if !number.is_empty() && number.len() < 12 && number.bytes().all(|b| b.is_ascii_digit()) && !found.iter().any(|f| f == part) {
            found.push(part.to_owned());
        }
    }
    found
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::time::Time;

    /// An open proposal.
    pub fn proposal(id: i64, kind: &str, body: &str) -> Proposal {
        Proposal {
            id: ProposalId(id),
            turn: TurnId(1),
            position: id,
            kind: kind.parse().expect("a kind"),
            body: body.to_owned(),
            state: ProposalState::Open,
            result: None,
            error: None,
            decided_by: None,
            decided_at: None,
            created_at: Time(0),
        }
    }

    #[test]
    fn a_card_says_what_would_be_done() {
        let p = proposal(1, "create_ticket", r#"{"title":"Keep a total","project":"ledger","priority":"high","blocked_by":["a"]}"#);
        let words = Words::of(&p);
        assert_eq!((words.title.as_str(), words.sub.as_str()), ("Keep a total", "New ticket in ledger, high, after a"));
        let p = proposal(2, "move", r#"{"ticket":"MC-7","to":"in_review"}"#);
        assert_eq!(Words::of(&p).title, "Move MC-7 to In review");
    }

    #[test]
    fn tickets_of_a_result_are_found_once_and_nothing_else_is() {
        assert_eq!(tickets_of(r#"{"ticket":"MC-427","children":["MC-428","MC-427"],"x":"MC-","y":"MCX-1"}"#), ["MC-427", "MC-428"]);
    }
}

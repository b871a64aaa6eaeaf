//! Proposals of a turn as a slip of cards: each with Do it, Edit, Dismiss; what is done can be undone where that is possible.

use crate::domain::ids::{ProposalId, TurnId};
use crate::domain::orchestrator::action::{Action, CreateTicket, TicketRef};
use crate::domain::orchestrator::outcome::{Outcome, can_undo};
use crate::domain::orchestrator::proposal::{ActionKind, Proposal, ProposalState};
use crate::domain::text::{cut_chars, shortened};
use crate::domain::ticket::Priority;
use crate::web::ui::{Ctx, form, icon, words};
use maud::{Markup, html};

/// The slip of a turn, `#slip-<n>`; nothing where nothing is proposed.
#[must_use]
pub fn slip(turn: TurnId, list: &[Proposal], cx: Ctx<'_>) -> Markup {
    let open = list.iter().filter(|p| p.state == ProposalState::Open).count();
    let done = list.iter().filter(|p| p.state == ProposalState::Applied).count();
    let doable = list.iter().filter(|p| p.state == ProposalState::Open && p.kind != ActionKind::AskOwner).count();
    let undoable = list.iter().filter(|p| can_undo(p)).count();
    html! {
        @if !list.is_empty() {
            section.slip.settled[open == 0] id=(format!("slip-{turn}")) aria-label="Proposals" {
                header {
                    b { (headline(list)) }
                    span.end { (tally(done, open, list.len())) }
                }
                ul.rows { @for p in list { (row(p, list, cx)) } }
                @if open > 0 {
                    footer {
                        @if doable > 1 { (whole(turn, "apply", &all_words(doable), "primary", cx)) (whole(turn, "dismiss", "Dismiss all", "bare", cx)) }
                        span.note { "She asks first: " a href="/settings#autonomy" { "change" } }
                    }
                } @else if undoable > 1 {
                    footer { (whole(turn, "undo", if undoable == 2 { "Undo both" } else { "Undo all" }, "bare", cx)) }
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

fn all_words(doable: usize) -> String {
    match doable {
        2 => "Do both".to_owned(),
        n => format!("Do all {n}"),
    }
}

/// A card.
fn row(p: &Proposal, all: &[Proposal], cx: Ctx<'_>) -> Markup {
    let said = Words::of(p, all);
    let outcome = Outcome::of(p);
    html! {
        li id=(format!("proposal-{}", p.id)) data-st=(st(p.state)) data-state=(p.state.as_str()) {
            (sign(p))
            div {
                b dir="auto" { (said.title) }
                p.sub dir="auto" {
                    (said.sub)
                    @if let Some(id) = outcome.ticket() { " " a.id href=(format!("/tickets/{id}")) { (id) } }
                }
                @if let Some(more) = &said.more {
                    details.more-words { summary.small.quiet { "What it says" } p.sub.pre dir="auto" { (more) } }
                }
                @if let Some(why) = &p.error { p.sub.bad dir="auto" { (why) } }
            }
            @if p.kind == ActionKind::AskOwner && p.state == ProposalState::Open { (answers(p, cx)) }
            @else { div.btns { (buttons(p, cx)) } }
        }
    }
}

fn buttons(p: &Proposal, cx: Ctx<'_>) -> Markup {
    html! {
        @match p.state {
            ProposalState::Open => {
                (act(p.id, "apply", ("", "Do it"), cx))
                @if may_edit(p.kind) { a.btn.tight.bare href=(format!("/luci/proposals/{}/edit", p.id)) { "Edit" } }
                (act(p.id, "dismiss", ("x", ""), cx))
            },
            ProposalState::Applied => { @if can_undo(p) { (act(p.id, "undo", ("undo-2", "Undo"), cx)) } },
            ProposalState::Dismissed => { span.small.faint { "Dismissed" } },
            ProposalState::Undone => { span.small.faint { "Undone" } },
            ProposalState::Refused => { span.small.faint { "Not possible" } },
        }
    }
}

/// A question to the owner: its options as chips, and a line for other words.
fn answers(p: &Proposal, cx: Ctx<'_>) -> Markup {
    let path = format!("/luci/proposals/{}/answer", p.id);
    let options = match Action::read(&p.body) {
        Ok(Action::AskOwner { options, .. }) => options,
        Ok(_) | Err(_) => Vec::new(),
    };
    html! {
        div.answers {
            @if !options.is_empty() {
                form.btns method="post" action=(path) hx-post=(path) hx-swap="none" hx-sync="this:drop" {
                    (form::client_id(cx, format_args!("option-{}", p.id)))
                    @for o in &options { button.btn.tight type="submit" name="answer" value=(o) dir="auto" { (o) } }
                }
            }
            form.pair method="post" action=(path) hx-post=(path) hx-swap="none" hx-sync="this:drop" {
                (form::client_id(cx, format_args!("answer-{}", p.id)))
                input.input id=(format!("answer-{}", p.id)) name="answer" required dir="auto" autocomplete="off" aria-label="Your answer" placeholder="In your own words";
                button.btn type="submit" { "Answer" }
            }
            (act(p.id, "dismiss", ("", "No answer"), cx))
        }
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

fn sign(p: &Proposal) -> Markup {
    let glyph = |name: &str| html! { svg.glyph aria-hidden="true" { use href=(format!("{}#{name}", crate::web::http::assets::url("icons.svg"))) {} } };
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

/// A button that does something with a proposal; without a label it is a square of its icon.
fn act(id: ProposalId, what: &str, (sign, label): (&str, &str), cx: Ctx<'_>) -> Markup {
    let path = format!("/luci/proposals/{id}/{what}");
    html! {
        form method="post" action=(path) hx-post=(path) hx-swap="none" hx-sync="this:drop" {
            (form::client_id(cx, format_args!("{what}-p{id}")))
            @if label.is_empty() { button.btn.tight.bare.square type="submit" aria-label="Dismiss" title="Dismiss" { (icon::small(sign)) } }
            @else { button.btn.tight.bare[what != "apply"] type="submit" { @if !sign.is_empty() { (icon::small(sign)) " " } (label) } }
        }
    }
}

/// A button for the whole slip.
fn whole(turn: TurnId, what: &str, label: &str, look: &str, cx: Ctx<'_>) -> Markup {
    let path = format!("/luci/turns/{turn}/{what}");
    html! {
        form method="post" action=(path) hx-post=(path) hx-swap="none" hx-sync="this:drop" {
            (form::client_id(cx, format_args!("all-{what}-{turn}")))
            button class=(format!("btn {look}")) type="submit" { (label) }
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
    fn of(p: &Proposal, all: &[Proposal]) -> Words {
        match Action::read(&p.body) {
            Ok(action) => Words::said(&action, p.state == ProposalState::Open, &|t| called(t, all)),
            // Kept by an older version, say: shown as it is.
            Err(_) => Words { title: p.kind.as_str().replace('_', " "), sub: String::new(), more: Some(p.body.clone()) },
        }
    }

    fn said(action: &Action, open: bool, called: &dyn Fn(&TicketRef) -> String) -> Words {
        let quoted = |words: &str, sub: String| {
            let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
            let (cut, long) = cut_chars(&line, 160);
            let long = long || words.trim().lines().count() > 1;
            Words { title: if long { format!("{cut}…") } else { cut.to_owned() }, sub, more: long.then(|| words.to_owned()) }
        };
        let plain = |title: String| Words { title, sub: String::new(), more: None };
        match action {
            Action::CreateTicket(new) => Words {
                title: new.title.trim().to_owned(),
                sub: new_ticket(new, open, called),
                more: new.description.clone().filter(|d| !d.trim().is_empty()),
            },
            Action::Comment { ticket, body } => quoted(body, format!("A comment on {}", called(ticket))),
            Action::AnswerQuestion { ticket, answer } => quoted(answer, format!("The answer to {}", called(ticket))),
            Action::Move { ticket, status } => plain(format!("Move {} to {}", called(ticket), words::status(*status))),
            Action::Assign { ticket, role } => plain(format!("Give {} to {role}", called(ticket))),
            Action::Start { ticket } => plain(format!("Start {}", called(ticket))),
            Action::Notify { text } => quoted(text, "A word to you".to_owned()),
            Action::Ignore { reason, .. } => {
                quoted(reason.as_deref().unwrap_or("Leave it as it is"), "To be left as it is".to_owned())
            }
            Action::AskOwner { question, options } => {
                let mut asked = quoted(question, "A question to you".to_owned());
                if !open && !options.is_empty() {
                    asked.sub = format!("A question to you: {}", options.join(" · "));
                }
                asked
            }
        }
    }
}

/// A ticket as a person knows it: its number, or its title while it is not made yet.
fn called(ticket: &TicketRef, all: &[Proposal]) -> String {
    let TicketRef::Made(name) = ticket else { return ticket.to_string() };
    let made = all.iter().filter(|p| p.kind == ActionKind::CreateTicket).find_map(|p| match Action::read(&p.body) {
        Ok(Action::CreateTicket(new)) if new.name.as_ref() == Some(name) => Some((p, new)),
        Ok(_) | Err(_) => None,
    });
    match made {
        Some((p, new)) => Outcome::of(p).ticket().map_or_else(|| format!("“{}”", shortened(&new.title, 60)), |id| id.to_string()),
        None => name.clone(),
    }
}

fn new_ticket(new: &CreateTicket, open: bool, called: &dyn Fn(&TicketRef) -> String) -> String {
    let mut parts = vec![match (&new.project, open) {
        (Some(project), true) => format!("New ticket in {project}"),
        (Some(project), false) => format!("Ticket in {project}"),
        (None, true) => "New ticket".to_owned(),
        (None, false) => "Ticket".to_owned(),
    }];
    parts.extend(new.priority.filter(|p| *p != Priority::Normal).map(|p| p.to_string()));
    parts.extend(new.role.as_ref().map(|role| format!("for {role}")));
    parts.extend(new.parent.as_ref().map(|t| format!("part of {}", called(t))));
    if !new.blocked_by.is_empty() {
        let names: Vec<String> = new.blocked_by.iter().map(called).collect();
        parts.push(format!("after {}", names.join(" and ")));
    }
    if new.start {
        parts.push("starts by itself".to_owned());
    }
    parts.join(", ")
}

#[cfg(test)]
pub(crate) mod tests {
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
        let p = proposal(
            1,
            "create_ticket",
            r#"{"kind":"create_ticket","title":"Keep a total","project":"ledger","priority":"high","blocked_by":["a"]}"#,
        );
        let words = Words::of(&p, &[]);
        assert_eq!((words.title.as_str(), words.sub.as_str()), ("Keep a total", "New ticket in ledger, high, after a"));
        let p = proposal(2, "move", r#"{"kind":"move","ticket":"MC-7","status":"in_review"}"#);
        assert_eq!(Words::of(&p, &[]).title, "Move MC-7 to In review");
    }
}

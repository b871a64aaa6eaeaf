//! The page of a ticket: head, talk, live panel, facts.

use crate::base::error::FieldError;
use crate::domain::run::{Run, RunState};
use crate::domain::ticket::Status;
use crate::domain::ticket::evidence::Evidence;
use crate::web::ticket::view_comment::{TalkEntry, comment};
use crate::web::ticket::view_head::{Head, ticket_head};
use crate::web::ticket::view_live::{Live, live, strip};
use crate::web::ticket::view_side::facts;
use crate::web::ui::attention_card::{AttentionCard, CardPlace, attention_card};
use crate::web::ui::markdown::markdown;
use crate::web::ui::stream::connect;
use crate::web::ui::{Ctx, form, icon, when};
use maud::{Markup, html};

/// Which part a phone shows (`?tab=`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tab {
    /// The conversation.
    #[default]
    Talk,
    /// The live panel.
    Live,
    /// The facts.
    Facts,
}

impl Tab {
    /// As written in `?tab=`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Tab::Talk => "talk",
            Tab::Live => "live",
            Tab::Facts => "facts",
        }
    }

    /// Reads `?tab=`; anything unknown is Talk.
    #[must_use]
    pub fn read(text: Option<&str>) -> Tab {
        match text {
            Some("live") => Tab::Live,
            Some("facts") => Tab::Facts,
            Some(_) | None => Tab::Talk,
        }
    }
}

/// All that a ticket's page shows.
#[derive(Debug, Clone)]
pub struct TicketPage {
    /// The head.
    pub head: Head,
    /// What it asks, where it waits for a person.
    pub attention: Option<AttentionCard>,
    /// What was said: a window, oldest first.
    pub talk: Vec<TalkEntry>,
    /// Comments in all.
    pub talk_total: i64,
    /// Address of older comments.
    pub talk_older: Option<String>,
    /// The live panel.
    pub live: Live,
    /// The runs, newest first.
    pub attempts: Vec<Run>,
    /// Evidence, newest first.
    pub evidence: Vec<Evidence>,
    /// Which part a phone shows.
    pub tab: Tab,
    /// What was typed into the reply, where sending failed.
    pub reply: String,
    /// What was wrong with it.
    pub errors: Vec<FieldError>,
}

/// The page's main part. `stream` is the address of its live stream.
#[must_use]
pub fn ticket(t: &TicketPage, stream: &str, cx: Ctx<'_>) -> Markup {
    let id = t.head.ticket.id;
    let tab = |to: Tab, word: &str, href: String, count: Option<i64>| {
        html! {
            a href=(href) aria-current=[(t.tab == to).then_some("page")] { (word) @if let Some(n) = count { " " span.count #talk-count { (n) } } }
        }
    };
    html! {
        div.ticket data-tab=(t.tab.as_str()) {
            header {
                (ticket_head(&t.head, cx))
                (strip(&t.live, cx))
                nav.tabs aria-label="Parts of the ticket" {
                    (tab(Tab::Talk, "Talk", format!("/tickets/{id}"), Some(t.talk_total)))
                    (tab(Tab::Live, "Live", format!("/tickets/{id}?tab=live"), None))
                    (tab(Tab::Facts, "Facts", format!("/tickets/{id}?tab=facts"), None))
                }
            }
            section #talk aria-label="Talk" {
                (asks(t.attention.as_ref(), cx))
                (description(&t.head, cx))
                @if let Some(href) = &t.talk_older { a.more href=(href) { "Earlier comments" } }
                div #comments { @for s in &t.talk { (comment(s, cx)) } }
                (reply(&t.head, &t.reply, &t.errors, cx))
            }
            div.side {
                (live(&t.live, t.tab == Tab::Live, cx))
                (facts(&t.head, &t.attempts, &t.evidence, cx))
            }
        }
        (connect(stream))
    }
}

/// What the ticket asks, `#asks`; empty where it asks nothing.
#[must_use]
pub fn asks(l: Option<&AttentionCard>, cx: Ctx<'_>) -> Markup {
    html! { div #asks { @if let Some(l) = l { div.needs { (attention_card(l, CardPlace::Ticket, cx)) } } } }
}

/// The description, `#description`.
#[must_use]
pub fn description(head: &Head, cx: Ctx<'_>) -> Markup {
    let t = &head.ticket;
    // A message becomes a ticket with its first line as the title, which stands above already.
    let words = t.description.trim();
    let words = words.strip_prefix(t.title.as_str()).filter(|rest| rest.starts_with('\n')).unwrap_or(words);
    html! {
        article.msg #description {
            (icon::avatar(&t.created_by))
            div {
                p.by { b dir="auto" { (t.created_by) } span { "asked for this" } (when::ago(t.created_at, cx.now)) }
                @if t.description.trim().is_empty() { p.quiet { "The title says it all. " a href=(format!("/tickets/{}/edit", t.id)) { "Add a description" } } }
                @else { (markdown(words)) }
            }
        }
    }
}

/// The reply box, `#reply`. Answer 422 with what was typed and the errors; after a success send it anew.
#[must_use]
pub fn reply(head: &Head, typed: &str, errors: &[FieldError], cx: Ctx<'_>) -> Markup {
    let t = &head.ticket;
    let path = format!("/tickets/{}/reply", t.id);
    let live = head.run.is_some_and(RunState::is_live);
    let (placeholder, says) = match t.status {
        Status::InProgress => (format!("Write to {}", t.role.label()), "Queued; read when this run ends"),
        Status::NeedsInput => ("Or write an answer".to_owned(), "The agent goes on with your answer"),
        Status::InReview => ("Approve it above, or say what is to be changed".to_owned(), "The agent goes on with your words"),
        Status::Blocked => ("Say what to do".to_owned(), "The agent goes on with your words"),
        Status::Inbox | Status::Todo => ("Comment".to_owned(), "The agent reads it when it starts"),
        Status::Done | Status::Cancelled => ("Comment".to_owned(), "Kept with the ticket; nobody is woken"),
    };
    html! {
        form.footbar #reply method="post" action=(path) hx-post=(path) hx-swap="none" hx-sync="this:drop" hx-status:422="swap:outerMorph"
            data-draft=(format!("reply-{}", t.id.0)) {
            (form::client_id(cx, format_args!("reply-{}", t.id.0)))
            @if !errors.is_empty() { div.errs role="alert" { (form::field_error(errors, "body")) (form::other_errors(errors, &["body"])) } }
            div.with { span { @if live { (icon::small("layers")) } (says) } }
            div.reply {
                label.vh for="r" { "Reply" }
                textarea.input #r name="body" rows="1" placeholder=(placeholder) dir="auto" required
                    aria-describedby=[(!errors.is_empty()).then_some("e-body")] data-draft-field { (typed) }
                // Named, so that it keeps the focus when the box comes anew.
                button.btn.square.big.primary #reply-send type="submit" aria-label="Send" { (icon::icon("arrow-up")) }
            }
        }
    }
}

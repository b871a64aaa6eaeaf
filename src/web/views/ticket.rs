//! The page of a ticket: head, talk, live panel, facts.

use super::comment::Said;
use super::lit::Lit;
use super::live::Live;
use super::ticket_head::Head;
use crate::domain::evidence::Evidence;
use crate::domain::run::Run;
use crate::error::FieldError;
use crate::web::ui::Ctx;
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
    pub lit: Option<Lit>,
    /// What was said: a window, oldest first.
    pub talk: Vec<Said>,
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
    let _ = (t, stream, cx);
    html! {}
}

/// What the ticket asks, `#asks`; empty where it asks nothing.
#[must_use]
pub fn asks(lit: Option<&Lit>, cx: Ctx<'_>) -> Markup {
    let _ = (lit, cx);
    html! {}
}

/// The reply box, `#reply`. Answer 422 with what was typed and the errors; after a success send it anew.
#[must_use]
pub fn reply(head: &Head, typed: &str, errors: &[FieldError], cx: Ctx<'_>) -> Markup {
    let _ = (head, typed, errors, cx);
    html! {}
}

/// The description, `#description`.
#[must_use]
pub fn description(head: &Head, cx: Ctx<'_>) -> Markup {
    let _ = (head, cx);
    html! {}
}

//! An attention card: something that waits for a person, with all it takes to move it on right there.

use crate::domain::ids::TicketId;
use crate::domain::run::question::Question;
use crate::domain::ticket::{Role, Status};
use crate::domain::time::Time;
use crate::web::ui::{Ctx, form, icon, when, words};
use maud::{Markup, html};

/// Something that waits for a person.
#[derive(Debug, Clone)]
pub struct AttentionCard {
    /// The ticket.
    pub ticket: TicketId,
    /// Its title.
    pub title: String,
    /// Its project; may be empty.
    pub project: String,
    /// Who asks.
    pub role: Role,
    /// Since when it waits.
    pub since: Time,
    /// The ticket's version.
    pub version: i64,
    /// What is asked.
    pub ask: Ask,
}

/// What an attention card asks.
#[derive(Debug, Clone)]
pub enum Ask {
    /// An answer.
    Question {
        /// The question, one sentence where possible.
        text: String,
        /// What stands behind it; may be empty. Plain text.
        why: String,
        /// Offered answers; the first is the agent's own choice.
        options: Vec<String>,
    },
    /// A look at the result.
    Review {
        /// The result's first words. Plain text.
        summary: String,
    },
    /// Something to mend.
    Blocked {
        /// What happened.
        reason: String,
        /// What to do about it.
        advice: String,
    },
}

impl Ask {
    /// The status a ticket has that asks this.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            Ask::Question { .. } => Status::NeedsInput,
            Ask::Review { .. } => Status::InReview,
            Ask::Blocked { .. } => Status::Blocked,
        }
    }
}

/// Where an attention card stands: on Home it names its ticket, on the ticket's own page it need not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CardPlace {
    /// In the list of Home.
    Home,
    /// Above the talk of its ticket.
    Ticket,
}

/// The card, `#lit-<n>`.
#[must_use]
pub fn attention_card(l: &AttentionCard, place: CardPlace, cx: Ctx<'_>) -> Markup {
    let status = l.ask.status();
    let (kind, ask, why) = match &l.ask {
        Ask::Question { text, why, .. } => (format!("{} asks", l.role.label()), text.as_str(), why.as_str()),
        Ask::Review { summary } => ("Ready for review".to_owned(), l.title.as_str(), summary.as_str()),
        Ask::Blocked { reason, advice } => ("Blocked".to_owned(), reason.as_str(), advice.as_str()),
    };
    let href = format!("/tickets/{}", l.ticket);
    html! {
        article.lit id=(format!("lit-{}", l.ticket.0)) data-st=(words::st(status)) {
            (icon::glyph(status))
            p.meta {
                span.kind { (kind) }
                @if place == CardPlace::Home {
                    a.id href=(href) { (l.ticket) }
                    @if !l.project.is_empty() { span.proj dir="auto" { (l.project) } }
                }
                span.end.bare { (when::span(l.since, cx.now)) }
            }
            div.body {
                @match place {
                    CardPlace::Home => {
                        h3.ask dir="auto" { a href=(href) { (ask) } }
                        @if !matches!(l.ask, Ask::Review { .. }) { p.of dir="auto" { (l.title) } }
                    }
                    // The title stands in the head already: the result's own words are what is to be judged here.
                    CardPlace::Ticket => h2.ask dir="auto" {
                        @if matches!(l.ask, Ask::Review { .. }) { "Look at the result: is it done?" } @else { (ask) }
                    },
                }
                @if !why.is_empty() { p.why dir="auto" { (why) } }
                (acts(l, place, cx))
            }
        }
    }
}

fn acts(l: &AttentionCard, place: CardPlace, cx: Ctx<'_>) -> Markup {
    match &l.ask {
        Ask::Question { options, .. } => html! {
            @if !options.is_empty() { (quick_replies(l, options, cx)) }
            (own_words(l, place, "Your own answer", if options.is_empty() { "Write an answer" } else { "Or write an answer" }, cx))
        },
        Ask::Review { .. } => html! {
            (approve(l, place, cx))
            (own_words(l, place, "What is to be changed", "Send it back: what is to be changed?", cx))
        },
        Ask::Blocked { .. } => html! {
            (resume(l, place, cx))
            (own_words(l, place, "Words for the agent", "Or say what to do differently", cx))
        },
    }
}

fn quick_replies(l: &AttentionCard, options: &[String], cx: Ctx<'_>) -> Markup {
    html! {
        (reply_form(l, "answer", cx, &html! {
            div.btns {
                @for (i, option) in options.iter().enumerate() {
                    button.btn.primary[i == 0] type="submit" name="body" value=(option) dir="auto" { (option) }
                }
            }
        }))
    }
}

fn approve(l: &AttentionCard, place: CardPlace, cx: Ctx<'_>) -> Markup {
    let path = format!("/tickets/{}/move", l.ticket);
    html! {
        form method="post" action=(path) hx-post=(path) hx-swap="none" hx-sync="this:drop" {
            (form::client_id(cx, format_args!("approve-{}", l.ticket.0)))
            input type="hidden" name="version" value=(l.version);
            input type="hidden" name="status" value="done";
            div.btns {
                button.btn.primary[place == CardPlace::Ticket] type="submit" { (icon::small("check")) " Approve" }
                @if place == CardPlace::Home { a.btn href=(format!("/tickets/{}", l.ticket)) { "Look at it" } }
            }
        }
    }
}

fn resume(l: &AttentionCard, place: CardPlace, cx: Ctx<'_>) -> Markup {
    html! {
        (reply_form(l, "resume", cx, &html! {
            div.btns {
                button.btn.primary[place == CardPlace::Ticket] type="submit" name="body" value="Go on from where you stopped." {
                    (icon::small("play")) " Resume"
                }
                @if place == CardPlace::Home { a.btn href=(format!("/tickets/{}", l.ticket)) { "Look at it" } }
            }
        }))
    }
}

/// A folded field for words of one's own; the ticket's page has its reply box at the foot for them.
fn own_words(l: &AttentionCard, place: CardPlace, label: &str, placeholder: &str, cx: Ctx<'_>) -> Markup {
    if place == CardPlace::Ticket {
        return html! {};
    }
    let id = format!("w-{}", l.ticket.0);
    let field = reply_form(
        l,
        "words",
        cx,
        &html! {
            div.pair.reply {
                label.vh for=(id) { (label) }
                textarea.input id=(id) name="body" rows="1" placeholder=(placeholder) dir="auto" required data-draft-field {}
                button.btn.square.big type="submit" aria-label="Send" { (icon::icon("arrow-up")) }
            }
        },
    );
    let summary = match l.ask {
        Ask::Question { .. } => "Write an answer",
        Ask::Review { .. } => "Send it back",
        Ask::Blocked { .. } => "Say something else",
    };
    html! { details.words { summary.btn.bare { (icon::small("pencil")) " " (summary) } (field) } }
}

fn reply_form(l: &AttentionCard, what: &str, cx: Ctx<'_>, inner: &Markup) -> Markup {
    let path = format!("/tickets/{}/reply", l.ticket);
    html! {
        form method="post" action=(path) hx-post=(path) hx-swap="none" hx-sync="this:drop"
            data-draft=[(what == "words").then(|| format!("reply-{}", l.ticket.0))] {
            (form::client_id(cx, format_args!("{what}-{}", l.ticket.0)))
            (inner)
        }
    }
}

/// What stands in its place once it was answered, `#lit-<n>`: one line, so that nothing below jumps far.
#[must_use]
pub fn answered(ticket: TicketId, words: &str) -> Markup {
    html! {
        article.lit.settled id=(format!("lit-{}", ticket.0)) data-st="done" {
            (icon::glyph(Status::Done))
            p.meta { span dir="auto" { (words) } a.id href=(format!("/tickets/{ticket}")) { (ticket) } }
        }
    }
}

/// A question as a card asks it.
#[must_use]
pub fn question(q: Question) -> Ask {
    Ask::Question { text: q.ask, why: q.why, options: q.options }
}

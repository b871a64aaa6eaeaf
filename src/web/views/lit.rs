//! A lit block: something that waits for a person, with all it takes to move it on right there.

use crate::domain::ids::TicketId;
use crate::domain::ticket::{Role, Status};
use crate::domain::time::Time;
use crate::web::ui::Ctx;
use maud::{Markup, html};

/// Something that waits for a person.
#[derive(Debug, Clone)]
pub struct Lit {
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

/// What a lit block asks.
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

/// Where a lit block stands: on Home it names its ticket, on the ticket's own page it need not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the list of Home.
    Home,
    /// Above the talk of its ticket.
    Ticket,
}

/// The block, `#lit-<n>`.
#[must_use]
pub fn lit(l: &Lit, place: Place, cx: Ctx<'_>) -> Markup {
    let _ = (l, place, cx);
    html! {}
}

/// What stands in its place once it was answered, `#lit-<n>`: one line, so that nothing below jumps far.
#[must_use]
pub fn answered(ticket: TicketId, words: &str) -> Markup {
    let _ = (ticket, words);
    html! {}
}

/// Splits what an agent asked into question, reasons and offered answers: the first sentence that ends in a
/// question mark (else the first line), the rest, and the lines of a list with at most six short entries.
#[must_use]
pub fn read_question(text: &str) -> Ask {
    Ask::Question { text: text.to_owned(), why: String::new(), options: Vec::new() }
}

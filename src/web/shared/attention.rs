//! What waiting tickets ask of a person, read for their attention cards.

use crate::base::error::Result;
use crate::base::text::capitalised;
use crate::domain::ids::TicketId;
use crate::domain::run::question;
use crate::domain::run::verdict;
use crate::domain::text::shortened;
use crate::domain::ticket::{Status, Ticket};
use crate::store::run::runs;
use crate::store::ticket::{comments, evidence};
use crate::web::ui::attention_card;
use crate::web::ui::attention_card::{Ask, AttentionCard};
use rusqlite::Connection;

/// What a waiting ticket asks; none where it waits for nobody.
///
/// # Errors
/// The store failed.
pub fn card(c: &Connection, t: &Ticket) -> Result<Option<AttentionCard>> {
    Ok(cards(c, std::slice::from_ref(t))?.pop())
}

/// What waiting tickets ask, in their order; those that wait for nobody are left out.
///
/// # Errors
/// The store failed.
pub fn cards(c: &Connection, list: &[Ticket]) -> Result<Vec<AttentionCard>> {
    let of = |status: Status| list.iter().filter(move |t| t.status == status);
    let waiting: Vec<TicketId> = list.iter().filter(|t| t.status.needs_person()).map(|t| t.id).collect();
    let words = comments::last_words(c, &waiting)?;
    let shown = evidence::newest_of(c, &of(Status::InReview).map(|t| t.id).collect::<Vec<_>>(), 3)?;
    let runs = runs::get_many(c, &of(Status::Blocked).filter_map(|t| t.run).collect::<Vec<_>>())?;
    let ask = |t: &Ticket| {
        let said = words.get(&t.id).map(|w| w.body.as_str()).unwrap_or_default();
        Some(match t.status {
            Status::NeedsInput => asked(said, t.title.as_str()),
            Status::InReview => {
                let change = shown.iter().find(|e| e.ticket == t.id && e.kind == "change");
                let change = change.map(|e| format!("{}. ", e.label)).unwrap_or_default();
                Ask::Review { summary: format!("{change}{}", capitalised(&plain_words(said, 280))) }
            }
            Status::Blocked => match t.run.and_then(|run| runs.get(&run)?.failure.as_ref()) {
                Some(f) => Ask::Blocked { reason: capitalised(&shortened(&f.text, 200)), advice: f.code.advice().to_owned() },
                None => Ask::Blocked {
                    reason: "It was stopped".to_owned(),
                    advice: "Its work is kept. Reply to let it go on.".to_owned(),
                },
            },
            Status::Inbox | Status::Todo | Status::InProgress | Status::Done | Status::Cancelled => return None,
        })
    };
    let card = |t: &Ticket| {
        Some(AttentionCard {
            ticket: t.id,
            title: t.title.as_str().to_owned(),
            project: t.project.clone(),
            role: t.role.clone(),
            since: t.status_since,
            version: t.version,
            ask: ask(t)?,
        })
    };
    Ok(list.iter().filter_map(card).collect())
}

fn asked(said: &str, title: &str) -> Ask {
    let asked = question::of_comment(said);
    if asked.ask.is_empty() {
        return Ask::Question {
            text: format!("What should be done about “{title}”?"), why: String::new(), options: Vec::new()
        };
    }
    attention_card::question(asked)
}

/// The first words of a Markdown text, on one line, without its prefix.
fn plain_words(text: &str, max: usize) -> String {
    let text = verdict::prefix(text).map_or_else(|| text.to_owned(), |(_, payload)| payload);
    shortened(&text.replace(['*', '`', '#'], ""), max)
}

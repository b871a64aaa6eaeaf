//! What a ticket's page shows beside its lists, part by part, and a short mark of it.

use crate::base::error::Result;
use crate::config::Config;
use crate::domain::run::Run;
use crate::domain::ticket::evidence::Evidence;
use crate::domain::ticket::message::Message;
use crate::domain::ticket::{Status, Ticket};
use crate::domain::time::Time;
use crate::store::run::{events, runs};
use crate::store::ticket::{evidence, messages};
use crate::web::shared::attention;
use crate::web::sse::rendered_parts::STILL;
use crate::web::ticket::view_comment::delivery;
use crate::web::ticket::view_head::Head;
use crate::web::ticket::view_live::Live;
use crate::web::ticket::{load, view, view_head, view_live as panel, view_side};
use crate::web::ui::Ctx;
use crate::web::ui::attention_card::AttentionCard;
use maud::Markup;
use rusqlite::Connection;
use sha2::{Digest, Sha256};

/// A short mark of what a ticket's page shows beside its lists. A stream that begins, or begins again, knows by it
/// whether the page missed something.
///
/// # Errors
/// The store failed.
pub fn mark(c: &Connection, t: &Ticket, config: &Config, now: Time) -> Result<String> {
    Ok(mark_of(t, &Parts::load(c, t, config, now)?.all(STILL)))
}

/// Begins with whether the ticket is in progress: the panel opens and folds with that.
#[must_use]
pub fn mark_of(t: &Ticket, parts: &[(String, Markup)]) -> String {
    let mut hash = Sha256::new();
    // The panel's own lines change with every output and come with the events.
    for (target, markup) in parts.iter().filter(|(target, _)| !PANEL.contains(&target.as_str())) {
        hash.update(target);
        hash.update(&markup.0);
    }
    let short: String = hash.finalize().iter().take(8).map(|b| format!("{b:02x}")).collect();
    format!("{}{short}", if working(t) { 'w' } else { 'i' })
}

/// Whether somebody works on it: its panel is open then.
#[must_use]
pub fn working(t: &Ticket) -> bool {
    t.status == Status::InProgress
}

/// The lines of the panel that are not events.
pub const PANEL: [&str; 3] = ["#live-state", "#live-foot", "#strip"];

/// What a ticket's page shows beside its lists.
pub struct Parts {
    head: Head,
    attention: Option<AttentionCard>,
    attempts: Vec<Run>,
    evidence: Vec<Evidence>,
    live: Live,
    queued: Vec<Message>,
}

impl Parts {
    /// Reads all of it.
    ///
    /// # Errors
    /// The store failed.
    pub fn load(c: &Connection, t: &Ticket, config: &Config, now: Time) -> Result<Parts> {
        Ok(Parts {
            head: load::head(c, t, config, now)?,
            attention: attention::card(c, t)?,
            attempts: runs::of_ticket(c, t.id, 50)?,
            evidence: evidence::of_ticket(c, t.id, 100)?,
            live: load::live_of(c, t, events::window(c, t.id, i64::MAX, 20)?, now)?,
            queued: messages::of_ticket(c, t.id, 20)?,
        })
    }

    /// Each part with its target.
    #[must_use]
    pub fn all(&self, cx: Ctx<'_>) -> Vec<(String, Markup)> {
        let mut all = vec![
            ("#head".to_owned(), view_head::ticket_head(&self.head, cx)),
            ("#asks".to_owned(), view::asks(self.attention.as_ref(), cx)),
            ("#reply".to_owned(), view::reply(&self.head, "", &[], cx)),
            ("#description".to_owned(), view::description(&self.head, cx)),
            ("#facts".to_owned(), view_side::facts(&self.head, &self.attempts, &self.evidence, cx)),
            ("#live-state".to_owned(), panel::live_state(&self.live, cx)),
            ("#live-foot".to_owned(), panel::live_foot(&self.live, cx)),
            ("#strip".to_owned(), panel::strip(&self.live, cx)),
        ];
        all.extend(self.queued.iter().map(|m| (format!("#m-{}", m.id), delivery(m, cx))));
        all
    }
}

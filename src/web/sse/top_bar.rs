//! What the top bar of every page says, as its stream keeps it: how much waits for a person, and how Luci stands.

use crate::base::error::Result;
use crate::domain::time::Time;
use crate::web::shared::orchestrator_status::orchestrator_status;
use crate::web::shared::waiting;
use crate::web::ui::shell::needs_partials;
use crate::web::ui::status_indicator::{OrchestratorStatus, lamp_partial};
use rusqlite::Connection;

/// The top bar as a page shows it. None before the first look: what the page was rendered with may be old by now.
#[derive(Debug, Clone, Default)]
pub struct TopBar(Option<(i64, OrchestratorStatus)>);

impl TopBar {
    /// What a page is to be sent: all at the first look, then what changed. A few rows are read, whatever happened.
    ///
    /// # Errors
    /// The store failed.
    pub fn look(&mut self, c: &Connection, now: Time) -> Result<String> {
        let (needs, luci) = (waiting::needs_count(c)?, orchestrator_status(c)?);
        let shown = self.0.replace((needs, luci));
        let mut out = String::new();
        if shown.is_none_or(|s| s.0 != needs) {
            out.push_str(&needs_partials(needs).0);
        }
        if shown.is_none_or(|s| s.1 != luci) {
            out.push_str(&lamp_partial(luci, now).0);
        }
        Ok(out)
    }
}

//! What the end of a task run leads to beyond its own row.

use super::Tx;
use crate::domain::inbox::{InboxPriority, Notify, OutcomeClass};
use crate::error::Result;

/// How a run of a task ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The task's name.
    pub task: String,
    /// It went well.
    pub ok: bool,
    /// How it went.
    pub class: OutcomeClass,
    /// In words.
    pub summary: String,
    /// The number of the task run.
    pub source_id: String,
    /// Who hears.
    pub notify: Notify,
    /// How urgent it is.
    pub priority: InboxPriority,
}

/// Tells an outcome.
///
/// # Errors
/// The database refused.
pub fn outcome(_tx: &Tx<'_>, _outcome: &Outcome) -> Result<()> {
    Ok(())
}

//! What stands in the board's address: the filter, the column in view, the cursors.

use crate::domain::ticket::{Priority, Status};
use crate::web::board::filter::Filter;
use serde::Deserialize;

/// What stands in the board's address.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Query {
    #[serde(default)]
    pub(crate) q: String,
    #[serde(default)]
    pub(crate) project: String,
    #[serde(default)]
    pub(crate) role: String,
    #[serde(default)]
    pub(crate) priority: String,
    #[serde(default)]
    pub(crate) status: String,
    #[serde(default)]
    pub(crate) col: String,
    #[serde(default)]
    pub(crate) open: String,
    #[serde(default)]
    pub(crate) after: String,
}

impl Query {
    /// The filter in it. Words that mean nothing filter nothing.
    #[must_use]
    pub fn filter(&self) -> Filter {
        let some = |text: &str| (!text.trim().is_empty()).then(|| text.trim().chars().take(200).collect::<String>());
        Filter {
            q: some(&self.q).unwrap_or_default(),
            project: some(&self.project),
            role: some(&self.role),
            priority: self.priority.parse::<Priority>().ok(),
            status: self.status.parse::<Status>().ok(),
        }
    }

    /// The change the page was rendered after.
    #[must_use]
    pub fn after(&self) -> i64 {
        self.after.parse().unwrap_or(0)
    }
}

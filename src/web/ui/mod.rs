//! Shared pieces of the pages: shell, icons, times, forms, the stream, toasts.

pub mod attention_card;
pub mod error_page;
pub mod form;
pub mod icon;
pub mod markdown;
pub mod paused;
pub mod run_activity;
pub mod shell;
pub mod sparkline;
pub mod status_indicator;
pub mod stream;
pub mod template;
pub mod toast;
pub mod when;
pub mod words;

use crate::domain::time::Time;

/// What every view knows of the moment it is rendered in.
#[derive(Debug, Clone, Copy)]
pub struct Ctx<'a> {
    /// Now, by the server's clock.
    pub now: Time,
    /// A random text, fresh for each rendering: every form's `client_id` begins with it, so that sending the same
    /// form twice is one request and two renderings are never taken for one.
    pub seed: &'a str,
}

impl Ctx<'_> {
    /// The `client_id` of the form that does `what`.
    #[must_use]
    pub fn client_id(&self, what: impl std::fmt::Display) -> String {
        format!("{}-{what}", self.seed)
    }
}

//! Settings: who is logged in where, tokens, profiles in force, how it looks. "More" on a phone.

use crate::domain::actor::Scope;
use crate::domain::profile::Profile;
use crate::domain::time::Time;
use crate::error::FieldError;
use crate::web::ui::Ctx;
use maud::{Markup, html};

/// All that the page shows.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who is logged in.
    pub user_name: String,
    /// True for the owner: only the owner changes tokens and the password.
    pub owner: bool,
    /// The profiles in force.
    pub profiles: Vec<Profile>,
    /// The default profile's name.
    pub default_profile: String,
    /// API tokens.
    pub tokens: Vec<Token>,
    /// A token just made: shown once.
    pub fresh_token: Option<(String, String)>,
    /// Browser sessions.
    pub sessions: Vec<Session>,
    /// Further settings in force: name, value, where it came from.
    pub config: Vec<(String, String, String)>,
    /// What was wrong with the form that was sent.
    pub errors: Vec<FieldError>,
}

/// An API token.
#[derive(Debug, Clone)]
pub struct Token {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
    /// When it was made.
    pub created_at: Time,
    /// When it was last used.
    pub last_used_at: Option<Time>,
}

/// A browser session.
#[derive(Debug, Clone)]
pub struct Session {
    /// Its number.
    pub id: i64,
    /// The browser, in words.
    pub browser: String,
    /// When it logged in.
    pub created_at: Time,
    /// When it was last seen.
    pub seen_at: Time,
    /// True for the one that looks at this page.
    pub current: bool,
}

/// The page's main part. Forms: `/settings/tokens` (name, scope), `/settings/tokens/revoke` (name),
/// `/settings/sessions/revoke` (id), `/settings/password` (old, password), `/logout`.
#[must_use]
pub fn settings(s: &Settings, cx: Ctx<'_>) -> Markup {
    let _ = (s, cx);
    html! {}
}

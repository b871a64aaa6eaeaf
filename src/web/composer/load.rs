//! A fresh composer.

use crate::base::error::Result;
use crate::config::Config;
use crate::web::composer::view::Composer;
use crate::web::shared::choices;
use rusqlite::Connection;

/// A fresh composer.
///
/// # Errors
/// The store failed.
pub fn composer(c: &Connection, config: &Config) -> Result<Composer> {
    Ok(Composer { roles: choices::roles(config), projects: choices::projects(c, config)?, ..Composer::default() })
}

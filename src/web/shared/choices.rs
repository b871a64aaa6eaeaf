//! What forms let people choose from: names of roles and of projects.

use crate::base::error::Result;
use crate::config::Config;
use crate::domain::ticket::Role;
use crate::store::ticket::board;
use rusqlite::Connection;

/// Names of roles, as chosen from.
#[must_use]
pub fn roles(config: &Config) -> Vec<String> {
    Role::BUILT_IN.iter().map(|r| (*r).to_owned()).chain(config.extra_roles.iter().cloned()).collect()
}

/// Names of projects: configured ones and those in use.
///
/// # Errors
/// The store failed.
pub fn projects(c: &Connection, config: &Config) -> Result<Vec<String>> {
    let mut all: Vec<String> = config.projects.iter().map(|p| p.name.clone()).collect();
    all.extend(board::projects(c)?);
    all.sort();
    all.dedup();
    Ok(all)
}

//! What the configuration decides about tickets, as the floors below it see it.

use crate::base::error::Result;
use crate::domain::ticket::{Role, Ticket};

/// Decisions that come from the configuration.
pub trait Rules: Send + Sync {
    /// The profile a ticket runs with.
    fn profile_for(&self, ticket: &Ticket) -> String;
    /// Whether pickup takes tickets of this role.
    fn is_active(&self, role: &Role) -> bool;
    /// How many runs a profile may have at once.
    fn concurrency(&self, profile: &str) -> usize;
}

/// Names that the configuration knows.
pub trait Names: Send + Sync {
    /// Reads a role's name.
    ///
    /// # Errors
    /// It is not known.
    fn role(&self, name: &str) -> Result<Role>;
    /// Completes a project's name.
    ///
    /// # Errors
    /// It means nothing here.
    fn project(&self, name: &str) -> Result<String>;
}

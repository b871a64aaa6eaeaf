//! A believable board to look around in: `serve --demo`, and the tests' fixtures.

use crate::config::Config;
use crate::error::Result;
use crate::store::Store;

/// Seeds the board, once: a folder with tickets is left as it is.
///
/// # Errors
/// The store failed.
pub fn seed(_store: &Store, _config: &Config) -> Result<()> {
    Ok(())
}

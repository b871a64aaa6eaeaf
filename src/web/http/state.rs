//! What every handler shares.

use crate::config::Config;
use crate::engine::Engine;
use crate::store::Store;
use crate::web::http::principal::Who;
use crate::web::http::version_cache::VersionCache;
use crate::web::sse::shared_read::SharedReads;
use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use tokio::sync::watch;

/// Shared by all handlers, as `web::Data<App>`.
pub struct App {
    /// The truth.
    pub store: Store,
    /// The engines: only asked to tick, never imported by name elsewhere in `web`.
    pub engine: Arc<Engine>,
    /// What is configured.
    pub config: Arc<Config>,
    /// Turns true when the server is to end: every open stream ends itself then.
    pub closing: watch::Receiver<bool>,
    /// Open streams, over all users.
    pub streams: AtomicUsize,
    /// What was read and serves others too.
    pub reads: Reads,
}

/// Logins in use at once that are kept in memory.
const LOGINS: usize = 1_000;
/// Things that pages made of rows and that are kept: a board with all its columns full is 400 KB.
const MADE: usize = 16;

/// Something that a page made of rows.
type Made = Arc<dyn Any + Send + Sync>;

/// What was read and serves others too.
pub struct Reads {
    /// What streams that stand at the same place read together.
    pub shared: SharedReads,
    /// Who each token (`token`) and cookie (`cookie`) stands for, by the digest of its secret.
    pub principals: VersionCache<(&'static str, [u8; 32]), Arc<Who>>,
    made: VersionCache<String, Made>,
}

impl Default for Reads {
    fn default() -> Reads {
        Reads { shared: SharedReads::default(), principals: VersionCache::new(LOGINS), made: VersionCache::new(MADE) }
    }
}

impl Reads {
    /// What a page made of the rows of this version and kept under this name.
    #[must_use]
    pub fn made<T: Any + Send + Sync>(&self, version: u64, name: &String) -> Option<Arc<T>> {
        self.made.get(version, name)?.downcast().ok()
    }

    /// Keeps what a page made of rows that it read after it had asked for this version.
    pub fn keep<T: Any + Send + Sync>(&self, version: u64, name: String, value: Arc<T>) {
        self.made.put(version, name, value);
    }
}

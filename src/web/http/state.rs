//! What every handler shares.

use crate::config::Config;
use crate::engine::Engine;
use crate::store::Store;
use crate::web::http::principal::Who;
use crate::web::http::version_cache::VersionCache;
use crate::web::sse::shared_read::SharedReads;
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

/// What was read and serves others too.
pub struct Reads {
    /// What streams that stand at the same place read together.
    pub shared: SharedReads,
    /// Who each token (`token`) and cookie (`cookie`) stands for, by the digest of its secret.
    pub principals: VersionCache<(&'static str, [u8; 32]), Arc<Who>>,
}

impl Default for Reads {
    fn default() -> Reads {
        Reads { shared: SharedReads::default(), principals: VersionCache::new(LOGINS) }
    }
}

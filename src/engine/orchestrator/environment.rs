//! What Luci's agent finds in its environment beside its profile's own variables.

use crate::base::error::Result;
use crate::config::data_dir::make_private;
use crate::domain::actor::Scope;
use crate::domain::orchestrator::session::Session;
use crate::drivers::runtime::launch_file::write_private;
use crate::engine::Engine;
use crate::store::access::credentials;
use std::collections::BTreeMap;
use std::path::Path;

/// The variables: where the server is, a token that may only read, the session's folder, and our own program first on
/// the path.
///
/// # Errors
/// The token could not be made or kept.
pub fn of(engine: &Engine, session: &Session) -> Result<BTreeMap<String, String>> {
    let profile = engine.config.profile(&session.profile);
    let own = engine.exe.parent().map(|p| p.display().to_string()).unwrap_or_default();
    let path = profile.and_then(|p| p.env.get("PATH").cloned()).or_else(|| std::env::var("PATH").ok());
    let path = path.unwrap_or_else(|| "/usr/bin:/bin".to_owned());
    Ok(BTreeMap::from([
        ("MC_URL".to_owned(), engine.url.clone()),
        ("MC_TOKEN".to_owned(), token(engine, session)?),
        ("MC_SESSION_DIR".to_owned(), session.dir.clone()),
        ("PATH".to_owned(), format!("{own}:{path}")),
    ]))
}

/// The session's token, made at its first start and kept in its folder.
fn token(engine: &Engine, session: &Session) -> Result<String> {
    let dir = Path::new(&session.dir);
    make_private(dir)?;
    let file = dir.join("token");
    if let Ok(kept) = std::fs::read_to_string(&file)
        && !kept.trim().is_empty()
    {
        return Ok(kept.trim().to_owned());
    }
    let secret = crate::base::random::secret("mct_");
    let (kept, name) = (secret.clone(), format!("luci-{}-{}", session.id, crate::base::random::u32()));
    engine.store.write(move |tx| credentials::add_token(tx, &name, &kept, Scope::Viewer, None))?;
    write_private(&file, secret.as_bytes())?;
    Ok(secret)
}

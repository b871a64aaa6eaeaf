//! What `config.toml` holds, as written.

use crate::base::error::{Error, Result};
use crate::config::telegram::Section;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct File {
    pub(crate) server: Server,
    pub(crate) workspace: Workspace,
    pub(crate) pickup: Pickup,
    pub(crate) profiles: BTreeMap<String, FileProfile>,
    pub(crate) defaults: Defaults,
    pub(crate) roles: BTreeMap<String, FileRole>,
    pub(crate) projects: Vec<FileProject>,
    pub(crate) orchestrator: FileOrchestrator,
    pub(crate) scheduler: FileScheduler,
    pub(crate) telegram: Option<Section>,
    /// Parts of the product that have sections of their own; read by them.
    pub(crate) hosts: BTreeMap<String, toml::Table>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Server {
    pub(crate) listen: Option<String>,
    pub(crate) base_url: Option<String>,
    pub(crate) allowed_hosts: Vec<String>,
    pub(crate) trusted_proxies: Vec<String>,
    pub(crate) tls_cert: Option<PathBuf>,
    pub(crate) tls_key: Option<PathBuf>,
    pub(crate) insecure: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Workspace {
    pub(crate) root: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Pickup {
    pub(crate) max_workers: Option<i64>,
    pub(crate) every: Option<String>,
    pub(crate) retry_backoff: Option<String>,
    pub(crate) stop_grace: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Defaults {
    pub(crate) profile: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct FileOrchestrator {
    pub(crate) profile: Option<String>,
    pub(crate) driver: Option<String>,
    pub(crate) soft_tokens: Option<i64>,
    pub(crate) hard_tokens: Option<i64>,
    pub(crate) digests: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct FileScheduler {
    pub(crate) max_running: Option<i64>,
    pub(crate) timezone: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct FileRole {
    pub(crate) profile: Option<String>,
    pub(crate) active: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct FileProject {
    pub(crate) name: String,
    pub(crate) aliases: Vec<String>,
    pub(crate) cwd: Option<PathBuf>,
    pub(crate) host: Option<String>,
    pub(crate) profile: Option<String>,
    pub(crate) checks: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct FileProfile {
    pub(crate) runtime: String,
    pub(crate) command: Vec<String>,
    pub(crate) model: Option<String>,
    pub(crate) effort: Option<String>,
    pub(crate) permission_mode: Option<String>,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) env_from: Vec<String>,
    pub(crate) concurrency: Option<i64>,
    pub(crate) fallbacks: Vec<String>,
    pub(crate) silence_limit: Option<String>,
    pub(crate) wall_clock_limit: Option<String>,
    pub(crate) exit_grace: Option<String>,
    pub(crate) retry_limit: Option<i64>,
    pub(crate) log_cap: Option<i64>,
    pub(crate) driver: Option<String>,
}

pub(crate) fn read(path: &Path, must_exist: bool) -> Result<File> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && !must_exist => return Ok(File::default()),
        Err(e) => return Err(Error::field("config", format!("{} cannot be read: {e}", path.display()))),
    };
    toml::from_str(&text).map_err(|e| Error::field("config", format!("{}: {e}", path.display())))
}

/// Each place that names a profile, with the name.
pub(crate) fn references(file: &File) -> Vec<(String, String)> {
    let mut all = Vec::new();
    if let Some(name) = &file.defaults.profile {
        all.push(("defaults.profile".to_owned(), name.clone()));
    }
    if let Some(name) = &file.orchestrator.profile {
        all.push(("orchestrator.profile".to_owned(), name.clone()));
    }
    for (role, r) in &file.roles {
        if let Some(name) = &r.profile {
            all.push((format!("roles.{role}.profile"), name.clone()));
        }
    }
    for p in &file.projects {
        if let Some(name) = &p.profile {
            all.push((format!("projects.{}.profile", p.name), name.clone()));
        }
    }
    for (profile, p) in &file.profiles {
        for name in &p.fallbacks {
            all.push((format!("profiles.{profile}.fallbacks"), name.clone()));
        }
    }
    all
}

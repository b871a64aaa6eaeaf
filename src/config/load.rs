//! Lays environment and flags over `config.toml`, and says of each value where it came from.

use crate::base::error::{Error, Result};
use crate::config::file;
use crate::config::file::{FileOrchestrator, FileProfile, FileScheduler};
use crate::config::folders::Folders;
use crate::config::origin::{Origin, from, said};
use crate::config::parse::{Faults, absolute, driver, span, whole};
use crate::config::telegram;
use crate::config::values::{Config, DEMO, Flags, Orchestrator, Scheduler};
use crate::domain::orchestrator::session::DriverKind;
use crate::domain::profile::{Profile, RuntimeKind};
use crate::domain::project::Project;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::RwLock;

impl Config {
    /// Reads the configuration. `env` looks up environment variables, `found` programs on PATH.
    ///
    /// # Errors
    /// The file cannot be read, or a value in it is wrong: field by field.
    pub fn load(flags: &Flags, env: &dyn Fn(&str) -> Option<String>, found: &dyn Fn(&str) -> Option<PathBuf>) -> Result<Config> {
        load(flags, env, found)
    }
}

fn load(flags: &Flags, env: &dyn Fn(&str) -> Option<String>, found: &dyn Fn(&str) -> Option<PathBuf>) -> Result<Config> {
    let mut origins = Vec::new();
    let mut note = |key: &str, value: String, from: &'static str| {
        origins.push(Origin { key: key.to_owned(), value, from });
    };
    let data = flags.data.clone().unwrap_or_else(|| default_data(env));
    let data = absolute(&data)?;
    note("data", data.display().to_string(), said(flags.data.is_some()));
    let path = flags.config.clone().unwrap_or_else(|| data.join("config.toml"));
    let file = file::read(&path, flags.config.is_some())?;
    note("config", path.display().to_string(), said(flags.config.is_some()));

    let mut faults = Faults::default();
    let listen_text = flags.listen.clone().or_else(|| file.server.listen.clone()).unwrap_or_else(|| "127.0.0.1:8420".to_owned());
    let listen = listen_text.parse().unwrap_or_else(|_| {
        faults.add("server.listen", format!("{listen_text:?} is no address: write 127.0.0.1:8420"));
        ([127, 0, 0, 1], 8420).into()
    });
    note("server.listen", listen_text.clone(), from(flags.listen.is_some(), file.server.listen.is_some()));
    let workspace = flags.workspace.clone().or_else(|| file.workspace.root.clone()).unwrap_or_else(|| data.join("workspace"));
    let workspace = absolute(&workspace)?;
    note("workspace.root", workspace.display().to_string(), from(flags.workspace.is_some(), file.workspace.root.is_some()));

    let trusted_proxies = file
        .server
        .trusted_proxies
        .iter()
        .filter_map(|text| match text.parse() {
            Ok(ip) => Some(ip),
            Err(_) => {
                faults.add("server.trusted_proxies", format!("{text:?} is no IP address"));
                None
            }
        })
        .collect();
    let tls = match (file.server.tls_cert.clone(), file.server.tls_key.clone()) {
        (Some(cert), Some(key)) => Some((cert, key)),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => {
            faults.add("server.tls_cert", "and tls_key go together");
            None
        }
    };
    note("server.base_url", file.server.base_url.clone().unwrap_or_default(), from(false, file.server.base_url.is_some()));
    note("server.allowed_hosts", file.server.allowed_hosts.join(", "), from(false, !file.server.allowed_hosts.is_empty()));
    note("server.tls", tls.is_some().to_string(), from(false, tls.is_some()));
    let insecure = flags.insecure || file.server.insecure;
    note("server.insecure", insecure.to_string(), from(flags.insecure, file.server.insecure));

    let max_workers = whole(&mut faults, "pickup.max_workers", file.pickup.max_workers, 2, 0, 64);
    note("pickup.max_workers", max_workers.to_string(), from(false, file.pickup.max_workers.is_some()));
    let every = span(&mut faults, "pickup.every", file.pickup.every.as_deref(), 60_000);
    note("pickup.every", format!("{} s", every / 1000), from(false, file.pickup.every.is_some()));
    let retry_backoff_ms = span(&mut faults, "pickup.retry_backoff", file.pickup.retry_backoff.as_deref(), 15_000);
    note("pickup.retry_backoff", format!("{} ms", retry_backoff_ms), from(false, file.pickup.retry_backoff.is_some()));
    let stop_grace = span(&mut faults, "pickup.stop_grace", file.pickup.stop_grace.as_deref(), 5_000);
    note("pickup.stop_grace", format!("{stop_grace} ms"), from(false, file.pickup.stop_grace.is_some()));

    let mut profiles = built_in(found);
    for (name, p) in &file.profiles {
        profiles.insert(name.clone(), profile(&mut faults, name, p));
    }
    for name in profiles.keys() {
        note(&format!("profiles.{name}"), profiles[name].label(), from(false, file.profiles.contains_key(name)));
    }
    for (what, wanted) in file::references(&file) {
        if !profiles.contains_key(&wanted) {
            faults.add(what, format!("names the profile {wanted:?}, which does not exist"));
        }
    }
    note("defaults.profile", file.defaults.profile.clone().unwrap_or_default(), from(false, file.defaults.profile.is_some()));
    let orchestrator = orchestrator(&mut faults, &file.orchestrator);
    note("orchestrator.profile", orchestrator.profile.clone().unwrap_or_default(), from(false, orchestrator.profile.is_some()));
    let driver = orchestrator.driver.map_or("tmux where it is installed", DriverKind::as_str);
    note("orchestrator.driver", driver.to_owned(), from(false, orchestrator.driver.is_some()));
    note("orchestrator.soft_tokens", orchestrator.soft_tokens.to_string(), from(false, file.orchestrator.soft_tokens.is_some()));
    note("orchestrator.hard_tokens", orchestrator.hard_tokens.to_string(), from(false, file.orchestrator.hard_tokens.is_some()));
    let scheduler = scheduler(&mut faults, &file.scheduler, env);
    note("scheduler.max_running", scheduler.max_running.to_string(), from(false, file.scheduler.max_running.is_some()));
    note("scheduler.timezone", scheduler.timezone.clone(), from(false, file.scheduler.timezone.is_some()));
    note("orchestrator.digests", orchestrator.digests.to_string(), from(false, file.orchestrator.digests.is_some()));
    let telegram = telegram::read(file.telegram.as_ref(), env, &mut origins, &mut faults.0);
    if !faults.0.is_empty() {
        return Err(Error::Invalid(faults.0));
    }
    let config = Config {
        folders: Folders::default(),
        telegram,
        orchestrator,
        scheduler,
        data,
        workspace,
        listen,
        base_url: file.server.base_url,
        allowed_hosts: file.server.allowed_hosts.iter().map(|h| h.to_lowercase()).collect(),
        trusted_proxies,
        tls,
        insecure,
        demo: flags.demo,
        max_workers: usize::try_from(max_workers).unwrap_or(2),
        pickup_every_s: u64::try_from(every / 1000).unwrap_or(60).max(1),
        retry_backoff_ms,
        stop_grace_ms: u64::try_from(stop_grace).unwrap_or(5_000),
        extra_roles: file.roles.keys().map(|r| r.to_lowercase()).collect(),
        idle_roles: file.roles.iter().filter(|(_, r)| r.active == Some(false)).map(|(n, _)| n.to_lowercase()).collect(),
        projects: file
            .projects
            .into_iter()
            .map(|p| Project { name: p.name, aliases: p.aliases, cwd: p.cwd, profile: p.profile })
            .collect(),
        origins,
        profiles,
        default_profile: file.defaults.profile,
        role_profiles: file.roles.into_iter().filter_map(|(n, r)| r.profile.map(|p| (n.to_lowercase(), p))).collect(),
        picked: RwLock::new(None),
    };
    config.look_for_projects();
    Ok(config)
}

fn profile(faults: &mut Faults, name: &str, p: &FileProfile) -> Profile {
    let at = |field: &str| format!("profiles.{name}.{field}");
    let runtime = p.runtime.parse().unwrap_or_else(|e: crate::domain::ticket::UnknownWord| {
        faults.add(at("runtime"), e.to_string());
        RuntimeKind::Demo
    });
    let base = Profile::new(name, runtime);
    let concurrency = whole(faults, &at("concurrency"), p.concurrency, 2, 1, 64);
    let retry_limit = whole(faults, &at("retry_limit"), p.retry_limit, base.retry_limit, 0, 100);
    let log_cap = whole(faults, &at("log_cap"), p.log_cap, i64::try_from(base.log_cap).unwrap_or(i64::MAX), 1024, i64::MAX);
    for (key, value) in p.env.iter().chain(p.env_from.iter().map(|k| (k, k))) {
        if key.is_empty() || key.contains(['=', '\0']) || value.contains('\0') {
            faults.add(at("env"), format!("{key:?} cannot be an environment variable"));
        }
    }
    Profile {
        command: p.command.clone(),
        model: p.model.clone(),
        effort: p.effort.clone(),
        permission_mode: p.permission_mode.clone(),
        env: p.env.clone(),
        env_from: p.env_from.clone(),
        concurrency: u32::try_from(concurrency).unwrap_or(2),
        silence_limit_ms: span(faults, &at("silence_limit"), p.silence_limit.as_deref(), base.silence_limit_ms),
        wall_clock_limit_ms: span(faults, &at("wall_clock_limit"), p.wall_clock_limit.as_deref(), base.wall_clock_limit_ms),
        exit_grace_ms: span(faults, &at("exit_grace"), p.exit_grace.as_deref(), base.exit_grace_ms),
        retry_limit,
        log_cap: u64::try_from(log_cap).unwrap_or(base.log_cap),
        driver: driver(faults, &at("driver"), p.driver.as_deref()),
        ..base
    }
}

fn orchestrator(faults: &mut Faults, o: &FileOrchestrator) -> Orchestrator {
    let soft_tokens = whole(faults, "orchestrator.soft_tokens", o.soft_tokens, 700_000, 1_000, i64::MAX);
    let hard_tokens = whole(faults, "orchestrator.hard_tokens", o.hard_tokens, 900_000, 1_000, i64::MAX);
    if hard_tokens < soft_tokens {
        faults.add("orchestrator.hard_tokens", "lies below soft_tokens");
    }
    let driver = driver(faults, "orchestrator.driver", o.driver.as_deref());
    Orchestrator { profile: o.profile.clone(), driver, soft_tokens, hard_tokens, digests: o.digests.unwrap_or(true) }
}

fn scheduler(faults: &mut Faults, s: &FileScheduler, env: &dyn Fn(&str) -> Option<String>) -> Scheduler {
    let max_running = whole(faults, "scheduler.max_running", s.max_running, 4, 0, 256);
    let is_zone = |name: &String| name.parse::<chrono_tz::Tz>().is_ok();
    if let Some(name) = s.timezone.as_ref().filter(|name| !is_zone(name)) {
        faults.add("scheduler.timezone", format!("{name:?} is no time zone: write one like Europe/Berlin"));
    }
    // The machine's own zone, where it names one that is known.
    let link = || std::fs::read_link("/etc/localtime").ok()?.to_str()?.split_once("zoneinfo/").map(|(_, name)| name.to_owned());
    let machine = env("TZ").filter(is_zone).or_else(|| link().filter(is_zone)).unwrap_or_else(|| "UTC".to_owned());
    Scheduler {
        max_running: usize::try_from(max_running).unwrap_or(4),
        timezone: s.timezone.clone().filter(is_zone).unwrap_or(machine),
    }
}

/// The data folder where none is named.
#[must_use]
pub fn default_data(env: &dyn Fn(&str) -> Option<String>) -> PathBuf {
    let base = env("XDG_DATA_HOME")
        .filter(|p| Path::new(p).is_absolute())
        .map(PathBuf::from)
        .or_else(|| env("HOME").map(|home| Path::new(&home).join(".local/share")));
    base.unwrap_or_else(|| PathBuf::from(".")).join("mission-control")
}

/// The profile that newcomers get, and those made of the programs found on PATH. Never with bypassed permissions.
fn built_in(found: &dyn Fn(&str) -> Option<PathBuf>) -> BTreeMap<String, Profile> {
    let mut profiles = BTreeMap::from([(DEMO.to_owned(), Profile::new(DEMO, RuntimeKind::Demo))]);
    if let Some(claude) = found("claude") {
        let mut profile = Profile::new("claude", RuntimeKind::Claude);
        profile.command = vec![claude.display().to_string()];
        profile.effort = Some("max".to_owned());
        profile.permission_mode = Some("acceptEdits".to_owned());
        profiles.insert("claude".to_owned(), profile);
    }
    profiles
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;

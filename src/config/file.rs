//! Reading `config.toml` and laying environment and flags over it.

use crate::base::error::{Error, FieldError, Result};
use crate::config::folders::Folders;
use crate::config::{Config, Flags, Orchestrator, Origin, Scheduler, built_in, default_data};
use crate::domain::orchestrator::session::DriverKind;
use crate::domain::profile::{Profile, RuntimeKind};
use crate::domain::project::Project;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::RwLock;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    server: Server,
    workspace: Workspace,
    pickup: Pickup,
    profiles: BTreeMap<String, FileProfile>,
    defaults: Defaults,
    roles: BTreeMap<String, FileRole>,
    projects: Vec<FileProject>,
    orchestrator: FileOrchestrator,
    scheduler: FileScheduler,
    telegram: Option<crate::config::telegram::Section>,
    /// Parts of the product that have sections of their own; read by them.
    hosts: BTreeMap<String, toml::Table>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Server {
    listen: Option<String>,
    base_url: Option<String>,
    allowed_hosts: Vec<String>,
    trusted_proxies: Vec<String>,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    insecure: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Workspace {
    root: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Pickup {
    max_workers: Option<i64>,
    every: Option<String>,
    retry_backoff: Option<String>,
    stop_grace: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Defaults {
    profile: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FileOrchestrator {
    profile: Option<String>,
    driver: Option<String>,
    soft_tokens: Option<i64>,
    hard_tokens: Option<i64>,
    digests: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FileScheduler {
    max_running: Option<i64>,
    timezone: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FileRole {
    profile: Option<String>,
    active: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FileProject {
    name: String,
    aliases: Vec<String>,
    cwd: Option<PathBuf>,
    host: Option<String>,
    profile: Option<String>,
    checks: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FileProfile {
    runtime: String,
    command: Vec<String>,
    model: Option<String>,
    effort: Option<String>,
    permission_mode: Option<String>,
    env: BTreeMap<String, String>,
    env_from: Vec<String>,
    concurrency: Option<i64>,
    fallbacks: Vec<String>,
    silence_limit: Option<String>,
    wall_clock_limit: Option<String>,
    exit_grace: Option<String>,
    retry_limit: Option<i64>,
    log_cap: Option<i64>,
    driver: Option<String>,
}

/// Collects what is wrong, so that all of it is told at once.
#[derive(Default)]
struct Faults(Vec<FieldError>);

impl Faults {
    fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push(FieldError { field: field.into(), message: message.into() });
    }
}

pub(crate) fn load(
    flags: &Flags,
    env: &dyn Fn(&str) -> Option<String>,
    found: &dyn Fn(&str) -> Option<PathBuf>,
) -> Result<Config> {
    let mut origins = Vec::new();
    let mut note = |key: &str, value: String, from: &'static str| {
        origins.push(Origin { key: key.to_owned(), value, from });
    };
    let data = flags.data.clone().unwrap_or_else(|| default_data(env));
    let data = absolute(&data)?;
    note("data", data.display().to_string(), said(flags.data.is_some()));
    let path = flags.config.clone().unwrap_or_else(|| data.join("config.toml"));
    let file = read(&path, flags.config.is_some())?;
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
    for (what, wanted) in references(&file) {
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
    let telegram = crate::config::telegram::read(file.telegram.as_ref(), env, &mut origins, &mut faults.0);
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

fn read(path: &Path, must_exist: bool) -> Result<File> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && !must_exist => return Ok(File::default()),
        Err(e) => return Err(Error::field("config", format!("{} cannot be read: {e}", path.display()))),
    };
    toml::from_str(&text).map_err(|e| Error::field("config", format!("{}: {e}", path.display())))
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

fn driver(faults: &mut Faults, field: &str, text: Option<&str>) -> Option<DriverKind> {
    let parsed = text?.parse::<DriverKind>();
    parsed.map_err(|e| faults.add(field, e.to_string())).ok()
}

fn references(file: &File) -> Vec<(String, String)> {
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

fn whole(faults: &mut Faults, field: &str, value: Option<i64>, default: i64, min: i64, max: i64) -> i64 {
    match value {
        None => default,
        Some(n) if (min..=max).contains(&n) => n,
        Some(n) => {
            faults.add(field, format!("{n} is not between {min} and {max}"));
            default
        }
    }
}

/// `90s`, `15m`, `2h`, `250ms` in milliseconds.
fn span(faults: &mut Faults, field: &str, text: Option<&str>, default: i64) -> i64 {
    let Some(text) = text else { return default };
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    match (digits.parse::<i64>(), unit) {
        (Ok(n), Some(unit)) if n > 0 => n.saturating_mul(unit),
        (_, _) => {
            faults.add(field, format!("{text:?} is no time span: write 90s, 15m or 2h"));
            default
        }
    }
}

fn absolute(path: &Path) -> Result<PathBuf> {
    Ok(std::path::absolute(path)?)
}

fn said(flag: bool) -> &'static str {
    from(flag, false)
}

fn from(flag: bool, file: bool) -> &'static str {
    match (flag, file) {
        (true, _) => "flag or environment",
        (false, true) => "config file",
        (false, false) => "default",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load_text(text: &str, flags: Flags) -> Result<Config> {
        let dir = tempfile::tempdir().expect("a temp dir");
        let path = dir.path().join("config.toml");
        std::fs::write(&path, text).expect("written");
        load(&Flags { data: Some(dir.path().to_owned()), config: Some(path), ..flags }, &|_| None, &|_| None)
    }

    #[test]
    fn flags_go_before_the_file_and_each_value_knows_its_origin() {
        let text = "[server]\nlisten = \"127.0.0.1:9000\"\n[pickup]\nmax_workers = 5\n";
        let c = load_text(text, Flags { listen: Some("127.0.0.1:9001".into()), ..Flags::default() }).expect("good");
        assert_eq!(c.listen.port(), 9001);
        assert_eq!(c.max_workers, 5);
        let of = |key: &str| c.origins.iter().find(|o| o.key == key).expect("told").from;
        assert_eq!(
            (of("server.listen"), of("pickup.max_workers"), of("pickup.every")),
            ("flag or environment", "config file", "default")
        );
    }

    #[test]
    fn every_fault_is_told_with_its_field() {
        let text = "[server]\nlisten = \"nowhere\"\n[pickup]\nmax_workers = -1\nevery = \"soon\"\n[profiles.x]\nruntime = \"magic\"\n[defaults]\nprofile = \"gone\"\n";
        let Err(Error::Invalid(fields)) = load_text(text, Flags::default()) else { panic!("accepted") };
        let names: Vec<_> = fields.iter().map(|f| f.field.as_str()).collect();
        assert_eq!(names, ["server.listen", "pickup.max_workers", "pickup.every", "profiles.x.runtime", "defaults.profile"]);
    }

    #[test]
    fn a_misspelt_key_is_refused() {
        assert!(matches!(load_text("[pickup]\nmax_worker = 1\n", Flags::default()), Err(Error::Invalid(_))));
    }

    #[test]
    fn a_wide_bind_needs_a_reason() {
        let wide = Flags { listen: Some("0.0.0.0:8420".into()), ..Flags::default() };
        assert!(load_text("", wide.clone()).expect("parsed").check_listen().is_err());
        assert!(load_text("", Flags { insecure: true, ..wide.clone() }).expect("parsed").check_listen().is_ok());
        let proxied = "[server]\ntrusted_proxies = [\"10.0.0.1\"]\nallowed_hosts = [\"mc.example.org\"]\n";
        assert!(load_text(proxied, wide).expect("parsed").check_listen().is_ok());
        assert!(load_text("", Flags::default()).expect("parsed").check_listen().is_ok());
    }

    #[test]
    fn without_anything_configured_the_demo_agent_works() {
        let c = load_text("", Flags::default()).expect("good");
        assert_eq!(c.default_profile(), "demo");
        c.pick(Some("demo")).expect("exists");
        assert!(c.pick(Some("nobody")).is_err());
    }
}

//! The configuration in force.

use crate::base::error::{Error, Result};
use crate::config::folders::Folders;
use crate::config::origin::Origin;
use crate::config::telegram::Telegram;
use crate::domain::orchestrator::session::DriverKind;
use crate::domain::ports::{Names, Rules};
use crate::domain::profile::Profile;
use crate::domain::project;
use crate::domain::project::Project;
use crate::domain::task::{Task, TaskKind};
use crate::domain::ticket::{Role, Ticket};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{PoisonError, RwLock};

/// What `serve` and the offline commands can be told on the command line (or by `MC_…` variables).
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--data`
    pub data: Option<PathBuf>,
    /// `--listen`
    pub listen: Option<String>,
    /// `--workspace`
    pub workspace: Option<PathBuf>,
    /// `--config`
    pub config: Option<PathBuf>,
    /// `--demo`
    pub demo: bool,
    /// `--insecure-listen`
    pub insecure: bool,
}

/// What is in force.
#[derive(Debug)]
pub struct Config {
    /// The data folder.
    pub data: PathBuf,
    /// The workspace root.
    pub workspace: PathBuf,
    /// Where to listen.
    pub listen: SocketAddr,
    /// The address people use, when a proxy stands before us.
    pub base_url: Option<String>,
    /// Host names accepted beside the listening address.
    pub allowed_hosts: Vec<String>,
    /// Proxies whose forwarding headers are believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Certificate chain and key, PEM.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// A non-loopback bind without TLS or proxy was asked for in so many words.
    pub insecure: bool,
    /// Seed a believable board.
    pub demo: bool,
    /// Runs at once.
    pub max_workers: usize,
    /// Seconds field cron of the pickup beat.
    pub pickup_every_s: u64,
    /// First back-off after a crash, in milliseconds; four times as long after each further one.
    pub retry_backoff_ms: i64,
    /// How long an agent gets between SIGTERM and SIGKILL, in milliseconds.
    pub stop_grace_ms: u64,
    /// Roles beside the built-in ones.
    pub extra_roles: Vec<String>,
    /// Roles whose tickets pickup leaves alone.
    pub idle_roles: Vec<String>,
    /// Projects by rule.
    pub projects: Vec<Project>,
    /// How the persistent orchestrator is kept.
    pub orchestrator: Orchestrator,
    /// How scheduled tasks are run.
    pub scheduler: Scheduler,
    /// The connection to Telegram, where there is to be one.
    pub telegram: Option<Telegram>,
    /// Where each value came from.
    pub origins: Vec<Origin>,
    pub(crate) profiles: BTreeMap<String, Profile>,
    pub(crate) default_profile: Option<String>,
    pub(crate) role_profiles: BTreeMap<String, String>,
    pub(crate) picked: RwLock<Option<String>>,
    /// The workspace's folders as last looked at.
    pub(crate) folders: Folders,
}

/// How the persistent orchestrator is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orchestrator {
    /// Its profile; none = the default one.
    pub profile: Option<String>,
    /// How its agent is spoken with; none = tmux where that is installed.
    pub driver: Option<DriverKind>,
    /// Tokens in its context from which on it is rotated at the next idle moment.
    pub soft_tokens: i64,
    /// Tokens in its context from which on it is rotated before anything else.
    pub hard_tokens: i64,
    /// Whether the inbox is brought to her in digests.
    pub digests: bool,
}

/// How scheduled tasks are run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheduler {
    /// Task runs at once; background tasks are not counted.
    pub max_running: usize,
    /// The zone of tasks that name none.
    pub timezone: String,
}

/// The name of the built-in demo profile.
pub const DEMO: &str = "demo";

impl Config {
    /// A profile by name.
    #[must_use]
    pub fn profile(&self, name: &str) -> Option<&Profile> {
        self.profiles.get(name)
    }

    /// All profiles, by name.
    pub fn profiles(&self) -> impl Iterator<Item = &Profile> {
        self.profiles.values()
    }

    /// The default profile's name.
    #[must_use]
    pub fn default_profile(&self) -> String {
        let picked = self.picked.read().unwrap_or_else(PoisonError::into_inner).clone();
        self.default_profile.clone().or(picked.filter(|name| self.profiles.contains_key(name))).unwrap_or_else(|| DEMO.to_owned())
    }

    /// The profile of a task that asks a model.
    #[must_use]
    pub fn profile_of(&self, task: &Task) -> Option<String> {
        match task.kind {
            TaskKind::Agent | TaskKind::Api => Some(task.profile.clone().unwrap_or_else(|| self.default_profile())),
            TaskKind::Subprocess | TaskKind::Background => None,
        }
    }

    /// The profile of the persistent orchestrator: as switched to on the page, as configured, the default one.
    #[must_use]
    pub fn orchestrator_profile(&self, switched: Option<&str>) -> String {
        let switched = switched.filter(|name| self.profiles.contains_key(*name)).map(str::to_owned);
        switched.or_else(|| self.orchestrator.profile.clone()).unwrap_or_else(|| self.default_profile())
    }

    /// Whether the configuration file fixes the default profile.
    #[must_use]
    pub fn default_is_fixed(&self) -> bool {
        self.default_profile.is_some()
    }

    /// The owner picks the default profile on a page.
    ///
    /// # Errors
    /// There is no such profile, or the file fixes another.
    pub fn pick(&self, name: Option<&str>) -> Result<()> {
        if let Some(name) = name
            && !self.profiles.contains_key(name)
        {
            return Err(Error::field("profile", format!("{name:?} does not exist")));
        }
        *self.picked.write().unwrap_or_else(PoisonError::into_inner) = name.map(str::to_owned);
        Ok(())
    }

    /// Checks a ticket's profile name.
    ///
    /// # Errors
    /// There is no such profile.
    pub fn check_profile(&self, name: &str) -> Result<()> {
        if self.profiles.contains_key(name) {
            return Ok(());
        }
        let known = self.profiles.keys().cloned().collect::<Vec<_>>().join(", ");
        Err(Error::field("profile", format!("unknown; known are {known}")))
    }

    /// Looks which folders the workspace has. Blocks: not for async threads, and not inside a write.
    pub fn look_for_projects(&self) {
        self.folders.look(&self.workspace);
    }

    /// Checks and completes a project name: a configured one (by name or alias), one with a folder, or a built-in word.
    /// Folders are known from the last [`Config::look_for_projects`].
    ///
    /// # Errors
    /// The name means nothing here.
    pub fn check_project(&self, name: &str) -> Result<String> {
        let name = name.trim();
        if name.is_empty() {
            return Ok(String::new());
        }
        if let Some(found) = project::find(name, &self.projects) {
            return Ok(found.name.clone());
        }
        let slug = project::slug(name);
        const WORDS: &[&str] = &["general", "pka", "mission-control", "mc", "infrastructure", "life", "finance", "machine-ops"];
        if WORDS.contains(&slug.as_str()) || self.folders.has(&slug) {
            return Ok(slug);
        }
        Err(Error::field(
            "project",
            format!(
                "unknown: {:?} is not configured and no such folder is in the workspace",
                name.chars().take(40).collect::<String>()
            ),
        ))
    }

    /// Reads a role's name.
    ///
    /// # Errors
    /// It is not known.
    pub fn check_role(&self, name: &str) -> Result<Role> {
        Role::parse(name, &self.extra_roles).map_err(|e| Error::field("role", e.to_string()))
    }

    /// Where a ticket's work happens.
    #[must_use]
    pub fn cwd_for(&self, ticket: &Ticket) -> PathBuf {
        project::cwd_for(&ticket.project, &self.projects, &self.workspace, &|p| p.is_dir())
    }

    /// The folder of the tasks' files.
    #[must_use]
    pub fn tasks(&self) -> PathBuf {
        self.workspace.join("tasks")
    }

    /// The folder of the logs.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.workspace.join("logs")
    }

    /// Whether strangers on the network could reach the listening address.
    #[must_use]
    pub fn is_open_to_network(&self) -> bool {
        !self.listen.ip().is_loopback()
    }

    /// Refuses to listen where strangers could connect without TLS, a declared proxy or the owner's explicit word.
    ///
    /// # Errors
    /// Says why and what to do.
    pub fn check_listen(&self) -> Result<()> {
        if !self.is_open_to_network() || self.insecure {
            return Ok(());
        }
        let proxied = !self.trusted_proxies.is_empty() && !self.allowed_hosts.is_empty();
        if self.tls.is_some() && !self.allowed_hosts.is_empty() || proxied {
            return Ok(());
        }
        Err(Error::Denied(format!(
            "{} can be reached from the network, and the login would cross it readable by others: this server runs agents with a \
             shell. Set tls_cert, tls_key and allowed_hosts (or trusted_proxies and allowed_hosts) in [server], or pass \
             --insecure-listen if the network is yours alone",
            self.listen
        )))
    }
}

impl Rules for Config {
    /// Its own, its project's, its role's, the default; the demo agent where none is set.
    fn profile_for(&self, ticket: &Ticket) -> String {
        if let Some(own) = &ticket.profile {
            return own.clone();
        }
        let by_project = project::find(&ticket.project, &self.projects).and_then(|p| p.profile.clone());
        by_project.or_else(|| self.role_profiles.get(ticket.role.as_str()).cloned()).unwrap_or_else(|| self.default_profile())
    }

    fn is_active(&self, role: &Role) -> bool {
        // Larry works on another machine; his tickets wait until that machine is configured.
        role.as_str() != "larry" && !self.idle_roles.iter().any(|r| r == role.as_str())
    }

    fn concurrency(&self, profile: &str) -> usize {
        self.profile(profile).map_or(1, |p| usize::try_from(p.concurrency).unwrap_or(1))
    }
}

impl Names for Config {
    fn role(&self, name: &str) -> Result<Role> {
        self.check_role(name)
    }

    fn project(&self, name: &str) -> Result<String> {
        self.check_project(name)
    }
}

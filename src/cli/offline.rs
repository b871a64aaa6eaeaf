//! Commands that work on the data folder itself, server up or down.

use crate::base::clock::{Clock, SystemClock};
use crate::base::error::{Error, Result};
use crate::base::faults;
use crate::base::faults::Point;
use crate::base::random;
use crate::config::Config;
use crate::config::data_dir::DataDir;
use crate::domain::actor::Scope;
use crate::domain::text::strip_control;
use crate::engine::inbox::drain;
use crate::engine::run::{pickup, reaper};
use crate::engine::system::{check as checker, housekeeping};
use crate::engine::{Engine, task};
use crate::store::Store;
use crate::store::access::credentials;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

fn open(config: &Config) -> Result<Store> {
    let data = DataDir::open(&config.data)?;
    Store::open(&data.database(), Arc::new(SystemClock::new()))
}

pub(crate) fn token_create(config: &Config, name: &str, scope: &str) -> Result<ExitCode> {
    let scope =
        Scope::parse(scope).ok_or_else(|| Error::field("scope", "is unknown: write owner, operator, viewer or ticket:MC-12"))?;
    credentials::check_token_name(name)?;
    let (secret, name) = (random::secret("mct_"), name.to_owned());
    let kept = secret.clone();
    open(config)?.write(move |tx| credentials::add_token(tx, &name, &kept, scope, None))?;
    println!("{secret}");
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn token_list(config: &Config) -> Result<ExitCode> {
    for t in open(config)?.read(credentials::tokens)? {
        let used = t.last_used_at.map_or_else(|| "never used".to_owned(), |at| format!("last used {}", at.rfc3339()));
        println!("{}\t{}\tmade {}\t{used}", strip_control(&t.name), t.scope.text(), t.created_at.rfc3339());
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn token_revoke(config: &Config, name: &str) -> Result<ExitCode> {
    let name = name.to_owned();
    open(config)?.write(move |tx| credentials::revoke_token(tx, &name))?;
    println!("revoked");
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn login_link(config: &Config) -> Result<ExitCode> {
    let secret = random::secret("mcl_");
    let kept = secret.clone();
    open(config)?.write(move |tx| credentials::add_link(tx, &kept))?;
    let running = DataDir::open(&config.data)?.local().map(|l| l.url);
    let base = config.base_url.clone().or(running).unwrap_or_else(|| format!("http://{}", config.listen));
    println!("{}/login?token={secret}", base.trim_end_matches('/'));
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn show_config(config: &Config) -> Result<ExitCode> {
    for o in &config.origins {
        let value = if o.value.is_empty() { "-" } else { &o.value };
        println!("{:<32} {:<40} {}", o.key, strip_control(value), o.from);
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn check(config: &Config, json: bool) -> Result<ExitCode> {
    let found = checker::check(&open(config)?, config.max_workers)?;
    if json {
        let items: Vec<_> =
            found.iter().map(|(invariant, text)| serde_json::json!({ "invariant": invariant, "text": text })).collect();
        println!("{}", serde_json::json!({ "ok": found.is_empty(), "breaches": items }));
    } else if found.is_empty() {
        println!("all invariants hold");
    } else {
        for (invariant, text) in &found {
            println!("{invariant}: {}", strip_control(text));
        }
    }
    Ok(if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub(crate) fn tick(config: Config, name: &str) -> Result<ExitCode> {
    if !matches!(name, "pickup" | "reaper" | "drain" | "scheduler" | "housekeeping") {
        return Err(Error::field("name", "is unknown: write pickup, drain, scheduler, reaper or housekeeping"));
    }
    let data = DataDir::open(&config.data)?;
    let lock = match data.lock() {
        Ok(lock) => lock,
        Err(Error::Busy(why)) => return ask_server(&data, name, why),
        Err(e) => return Err(e),
    };
    let store = open(&config)?;
    let url = format!("http://{}", config.listen);
    let engine = Arc::new(Engine::new(store, Arc::new(config), data, crate::app::own_program()?, url));
    if name == "reaper" {
        reaper::tick(&engine)?;
    } else if name == "scheduler" {
        task::tick(&engine)?;
    } else if name == "housekeeping" {
        housekeeping::tidy(&engine)?;
    } else if name == "drain" {
        drain::tick(&engine, drain::Pace::Now)?;
    } else {
        for launch in pickup::tick(&engine)? {
            launch.join().map_err(|_| Error::Internal("a launch panicked".to_owned()))?;
        }
    }
    drop(lock);
    println!("{name} done");
    Ok(ExitCode::SUCCESS)
}

fn ask_server(data: &DataDir, name: &str, why: String) -> Result<ExitCode> {
    let local = data.local().ok_or(Error::Busy(why))?;
    let agent: ureq::Agent = ureq::Agent::config_builder().max_redirects(0).http_status_as_error(false).build().into();
    let answer = agent
        .post(format!("{}/api/v1/tick/{name}", local.url))
        .header("Authorization", format!("Bearer {}", local.token))
        .send_empty()
        .map_err(|e| Error::Busy(format!("the running server does not answer: {e}")))?;
    if answer.status().is_success() {
        println!("{name} done by the running server");
        return Ok(ExitCode::SUCCESS);
    }
    Err(Error::Internal(format!("the running server answered {}", answer.status())))
}

/// Whole or not there: a copy that was cut off must not pass for a backup.
pub(crate) fn backup(config: &Config, file: &Path) -> Result<ExitCode> {
    use std::os::unix::fs::OpenOptionsExt;
    let refused = |why: &dyn std::fmt::Display| Error::field("file", format!("{} cannot be made: {why}", file.display()));
    if file.symlink_metadata().is_ok() {
        return Err(refused(&"it is there already"));
    }
    let name = file.file_name().ok_or_else(|| refused(&"it has no name"))?.to_string_lossy();
    let part = |end: &str| file.with_file_name(format!(".{name}.part{end}"));
    if std::fs::File::open(part("")).is_ok_and(|other| other.try_lock().is_err()) {
        return Err(Error::Busy(format!("another backup is being written to {}", file.display())));
    }
    for left in [part(""), part("-journal")] {
        // Of a backup that was cut off.
        let _none = std::fs::remove_file(left);
    }
    let made = std::fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(part(""));
    let mine = made.map_err(|e| refused(&e))?;
    mine.lock()?;
    let copied = open(config)?.read(|conn| {
        let mut copy = rusqlite::Connection::open(part(""))?;
        let backup = rusqlite::backup::Backup::new(conn, &mut copy)?;
        let strike: fn(_) = |_| drop(faults::hit(Point::BackingUp));
        backup.run_to_completion(512, std::time::Duration::from_millis(5), Some(strike))?;
        Ok(())
    });
    if let Err(e) = copied.and_then(|()| Ok(mine.sync_all()?)).and_then(|()| Ok(std::fs::rename(part(""), file)?)) {
        let _none = std::fs::remove_file(part(""));
        return Err(e);
    }
    println!("{}", SystemClock::new().now().rfc3339());
    Ok(ExitCode::SUCCESS)
}

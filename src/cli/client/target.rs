//! Which server is asked, and with which token.

use crate::cli::client::exit::Failure;
use crate::config::data_dir::{DataDir, Local};
use clap::Args;
use std::path::{Path, PathBuf};

/// Flags of every command that asks a server.
#[derive(Debug, Clone, Default, Args)]
pub struct TargetFlags {
    /// The server's address; else the server that works on the data folder.
    #[arg(long, env = "MC_URL", global = true)]
    pub url: Option<String>,
    /// The token; else the local server's own.
    #[arg(long, env = "MC_TOKEN", global = true, hide_env_values = true)]
    pub token: Option<String>,
    /// Print the API's JSON.
    #[arg(long, global = true)]
    pub json: bool,
}

/// The server to ask, and what surrounds the asking.
pub struct Target {
    /// Its address, without a slash at the end.
    pub url: String,
    /// The token; sent in a header, never in an address.
    pub token: String,
    /// Print the API's JSON.
    pub json: bool,
    /// The ticket of the run this is called in.
    pub ticket: Option<String>,
    /// The folder of the run this is called in: takes what cannot be delivered.
    pub run_dir: Option<PathBuf>,
    /// Whether what is printed goes to a terminal.
    pub terminal: bool,
}

impl Target {
    /// From flags, environment and the word that the local server left in its data folder.
    ///
    /// # Errors
    /// No server is known, or its address is not one.
    pub fn resolve(
        flags: &TargetFlags,
        data: &Path,
        env: &dyn Fn(&str) -> Option<String>,
        terminal: bool,
    ) -> Result<Target, Failure> {
        let local = local(data);
        let url = flags.url.clone().or_else(|| local.as_ref().map(|l| l.url.clone()));
        let url = url.ok_or_else(|| {
            Failure::unreachable(format!(
                "no server works on {}: start one with `mission-control serve`, or give --url",
                data.display()
            ))
        })?;
        let url = url.trim_end_matches('/').to_owned();
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(Failure::usage(format!("{url:?} is no address: write http://127.0.0.1:8420")));
        }
        // The local server's token is for the local server alone.
        let token = flags.token.clone().or_else(|| local.filter(|l| l.url.trim_end_matches('/') == url).map(|l| l.token));
        let token = token.ok_or_else(|| {
            Failure::usage("a token is needed: --token, MC_TOKEN, or `mission-control token create NAME`".to_owned())
        })?;
        if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Failure::usage("the token is not readable".to_owned()));
        }
        Ok(Target {
            url,
            token,
            json: flags.json,
            ticket: env("MC_TICKET"),
            run_dir: env("MC_RUN_DIR").map(PathBuf::from),
            terminal,
        })
    }
}

fn local(data: &Path) -> Option<Local> {
    // Asking must not make a data folder.
    if !data.is_dir() {
        return None;
    }
    DataDir::open(data).ok()?.local()
}

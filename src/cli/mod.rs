//! The command line: what can be asked of the program, and which part answers.

pub mod client;
pub mod demo_seed;
pub mod doctor;
pub(crate) mod offline;

use crate::cli::client::{ClientCommand, Target, TargetFlags};

use crate::base::error::{Error, Result};
use crate::config::{Config, Flags};
use clap::{Args, Parser, Subcommand};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

/// The control room for AI coding agents: nothing is ever stuck, nothing is ever lost.
#[derive(Debug, Parser)]
#[command(name = "mission-control", version, disable_help_subcommand = true)]
struct Cli {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    target: TargetFlags,
    #[command(subcommand)]
    command: Command,
}

/// Where the data is; the same for all commands.
#[derive(Debug, Clone, Args)]
struct Place {
    /// The data folder
    #[arg(long, env = "MC_DATA", global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The configuration file (default: config.toml in the data folder)
    #[arg(long, env = "MC_CONFIG", global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The workspace: projects, logs, contracts (default: workspace in the data folder)
    #[arg(long, env = "MC_WORKSPACE", global = true, value_name = "DIR")]
    workspace: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve {
        /// Where to listen
        #[arg(long, env = "MC_LISTEN", value_name = "ADDR:PORT")]
        listen: Option<String>,
        /// Seed a believable board to look around in
        #[arg(long)]
        demo: bool,
        /// Listen beyond this machine without TLS or a declared proxy
        #[arg(long)]
        insecure_listen: bool,
    },
    /// API tokens: works on the data folder, server up or down
    Token {
        #[command(subcommand)]
        command: TokenCommand,
    },
    /// Print a one-time link that logs a browser in
    LoginLink,
    /// Show what is in force and where each value came from
    Config,
    /// Say what is missing and what to do
    Doctor {
        /// Also hold this systemd unit to what workers need to survive a restart
        #[arg(long, value_name = "FILE")]
        unit: Option<PathBuf>,
    },
    /// Check the invariants: what must always be true of the data
    Check,
    #[command(flatten)]
    Client(ClientCommand),
    /// Copy the database into a file, while the server runs
    Backup {
        /// The file to write; it must not exist
        file: PathBuf,
    },
    /// (internal) keep one agent running and write down how it ends
    #[command(hide = true)]
    Shim {
        /// The run folder
        run_dir: PathBuf,
    },
    /// (internal) run a command and keep the beginning and the end of what it says
    #[command(hide = true)]
    Bounded {
        /// Program and arguments
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// (internal) ask a model's API once: the prompt from the standard input, the answer to the standard output
    #[command(hide = true)]
    AskModel {
        /// Which model
        #[arg(long, allow_hyphen_values = true)]
        model: Option<String>,
    },
    /// (internal) keep what an agent tells of itself; called by its hooks
    #[command(hide = true)]
    Hook,
    /// (internal) become the agent of a conversation in a terminal
    #[command(hide = true)]
    ExecAgent {
        /// The session's folder
        dir: PathBuf,
    },
    /// (internal) the built-in demo agent
    #[command(hide = true, disable_help_flag = true)]
    DemoAgent {
        /// As for Claude Code
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Make a token and print it, once
    Create {
        /// Its name
        name: String,
        /// owner, operator, viewer or ticket:MC-12
        #[arg(long, default_value = "operator")]
        scope: String,
    },
    /// List tokens
    List,
    /// End a token
    Revoke {
        /// Its name
        name: String,
    },
}

/// Parses the command line and does what it says.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(code) => code,
        Err(e) => {
            eprintln!("mission-control: {e}");
            exit_code(&e)
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode> {
    let place = cli.place;
    match cli.command {
        Command::Serve { listen, demo, insecure_listen } => {
            let flags = Flags { listen, demo, insecure: insecure_listen, ..place.flags() };
            crate::app::serve(load(&flags)?).map(|()| ExitCode::SUCCESS)
        }
        Command::Token { command } => {
            let config = load(&place.flags())?;
            match command {
                TokenCommand::Create { name, scope } => offline::token_create(&config, &name, &scope),
                TokenCommand::List => offline::token_list(&config),
                TokenCommand::Revoke { name } => offline::token_revoke(&config, &name),
            }
        }
        Command::LoginLink => offline::login_link(&load(&place.flags())?),
        Command::Config => offline::show_config(&load(&place.flags())?),
        Command::Doctor { unit } => crate::cli::doctor::run(&load(&place.flags())?, unit.as_deref()),
        Command::Check => offline::check(&load(&place.flags())?, cli.target.json),
        // With no server running it takes the folder's lock and does the work itself.
        Command::Client(ClientCommand::Tick { name }) if cli.target.url.is_none() => offline::tick(load(&place.flags())?, &name),
        Command::Client(command) => Ok(ask(&place, &cli.target, &command)),
        Command::Backup { file } => offline::backup(&load(&place.flags())?, &file),
        Command::Shim { run_dir } => Ok(crate::drivers::supervise::shim::main(&run_dir)),
        Command::Bounded { args } => Ok(crate::drivers::supervise::shim::head_and_tail::main(&args)),
        Command::AskModel { model } => Ok(crate::drivers::runtime::api::ask_model::main(model.as_deref())),
        Command::Hook => Ok(crate::drivers::runtime::record_hook()),
        Command::ExecAgent { dir } => Ok(crate::drivers::runtime::launch_file::main(&dir)),
        Command::DemoAgent { args } => Ok(crate::drivers::runtime::demo::agent::main(&args)),
    }
}

fn ask(place: &Place, flags: &TargetFlags, command: &ClientCommand) -> ExitCode {
    let env = |name: &str| std::env::var(name).ok();
    let data = place.data.clone().unwrap_or_else(|| crate::config::default_data(&env));
    let terminal = std::io::stdout().is_terminal();
    match Target::resolve(flags, &data, &env, terminal) {
        Ok(target) => client::run(command, &target, &mut std::io::stdout(), &mut std::io::stderr()).into(),
        Err(failure) => {
            eprintln!("mission-control: {}", failure.text);
            failure.exit.into()
        }
    }
}

impl Place {
    fn flags(&self) -> Flags {
        Flags { data: self.data.clone(), config: self.config.clone(), workspace: self.workspace.clone(), ..Flags::default() }
    }
}

fn load(flags: &Flags) -> Result<Config> {
    Config::load(flags, &|name| std::env::var(name).ok(), &crate::drivers::exec::find_on_path)
}

fn exit_code(e: &Error) -> ExitCode {
    match e {
        Error::Invalid(_) => ExitCode::from(2),
        Error::Busy(_) => ExitCode::from(3),
        Error::NotFound(_) | Error::Conflict(_) | Error::Denied(_) | Error::Internal(_) => ExitCode::from(1),
    }
}

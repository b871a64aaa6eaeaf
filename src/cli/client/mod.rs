//! The JSON API from the terminal: tickets, the orchestrator, what a run's agent reports, ticks. Speaks HTTP, never touches the data.

pub(crate) mod args;
pub(crate) mod exit;
pub(crate) mod http;
pub(crate) mod luci;
pub(crate) mod reports;
pub(crate) mod show;
pub(crate) mod target;
pub(crate) mod tasks;
pub(crate) mod tickets;
pub(crate) mod watch;

pub use crate::cli::client::args::{
    ClientCommand, EvidenceText, ListArgs, LuciCommand, NewArgs, ReportText, TaskCommand, TicketCommand,
};
pub use crate::cli::client::exit::Exit;
pub use crate::cli::client::exit::Failure;
pub use crate::cli::client::target::{Target, TargetFlags};

use std::io::Write;

/// Does a command. What it says goes to `out`, what went wrong to `err`.
pub fn run(command: &ClientCommand, target: &Target, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let done = match command {
        ClientCommand::Ticket(command) => tickets::run(command, target, out),
        ClientCommand::Done(words) => reports::run("done", &words.text, target, out, err),
        ClientCommand::Review(words) => reports::run("review", &words.text, target, out, err),
        ClientCommand::Question(words) => reports::run("question", &words.text, target, out, err),
        ClientCommand::Comment(words) => reports::run("comment", &words.text, target, out, err),
        ClientCommand::Evidence(shown) => reports::evidence(&shown.label, shown.detail.as_deref(), target, out, err),
        ClientCommand::Tick { name } => tick(name, target, out),
        ClientCommand::Send { message, wait } => luci::send(message, *wait, target, out),
        ClientCommand::Luci(command) => luci::run(command, target, out),
        ClientCommand::Task(command) => tasks::run(command, target, out),
    };
    match done {
        Ok(()) => Exit::Ok,
        Err(failure) => {
            // Where even the error stream is closed there is nobody left to tell.
            let _ = writeln!(err, "{}", show::clean(&failure.text));
            failure.exit
        }
    }
}

/// Asks the running server for a tick.
///
/// # Errors
/// It refuses, or there is none: [`Failure::unreachable`] says so.
pub fn tick(name: &str, target: &Target, out: &mut dyn Write) -> Result<(), Failure> {
    let answer = target.post(&format!("/tick/{name}"), &serde_json::json!({}))?;
    show::json_or(target, out, &answer, |out| writeln!(out, "{name}: done"))
}

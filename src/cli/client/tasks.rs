//! `mission-control task …`

use crate::base::text::percent_encoded;
use crate::cli::client::args::TaskCommand;
use crate::cli::client::exit::Failure;
use crate::cli::client::show;
use crate::cli::client::target::Target;
use serde_json::{Value, json};
use std::io::Write;

/// Does one of the commands.
pub fn run(command: &TaskCommand, target: &Target, out: &mut dyn Write) -> Result<(), Failure> {
    let path = |name: &str, what: &str| format!("/tasks/{}/{what}", percent_encoded(name));
    let nothing = json!({});
    match command {
        TaskCommand::List => {
            let found = target.get("/tasks")?;
            show::json_or(target, out, &found, |out| {
                found["items"].as_array().map(Vec::as_slice).unwrap_or_default().iter().try_for_each(|t| line(out, t))
            })
        }
        TaskCommand::Runs { name, limit } => {
            let found = target.get(&format!("{}?limit={limit}", path(name, "runs")))?;
            show::json_or(target, out, &found, |out| {
                found["items"].as_array().map(Vec::as_slice).unwrap_or_default().iter().try_for_each(|r| run_line(out, r))
            })
        }
        TaskCommand::Run { name } => {
            let made = target.post(&path(name, "run"), &nothing)?;
            show::json_or(target, out, &made, |out| {
                writeln!(out, "{}: run {} is on its way", show::clean(name), made["run"]["id"])
            })
        }
        TaskCommand::Stop { name } => {
            let done = target.post(&path(name, "stop"), &nothing)?;
            show::json_or(target, out, &done, |out| writeln!(out, "{}: {} being stopped", show::clean(name), done["stopping"]))
        }
        TaskCommand::Pause { name } => {
            let task = target.post(&path(name, "pause"), &nothing)?;
            show::json_or(target, out, &task, |out| line(out, &task))
        }
        TaskCommand::Resume { name } => {
            let task = target.post(&path(name, "resume"), &nothing)?;
            show::json_or(target, out, &task, |out| line(out, &task))
        }
    }
}

/// A task in one line.
fn line(out: &mut dyn Write, t: &Value) -> std::io::Result<()> {
    let name = show::line(&t["name"]);
    if !t["broken"].is_null() {
        let place = t["broken"]["line"].as_i64().map(|n| format!("line {n}: ")).unwrap_or_default();
        return writeln!(
            out,
            "{name:<28} broken: tasks/{}, {place}{}",
            show::line(&t["file"]),
            show::line(&t["broken"]["reason"])
        );
    }
    let next = match (t["paused"] == json!(true), t["enabled"] == json!(false), t["next_due_at"].as_str()) {
        (true, ..) => "paused".to_owned(),
        (_, true, _) => "disabled".to_owned(),
        (.., Some(at)) => format!("next {}", show::line(&json!(at))),
        (.., None) => "by hand".to_owned(),
    };
    let last = show::line(&t["last_run"]["state"]);
    let last = if last.is_empty() { "not run yet".to_owned() } else { format!("last {last}") };
    writeln!(out, "{name:<28} {:<36} {next}, {last}, streak {}", show::line(&t["schedule"]), show::line(&t["streak"]))
}

/// A run in one line.
fn run_line(out: &mut dyn Write, r: &Value) -> std::io::Result<()> {
    let due = show::line(&r["due_at"]);
    let due = if due.is_empty() { "by hand".to_owned() } else { due };
    writeln!(out, "{:<6} {due:<26} {:<12} {}", show::line(&r["id"]), show::line(&r["state"]), show::line(&r["note"]))
}

//! `mission-control done|review|question|comment|evidence`, called by the agent of a run. What the server cannot take
//! now is left in the run's folder, under the same client id: it counts once, whichever way it comes.

use crate::cli::client::exit::Exit;
use crate::cli::client::exit::Failure;
use crate::cli::client::show;
use crate::cli::client::target::Target;
use crate::domain::ids::TicketId;
use crate::drivers::supervise::run_dir::RunDir;
use serde_json::json;
use std::io::{Read, Write};
use std::time::Duration;

/// The server is waited for so long.
const PATIENCE: Duration = Duration::from_secs(2);

/// Reports words.
pub fn run(kind: &str, words: &[String], target: &Target, out: &mut dyn Write, err: &mut dyn Write) -> Result<(), Failure> {
    let text = match words {
        [] => stdin()?,
        [dash] if dash == "-" => stdin()?,
        words => words.join(" "),
    };
    report(kind, &text, target, out, err)
}

/// Reports something that shows that the work is good.
pub fn evidence(
    label: &str,
    detail: Option<&str>,
    target: &Target,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<(), Failure> {
    let detail = match detail {
        Some("-") => stdin()?,
        Some(text) => text.to_owned(),
        None => String::new(),
    };
    report("evidence", format!("{}\n{detail}", label.replace('\n', " ")).trim_end(), target, out, err)
}

fn report(kind: &str, text: &str, target: &Target, out: &mut dyn Write, err: &mut dyn Write) -> Result<(), Failure> {
    let ticket = target.ticket.as_deref().and_then(|t| t.parse::<TicketId>().ok());
    let ticket =
        ticket.ok_or_else(|| Failure::usage(format!("`{kind}` is for the agent of a run: MC_TICKET names no ticket")))?;
    if text.trim().is_empty() {
        return Err(Failure::usage(format!("`{kind}` needs words")));
    }
    let body = json!({ "kind": kind, "body": text, "client_id": crate::base::random::uuid() });
    match target.post_soon(&format!("/tickets/{ticket}/report"), &body, PATIENCE) {
        Ok(answer) => show::json_or(target, out, &answer, |out| writeln!(out, "{kind}: noted on {ticket}")),
        Err(failure) if failure.unreachable || failure.exit == Exit::Busy => {
            let Some(dir) = &target.run_dir else { return Err(Failure { exit: Exit::Busy, ..failure }) };
            RunDir::open(dir)
                .spool(&body)
                .map_err(|e| Failure::plain(format!("{}; and it cannot be left in the run's folder: {e}", failure.text)))?;
            writeln!(err, "{kind}: the server does not answer now; left for it, nothing more to do")?;
            Ok(())
        }
        Err(failure) => Err(failure),
    }
}

fn stdin() -> Result<String, Failure> {
    let mut text = String::new();
    std::io::stdin()
        .take(1024 * 1024)
        .read_to_string(&mut text)
        .map_err(|e| Failure::usage(format!("the standard input is not readable: {e}")))?;
    Ok(text.trim_end().to_owned())
}

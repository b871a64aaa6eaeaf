//! `mission-control ticket …`

use crate::base::text::percent_encoded;
use crate::cli::client::args::{ListArgs, NewArgs, TicketCommand};
use crate::cli::client::exit::Failure;
use crate::cli::client::target::Target;
use crate::cli::client::{show, watch};
use crate::domain::ids::TicketId;
use serde_json::{Map, Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::time::Duration;

/// Raw text is cleaned in pieces of at most so many bytes.
const PIECE: u64 = 64 * 1024;

/// Does it.
pub fn run(command: &TicketCommand, target: &Target, out: &mut dyn Write) -> Result<(), Failure> {
    match command {
        TicketCommand::New(args) => make(args, target, out),
        TicketCommand::List(args) => list(args, target, out),
        TicketCommand::Show { ticket } => shown(&path(ticket)?, target, out),
        TicketCommand::Move { ticket, status } => {
            let moved = target.patch(&path(ticket)?, &json!({ "status": status }))?;
            show::json_or(target, out, &moved, |out| show::ticket_line(out, &moved))
        }
        TicketCommand::Comment { ticket, text, no_reply } => {
            let body = json!({ "body": text.join(" "), "reply": !no_reply });
            let made = target.post(&format!("{}/comments", path(ticket)?), &body)?;
            show::json_or(target, out, &made, |out| {
                writeln!(out, "Comment {} on {}", show::line(&made["id"]), show::line(&made["ticket"]))
            })
        }
        TicketCommand::Watch { ticket, follow } => watch::run(&path(ticket)?, *follow, target, out),
        TicketCommand::Stop { ticket, status } => {
            let body = status.as_ref().map_or_else(|| json!({}), |s| json!({ "status": s }));
            let run = target.post(&format!("{}/stop", path(ticket)?), &body)?;
            show::json_or(target, out, &run, |out| writeln!(out, "Run {} is being stopped", show::line(&run["id"])))
        }
        TicketCommand::Log { ticket, raw: true } => raw_log(&path(ticket)?, target, out),
        TicketCommand::Log { ticket, raw: false } => events(&path(ticket)?, target, out),
    }
}

/// The path of a ticket. Checked here: nothing else may come to stand in an address.
fn path(ticket: &str) -> Result<String, Failure> {
    let id: TicketId = ticket.parse().map_err(|e| Failure::usage(format!("{ticket:?} {e}")))?;
    Ok(format!("/tickets/{id}"))
}

fn make(args: &NewArgs, target: &Target, out: &mut dyn Write) -> Result<(), Failure> {
    let (title, rest) = args.text.trim().split_once('\n').unwrap_or((args.text.trim(), ""));
    let description = [rest.trim(), args.description.as_deref().unwrap_or_default()].join("\n\n").trim().to_owned();
    let mut body = Map::new();
    let said = [
        ("status", &args.status),
        ("project", &args.project),
        ("role", &args.role),
        ("priority", &args.priority),
        ("profile", &args.profile),
        ("work_class", &args.work_class),
        ("parent", &args.parent),
    ];
    for (name, value) in said {
        if let Some(value) = value {
            body.insert(name.to_owned(), json!(value));
        }
    }
    if !args.blocked_by.is_empty() {
        body.insert("blocked_by".to_owned(), json!(args.blocked_by));
    }
    body.insert("title".to_owned(), json!(title.trim()));
    let mut notes = Vec::new();
    let ticket = if args.now {
        body.insert("mode".to_owned(), json!("implement_now"));
        body.insert("message".to_owned(), json!(if description.is_empty() { title } else { &description }));
        let mut answer = target.post("/session_start", &Value::Object(body))?;
        notes = answer["notes"].as_array().cloned().unwrap_or_default();
        answer["ticket"].take()
    } else {
        body.insert("description".to_owned(), json!(description));
        target.post("/tickets", &Value::Object(body))?
    };
    show::json_or(target, out, &ticket, |out| {
        show::ticket_line(out, &ticket)?;
        notes.iter().filter_map(Value::as_str).try_for_each(|note| writeln!(out, "{}", show::clean(note)))
    })
}

fn list(args: &ListArgs, target: &Target, out: &mut dyn Write) -> Result<(), Failure> {
    let mut query = format!("/tickets?limit={}", args.limit);
    let said = [
        ("status", &args.status),
        ("project", &args.project),
        ("role", &args.role),
        ("priority", &args.priority),
        ("q", &args.q),
        ("cursor", &args.cursor),
    ];
    for (name, value) in said {
        if let Some(value) = value {
            query.push_str(&format!("&{name}={}", percent_encoded(value)));
        }
    }
    let page = target.get(&query)?;
    show::json_or(target, out, &page, |out| {
        let items = page["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        if items.is_empty() {
            writeln!(out, "No tickets")?;
        }
        for ticket in items {
            show::ticket_line(out, ticket)?;
        }
        match page["next_cursor"].as_str() {
            Some(next) => writeln!(out, "More: --cursor {}", show::clean(next)),
            None => Ok(()),
        }
    })
}

fn shown(path: &str, target: &Target, out: &mut dyn Write) -> Result<(), Failure> {
    let ticket = target.get(path)?;
    if target.json {
        return show::json_or(target, out, &ticket, |_| Ok(()));
    }
    show::ticket(out, &ticket)?;
    let mut comments = Vec::new();
    pages(&format!("{path}/comments"), target, |c| {
        comments.push(c.clone());
        if comments.len() > 10 {
            comments.remove(0);
        }
        Ok(())
    })?;
    for comment in &comments {
        show::comment(out, comment)?;
    }
    out.flush()?;
    Ok(())
}

fn events(path: &str, target: &Target, out: &mut dyn Write) -> Result<(), Failure> {
    pages(&format!("{path}/events"), target, |event| {
        if target.json {
            let text = event.to_string();
            writeln!(out, "{}", if target.terminal { show::clean(&text) } else { text })
        } else {
            show::event(out, event)
        }
    })?;
    out.flush()?;
    Ok(())
}

/// Walks a list from its beginning to its end.
fn pages(path: &str, target: &Target, mut each: impl FnMut(&Value) -> std::io::Result<()>) -> Result<(), Failure> {
    let mut after = 0;
    loop {
        let page = target.get(&format!("{path}?limit=200&after={after}"))?;
        for item in page["items"].as_array().map(Vec::as_slice).unwrap_or_default() {
            each(item)?;
        }
        match page["next_cursor"].as_i64() {
            Some(next) if next > after => after = next,
            Some(_) | None => return Ok(()),
        }
    }
}

fn raw_log(path: &str, target: &Target, out: &mut dyn Write) -> Result<(), Failure> {
    let ticket = target.get(path)?;
    let run = ticket["run"]["id"].as_i64().ok_or_else(|| Failure::plain("nothing ever ran for it"))?;
    let mut log = target.open(&format!("/runs/{run}/log"), &[], Duration::from_secs(60))?;
    if !target.terminal {
        std::io::copy(&mut log, out)?;
        return Ok(());
    }
    let mut log = BufReader::new(log);
    let mut piece = Vec::new();
    while (&mut log).take(PIECE).read_until(b'\n', &mut piece)? > 0 {
        write!(out, "{}", show::clean(&String::from_utf8_lossy(&piece)))?;
        piece.clear();
    }
    out.flush()?;
    Ok(())
}

//! `mission-control send` and `mission-control luci …`

use crate::base::clock::{Clock, SystemClock};
use crate::cli::client::args::LuciCommand;
use crate::cli::client::exit::Exit;
use crate::cli::client::exit::Failure;
use crate::cli::client::show;
use crate::cli::client::target::Target;
use serde_json::{Value, json};
use std::io::{Read, Write};

/// The most seconds that one question waits: it ends well before the client loses its patience.
const PIECE_S: u64 = 40;

/// Says something, and prints the answer.
pub fn send(message: &str, wait: u64, target: &Target, out: &mut dyn Write) -> Result<(), Failure> {
    let message = if message == "-" { stdin()? } else { message.to_owned() };
    if message.trim().is_empty() {
        return Err(Failure::usage("`send` needs words"));
    }
    let sent = target.post("/persistent_luci/send", &json!({ "message": message }))?;
    if wait == 0 {
        return show::json_or(target, out, &sent, |out| queued(out, &sent));
    }
    let id = sent["turn"]["id"].as_u64().ok_or_else(|| Failure::plain("the server gave the message no number"))?;
    answer(Some(id), wait, target, out)
}

/// Does one of her commands.
pub fn run(command: &LuciCommand, target: &Target, out: &mut dyn Write) -> Result<(), Failure> {
    let nothing = json!({});
    let status = match command {
        LuciCommand::Answer { turn, wait } => return answer(*turn, *wait, target, out),
        LuciCommand::Status => target.get("/persistent_luci/status")?,
        LuciCommand::Start => target.post("/persistent_luci/start", &nothing)?,
        LuciCommand::Stop => target.post("/persistent_luci/stop", &nothing)?,
        LuciCommand::Switch { profile } => target.post("/persistent_luci/switch", &json!({ "profile": profile }))?,
    };
    show::json_or(target, out, &status, |out| {
        match command {
            LuciCommand::Start => writeln!(out, "Luci is being started")?,
            LuciCommand::Stop => writeln!(out, "Luci is being stopped; what is sent to her waits")?,
            LuciCommand::Switch { profile } => writeln!(out, "Luci goes on with {}", show::clean(profile))?,
            LuciCommand::Status | LuciCommand::Answer { .. } => {}
        }
        shown(out, &status)
    })
}

/// Waits for a turn's answer, and prints it.
fn answer(turn: Option<u64>, wait: u64, target: &Target, out: &mut dyn Write) -> Result<(), Failure> {
    let clock = SystemClock::new();
    let until = clock.mono_ms().saturating_add(i64::try_from(wait.saturating_mul(1000)).unwrap_or(i64::MAX));
    let mut which = turn.map_or(String::new(), |id| format!("turn={id}&"));
    let (last, open) = loop {
        let left = u64::try_from((until - clock.mono_ms()).max(0)).unwrap_or(0).div_ceil(1000);
        let found = target.get(&format!("/persistent_luci/harvest?{which}wait={}", left.min(PIECE_S)))?;
        let open = matches!(found["turn"]["state"].as_str(), Some("pending" | "claimed" | "sent"));
        if !open || clock.mono_ms() >= until {
            break (found, open);
        }
        // The newest of the first look, and no other that comes after it.
        which = format!("turn={}&", found["turn"]["id"]);
    };
    let turn = &last["turn"];
    if target.json {
        show::json_or(target, out, &last, |_| Ok(()))?;
    } else if !open && let Some(text) = turn["text"].as_str() {
        writeln!(out, "{}", show::clean(text).trim_end())?;
        for p in turn["proposals"].as_array().map(Vec::as_slice).unwrap_or_default() {
            let (id, state, kind) = (show::line(&p["id"]), show::line(&p["state"]), show::line(&p["kind"]));
            let what = ["title", "ticket", "text", "question", "reason"].iter().map(|f| show::line(&p["action"][*f]));
            writeln!(out, "[{id}] {kind} {} ({state})", what.filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" "))?;
        }
        out.flush()?;
    }
    let id = show::line(&turn["id"]);
    match turn["state"].as_str() {
        Some("answered") => Ok(()),
        Some("pending" | "claimed" | "sent") => {
            let how = match (turn["position"].as_i64(), turn["activity"].as_str()) {
                (Some(0), _) => "next in the queue".to_owned(),
                (Some(n), _) => format!("behind {n}"),
                (None, Some(activity)) => show::line(&json!(activity)),
                (None, None) => "in work".to_owned(),
            };
            let next = last["next"].as_str().map(|n| format!("\n{n}")).unwrap_or_default();
            let text = format!("no answer yet ({how}): `mission-control luci answer {id}` waits on{next}");
            Err(Failure { exit: Exit::Busy, text, unreachable: false })
        }
        Some("cancelled") => Err(Failure::plain(format!("turn {id} was cancelled"))),
        Some(_) | None => {
            Err(Failure::plain(format!("turn {id} failed: {}", turn["error"].as_str().unwrap_or("no reason given"))))
        }
    }
}

fn queued(out: &mut dyn Write, sent: &Value) -> std::io::Result<()> {
    let turn = &sent["turn"];
    let (id, before) = (show::line(&turn["id"]), turn["position"].as_i64().unwrap_or(0));
    writeln!(out, "Turn {id}, {before} before it: `mission-control luci answer {id}` waits for the answer")?;
    match sent["next"].as_str() {
        Some(next) => writeln!(out, "{}", show::clean(next)),
        None => Ok(()),
    }
}

fn shown(out: &mut dyn Write, s: &Value) -> std::io::Result<()> {
    let driver = show::line(&s["driver"]);
    let how = if driver.is_empty() { String::new() } else { format!(", {driver}") };
    writeln!(out, "{} · {}{how} · {} waiting", show::line(&s["state"]), show::line(&s["profile"]), show::line(&s["queue"]))?;
    if !s["session_id"].is_null() {
        let (tokens, soft) = (show::line(&s["context_tokens"]), show::line(&s["soft_tokens"]));
        writeln!(out, "Session {}: {tokens} of {soft} tokens", show::line(&s["session_id"]))?;
    }
    if !s["working_on"].is_null() {
        writeln!(out, "Works on turn {}", show::line(&s["working_on"]))?;
    }
    if s["keyboard"] == Value::Bool(true) {
        writeln!(out, "Somebody has the keyboard in the console")?;
    }
    match s["note"].as_str() {
        Some(note) => writeln!(out, "{}", show::clean(note)),
        None => Ok(()),
    }
}

fn stdin() -> Result<String, Failure> {
    let mut text = String::new();
    std::io::stdin().take(1 << 20).read_to_string(&mut text).map_err(|e| Failure::plain(format!("cannot be read: {e}")))?;
    Ok(text)
}

//! The fake agent: this program again, started by a real shim. It does what the director says, in stream-json.

use super::clock::{pause, stamp_ns};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::Duration;

/// Runs until told to end. `args` are those of Claude Code.
pub fn main(args: &[String]) -> ExitCode {
    if args.iter().any(|a| a == "--version") {
        println!("1.0.0 (figures)");
        return ExitCode::SUCCESS;
    }
    if args.iter().any(|a| a == "--help") {
        println!("--output-format --session-id");
        return ExitCode::SUCCESS;
    }
    match work(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}

fn work(args: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::var("BENCH_DIRECTOR")?;
    let mine = std::env::var("MC_TICKET").or_else(|_| args.first().cloned().ok_or("no name"))?;
    let session = args.iter().skip_while(|a| *a != "--session-id").nth(1).cloned().unwrap_or_else(|| format!("session-{mine}"));
    say(&format!("{{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"{session}\",\"model\":\"figures\"}}"))?;
    let mut to = TcpStream::connect(address)?;
    to.set_nodelay(true)?;
    writeln!(to, "{mine}")?;
    let mut from = BufReader::new(to.try_clone()?);
    let mut told = String::new();
    let mut n = 0;
    while from.read_line(&mut told)? > 0 {
        let mut words = told.split_whitespace();
        let word = words.next().unwrap_or_default().to_owned();
        let numbers: Vec<u64> = words.filter_map(|w| w.parse().ok()).collect();
        match (word.as_str(), numbers.as_slice()) {
            ("burst", [count]) => {
                for _ in 0..*count {
                    n += 1;
                    say(&line(n))?;
                }
            }
            ("pace", [every_us, count]) => pace(*every_us, *count, &mut n)?,
            ("long", [bytes]) => long(*bytes)?,
            (_, _) => return Err(format!("what is {told:?}?").into()),
        }
        writeln!(to, "done")?;
        told.clear();
    }
    Ok(())
}

/// One line of output: one write, as real agents do.
fn say(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}

/// The n-th line of a talkative agent: a tool call, its result, some words.
pub fn line(n: u64) -> String {
    let call = n / 3;
    match n % 3 {
        0 => format!(
            r#"{{"type":"assistant","message":{{"id":"msg_{n}","role":"assistant","content":[{{"type":"tool_use","id":"toolu_{call}","name":"Bash","input":{{"command":"cargo test --workspace -- --nocapture step_{n}","description":"Runs the tests of step {n}"}}}}],"usage":{{"input_tokens":12,"output_tokens":48,"cache_read_input_tokens":20480}}}},"parent_tool_use_id":null}}"#
        ),
        1 => format!(
            r#"{{"type":"user","message":{{"role":"user","content":[{{"type":"tool_result","tool_use_id":"toolu_{call}","content":"running 12 tests\ntest step_{n}::opens_the_door ... ok\ntest step_{n}::closes_the_door ... ok\ntest step_{n}::keeps_the_key ... ok\n\ntest result: ok. 12 passed; 0 failed; 0 ignored; finished in 0.31s"}}]}},"parent_tool_use_id":null}}"#
        ),
        _ => said(&format!(
            "Step {n}: the tests pass; next I look at the handler that parses the form, for the bug must be there."
        )),
    }
}

fn said(text: &str) -> String {
    format!(
        r#"{{"type":"assistant","message":{{"role":"assistant","content":[{{"type":"text","text":"{text}"}}]}},"parent_tool_use_id":null}}"#
    )
}

/// Lines at a steady rate, each with the moment it was written.
fn pace(every_us: u64, count: u64, n: &mut u64) -> std::io::Result<()> {
    let began = stamp_ns();
    for i in 0..count {
        let due = began + i * every_us * 1000;
        let now = stamp_ns();
        if due > now {
            pause(Duration::from_nanos(due - now));
        }
        *n += 1;
        say(&said(&format!("Step {n} of a long piece of work, written at @{}@ and on its way to a page.", stamp_ns())))?;
    }
    Ok(())
}

/// One endless line, written piece by piece.
fn long(bytes: u64) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(br#"{"type":"assistant","message":{"role":"assistant","content":[{"type":"text","text":""#)?;
    let piece = [b'x'; 64 * 1024];
    for _ in 0..bytes / piece.len() as u64 {
        out.write_all(&piece)?;
    }
    out.write_all(b"\"}]}}\n")?;
    out.flush()
}

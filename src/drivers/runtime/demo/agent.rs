//! The built-in demo agent: speaks Claude's stream-json and really works with git and a shell, but thinks nothing.
//!
//! `mission-control demo-agent -p …` so that a newcomer without any agent program sees a ticket through. Everything it
//! says is labelled "demo". Directives in the ticket's text (`[demo: ask …]`) make it act the other endings. Spoken to as
//! the orchestrator it stands in for Luci; without `-p` it does so in a terminal.

use crate::base::clock::pause;
use crate::drivers::runtime::demo::orchestrator;
use crate::drivers::runtime::demo::orchestrator::{live, turn};
use crate::drivers::runtime::demo::script::{Directive, Memory, Words, directives, words};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

/// What `--version` prints.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (Mission Control demo agent)");

const HELP: &str = "\
The demo agent of Mission Control: acts an agent's part without any model.

Usage: mission-control demo-agent -p [options]   (the brief comes on standard input)
       mission-control demo-agent [options]      (in a terminal, in the orchestrator's place)

  -p, --print                     one unattended run
      --output-format <format>    stream-json
      --verbose                   accepted
      --worktree <name>           work in .claude/worktrees/<name> of this repository
      --session-id <uuid>         id of the new session
      --resume <id>               go on with a session
      --append-system-prompt <text>   said to the orchestrator, it answers in its place
      --settings <file>           hooks to run, in a terminal
      --effort, --model, --permission-mode <value>, --dangerously-skip-permissions   accepted
      --version, --help
";

/// Bytes of a brief that are read.
const BRIEF_CAP: u64 = 4 * 1024 * 1024;

/// Bytes of a command's output that are reported.
const OUTPUT_CAP: usize = 16 * 1024;

/// What it says of a failure that it acts.
pub(crate) const FAILED: &str = "demo: the demo agent was told to fail";

/// What it says at the limit that it acts.
pub(crate) const LIMITED: &str = "API Error: Request rejected (429) · demo limit reached, resets in 2 minutes";

/// Runs the demo agent with these arguments (without the program's name and the subcommand).
#[must_use]
pub fn main(args: &[String]) -> ExitCode {
    let mut brief = Vec::new();
    let asks = args.iter().any(|a| a == "--help" || a == "-h" || a == "--version");
    let unattended = args.iter().any(|a| a == "-p" || a == "--print");
    let pace = std::env::var("MC_DEMO_PACE_MS").ok().and_then(|v| v.parse().ok()).unwrap_or(150);
    let place = Place { cwd: std::env::current_dir().unwrap_or_default(), state: state_dir(), pace_ms: pace };
    if !asks && !unattended {
        return ExitCode::from(live::run(args, place));
    }
    if !asks && std::io::stdin().lock().take(BRIEF_CAP).read_to_end(&mut brief).is_err() {
        eprintln!("Error: the brief cannot be read from standard input");
        return ExitCode::FAILURE;
    }
    let mut out = std::io::stdout().lock();
    ExitCode::from(run(args, &String::from_utf8_lossy(&brief), place, &mut out))
}

fn state_dir() -> PathBuf {
    let from = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    from("MC_DEMO_STATE")
        .or_else(|| from("XDG_STATE_HOME").map(|p| p.join("mission-control/demo")))
        .or_else(|| from("HOME").map(|p| p.join(".local/state/mission-control/demo")))
        .unwrap_or_else(|| std::env::temp_dir().join("mission-control-demo"))
}

/// Where it stands.
pub(crate) struct Place {
    pub(crate) cwd: PathBuf,
    pub(crate) state: PathBuf,
    pub(crate) pace_ms: u64,
}

/// The flags it understands.
#[derive(Default)]
pub(crate) struct Flags {
    worktree: Option<String>,
    session: Option<String>,
    pub(crate) resume: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) settings: Option<PathBuf>,
    brief: Option<String>,
}

impl Flags {
    /// The conversation's id: asked for, or a fresh one.
    pub(crate) fn session(&self) -> Result<String, String> {
        let id = self.resume.clone().or(self.session.clone()).unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
        uuid::Uuid::parse_str(&id).map(|_| id).map_err(|_| "Error: a session id must be a UUID".to_owned())
    }
}

pub(crate) fn flags(args: &[String]) -> Result<Flags, String> {
    let mut flags = Flags::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().cloned().ok_or_else(|| format!("error: option '{arg}' needs a value"));
        match arg.as_str() {
            "-p" | "--print" | "--verbose" | "--dangerously-skip-permissions" => {}
            "--output-format" | "--effort" | "--permission-mode" => drop(value()?),
            "--append-system-prompt" => flags.brief = Some(value()?),
            "--settings" => flags.settings = Some(PathBuf::from(value()?)),
            "--model" => flags.model = Some(value()?),
            "--worktree" => flags.worktree = Some(value()?),
            "--session-id" => flags.session = Some(value()?),
            "--resume" => flags.resume = Some(value()?),
            other => return Err(format!("error: unknown option '{other}'")),
        }
    }
    Ok(flags)
}

fn run(args: &[String], brief: &str, mut place: Place, out: &mut dyn Write) -> u8 {
    if args.iter().any(|a| a == "--help" || a == "-h") {
        return u8::from(out.write_all(HELP.as_bytes()).is_err());
    }
    if args.iter().any(|a| a == "--version") {
        return u8::from(writeln!(out, "{VERSION}").is_err());
    }
    let (flags, session) = match flags(args).and_then(|flags| Ok((flags.session()?, flags))) {
        Ok((session, flags)) => (flags, session),
        Err(why) => {
            eprintln!("{why}");
            return 1;
        }
    };
    let (state, pace_ms, cwd) = (place.state.clone(), place.pace_ms, place.cwd.clone());
    let mut stage = Stage { out, session, state, pace_ms, cwd, tokens: 0, said: 0, turns: 0 };
    let model = flags.model.as_deref().unwrap_or("demo");
    if orchestrator::is_luci(flags.brief.as_deref(), brief) {
        return turn::play(&mut stage, flags.resume.is_some(), model, brief);
    }
    let words = words(brief);
    let memory = match flags.resume {
        Some(_) => match stage.recall() {
            Some(memory) => memory,
            None => return stage.unknown_session(),
        },
        None => Memory { ticket: words.ticket, text: words.text.clone().unwrap_or_default(), ..Memory::default() },
    };
    if let Some(name) = &flags.worktree {
        match enter_worktree(&place.cwd, name) {
            Ok(dir) => place.cwd = dir,
            Err(why) => {
                eprintln!("Error: {why}");
                return 1;
            }
        }
    }
    stage.cwd = place.cwd;
    // A reader that is gone is no reason to stop working, as with the real program: write errors are ignored below.
    stage.init(model);
    stage.act(memory, &words)
}

/// As the real program does it: `.claude/worktrees/<name>` of the repository, made where it is not there.
fn enter_worktree(cwd: &Path, name: &str) -> Result<PathBuf, String> {
    if name.is_empty() || name.starts_with('-') || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
        return Err("creating worktree: Invalid worktree name".to_owned());
    }
    let git = |args: &[&str]| {
        let output =
            Command::new("git").args(args).current_dir(cwd).stdin(Stdio::null()).output().map_err(|e| format!("git: {e}"))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    };
    let top = git(&["rev-parse", "--show-toplevel"])
        .map_err(|_| format!("Can only use --worktree in a git repository, but {} is not a git repository.", cwd.display()))?;
    let top = PathBuf::from(top);
    let inside = Path::new(".claude/worktrees").join(name);
    if top.ends_with(&inside) {
        return Ok(top);
    }
    let dir = top.join(&inside);
    if !dir.join(".git").exists() {
        let path = dir.to_str().ok_or("the repository lies at a path that is not UTF-8")?;
        git(&["worktree", "add", "-q", "-B", &format!("worktree-{name}"), path])?;
    }
    Ok(dir)
}

/// How a run ends.
enum Ending {
    Said(String),
    Failed,
    Limited,
}

/// Where it plays: what it says goes out as lines of the stream.
pub(crate) struct Stage<'a> {
    out: &'a mut dyn Write,
    pub(crate) session: String,
    pub(crate) state: PathBuf,
    pub(crate) pace_ms: u64,
    cwd: PathBuf,
    /// Tokens it says it has in its context.
    pub(crate) tokens: i64,
    said: u32,
    turns: u32,
}

impl Stage<'_> {
    fn act(&mut self, mut memory: Memory, words: &Words) -> u8 {
        let resumed = words.text.is_none() && !memory.text.is_empty();
        self.remember(&memory);
        let ending = self.work(&mut memory, words, resumed);
        self.remember(&memory);
        match ending {
            Ending::Said(text) => self.ends_well(&text),
            Ending::Failed => self.ends_in_failure(),
            Ending::Limited => self.ends_at_limit(),
        }
    }

    pub(crate) fn ends_well(&mut self, text: &str) -> u8 {
        self.say(text);
        self.result(json!({"subtype": "success", "is_error": false, "api_error_status": null, "terminal_reason": "completed", "result": text}));
        0
    }

    pub(crate) fn ends_in_failure(&mut self) -> u8 {
        self.result(
            json!({"subtype": "error_during_execution", "is_error": true, "terminal_reason": "error", "errors": [FAILED]}),
        );
        1
    }

    pub(crate) fn ends_at_limit(&mut self) -> u8 {
        self.line(json!({"type": "assistant", "error": "rate_limit", "api_error_status": 429, "is_api_error_message": true,
            "message": {"id": self.id("msg"), "role": "assistant", "model": "<synthetic>", "content": [{"type": "text", "text": LIMITED}]},
            "parent_tool_use_id": null}));
        self.result(json!({"subtype": "success", "is_error": true, "api_error_status": 429, "terminal_reason": "api_error", "result": LIMITED}));
        1
    }

    fn work(&mut self, memory: &mut Memory, words: &Words, resumed: bool) -> Ending {
        let reply = words.replies.join("\n");
        let title = memory.title();
        if resumed && !reply.is_empty() {
            self.say(&format!("demo: this session began with \"{title}\". You replied: {reply}"));
        } else if resumed {
            self.say(&format!("demo: going on with \"{title}\" where the run before broke off."));
        } else {
            self.say("demo: I am the built-in demo agent. I use git and a shell for real, but no model. Let me look around.");
        }
        self.bash("git status --short --branch; ls", "look around");
        let script = directives(&memory.text);
        let answered = !reply.is_empty();
        for directive in &script {
            match directive {
                Directive::Say(text) => self.say(text),
                Directive::Steps { count, every_ms } if !resumed => self.steps(*count, *every_ms),
                Directive::Hang if !answered => {
                    self.say("demo: the ticket told me to hang.");
                    loop {
                        pause(Duration::from_secs(60));
                    }
                }
                Directive::Fail if !answered => return Ending::Failed,
                Directive::Limit if !memory.limited => {
                    memory.limited = true;
                    return Ending::Limited;
                }
                Directive::Ask { question, options } if !memory.asked && !answered => {
                    memory.asked = true;
                    let list: String = options.iter().map(|o| format!("\n- {o}")).collect();
                    return Ending::Said(format!("QUESTION: {question}{}{list}", if list.is_empty() { "" } else { "\n" }));
                }
                Directive::Steps { .. }
                | Directive::Hang
                | Directive::Fail
                | Directive::Limit
                | Directive::Ask { .. }
                | Directive::Tokens(_)
                | Directive::Review => {}
            }
        }
        self.deliver(memory, &reply, script.contains(&Directive::Review) && !answered)
    }

    /// Writes the note, checks and commits it.
    fn deliver(&mut self, memory: &Memory, reply: &str, review: bool) -> Ending {
        let slug = memory.slug();
        let file = format!("notes/{slug}.md");
        let path = self.cwd.join(&file);
        let mut note = format!("# {}\n\nA note by the demo agent of Mission Control: no model was asked.\n", memory.title());
        for line in memory.text.lines().skip(1).filter(|l| !l.trim().is_empty()).take(20) {
            note.push_str(&format!("\n> {line}"));
        }
        if !reply.is_empty() {
            note.push_str(&format!("\n\n## Reply\n\n{reply}"));
        }
        note.push('\n');
        let written = self.write(&path, &note);
        let checked = self.bash(&format!("test -s {file} && wc -l {file}"), "check the note");
        let commit = format!(
            "git add -f {file} && {{ git diff --cached --quiet -- {file} || git -c user.name='Demo agent' -c user.email=demo@localhost \
             -c commit.gpgsign=false commit -q -m '{}: note by the demo agent' -- {file}; }} && git log --oneline -1",
            slug.to_uppercase()
        );
        let in_git = self.cwd.join(".git").exists() || self.quiet("git rev-parse --git-dir");
        let committed = in_git && self.bash(&commit, "commit it");
        let answer = if reply.is_empty() { String::new() } else { format!("\n\nYour answer was: {reply}") };
        let what = match (written && checked, committed, in_git) {
            (false, ..) => return Ending::Said(format!("REVIEW: demo: the note {file} could not be written.{answer}")),
            (true, true, _) => format!("demo: wrote and committed `{file}`."),
            (true, false, true) => {
                return Ending::Said(format!("REVIEW: demo: wrote `{file}`, but it could not be committed.{answer}"));
            }
            (true, false, false) => format!("demo: wrote `{file}`. This folder is no git repository, so nothing was committed."),
        };
        let word = if review { "REVIEW" } else { "DONE" };
        Ending::Said(format!(
            "{word}: {what} Checked with `test -s {file}`. This was a demo: no model has thought about the ticket.{answer}"
        ))
    }

    fn steps(&mut self, count: u32, every_ms: Option<u64>) {
        let pace = self.pace_ms;
        if let Some(ms) = every_ms {
            self.pace_ms = ms;
        }
        for n in 1..=count {
            self.bash(&format!("echo step {n} of {count}"), "one step");
        }
        self.pace_ms = pace;
    }

    fn write(&mut self, path: &Path, content: &str) -> bool {
        let call = self.call("Write", json!({"file_path": path.to_string_lossy(), "content": content}));
        let outcome = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(path, content));
        let text = match &outcome {
            Ok(()) => format!("File created successfully at: {}", path.display()),
            Err(e) => format!("Error: {e}"),
        };
        self.answer(&call, &text, outcome.is_err());
        outcome.is_ok()
    }

    /// Runs a command of our own making; nothing that a person wrote ever stands in it.
    pub(crate) fn bash(&mut self, command: &str, description: &str) -> bool {
        let call = self.call("Bash", json!({"command": command, "description": description}));
        let (text, ok) = shell(command, &self.cwd);
        self.answer(&call, &text, !ok);
        ok
    }

    fn quiet(&self, command: &str) -> bool {
        let silent = Command::new("sh").args(["-c", command]).current_dir(&self.cwd).stdin(Stdio::null()).output();
        silent.is_ok_and(|o| o.status.success())
    }

    pub(crate) fn init(&mut self, model: &str) {
        let cwd = self.cwd.to_string_lossy().into_owned();
        self.line(json!({"type": "system", "subtype": "init", "cwd": cwd, "tools": ["Bash", "Write"], "model": model,
            "permissionMode": "default", "claude_code_version": VERSION}));
    }

    pub(crate) fn say(&mut self, text: &str) {
        self.assistant(json!({"type": "text", "text": text}));
    }

    fn call(&mut self, name: &str, input: Value) -> String {
        let id = format!("toolu_demo_{}_{}", &self.session[..8], self.said + 1);
        self.assistant(json!({"type": "tool_use", "id": id, "name": name, "input": input}));
        id
    }

    fn answer(&mut self, call: &str, text: &str, is_error: bool) {
        self.line(json!({"type": "user", "message": {"role": "user",
            "content": [{"type": "tool_result", "tool_use_id": call, "content": text, "is_error": is_error}]}, "parent_tool_use_id": null}));
        self.turns += 1;
        pause(Duration::from_millis(self.pace_ms));
    }

    fn assistant(&mut self, block: Value) {
        self.said += 1;
        self.line(json!({"type": "assistant", "message": {"id": self.id("msg"), "type": "message", "role": "assistant", "model": "demo",
            "content": [block], "stop_reason": null, "usage": {"input_tokens": self.tokens, "output_tokens": 0}}, "parent_tool_use_id": null}));
        pause(Duration::from_millis(self.pace_ms));
    }

    fn result(&mut self, mut fields: Value) {
        fields["type"] = json!("result");
        fields["usage"] = json!({"input_tokens": self.tokens, "output_tokens": 0});
        fields["num_turns"] = json!(self.turns + 1);
        fields["total_cost_usd"] = json!(0);
        fields["permission_denials"] = json!([]);
        fields["result_index"] = json!(0);
        fields["queued_turn_count"] = json!(0);
        self.line(fields);
    }

    pub(crate) fn unknown_session(&mut self) -> u8 {
        let why = format!("No conversation found with session ID: {}", self.session);
        eprintln!("{why}");
        self.result(json!({"subtype": "error_during_execution", "is_error": true, "errors": [why]}));
        1
    }

    fn id(&self, kind: &str) -> String {
        format!("{kind}_demo_{}_{}", &self.session[..8], self.said)
    }

    fn line(&mut self, mut value: Value) {
        value["session_id"] = json!(self.session);
        value["uuid"] = json!(uuid::Uuid::new_v4().to_string());
        let mut bytes = value.to_string().into_bytes();
        bytes.push(b'\n');
        // The raw log is a file; should it be full or gone, the work goes on.
        let _ = self.out.write_all(&bytes).and_then(|()| self.out.flush());
    }

    fn memory_file(&self) -> PathBuf {
        self.state.join(format!("{}.json", self.session))
    }

    fn recall(&self) -> Option<Memory> {
        serde_json::from_slice(&std::fs::read(self.memory_file()).ok()?).ok()
    }

    fn remember(&self, memory: &Memory) {
        let write = || {
            std::fs::create_dir_all(&self.state)?;
            let fresh = self.state.join(format!("{}.new", self.session));
            std::fs::write(&fresh, serde_json::to_vec(memory)?)?;
            std::fs::rename(fresh, self.memory_file())
        };
        if let Err(e) = write() {
            eprintln!("demo: the session cannot be remembered: {e}");
        }
    }
}

/// Runs a command of our own making: what it printed, and whether it went well.
pub(crate) fn shell(command: &str, cwd: &Path) -> (String, bool) {
    match Command::new("sh").args(["-c", command]).current_dir(cwd).stdin(Stdio::null()).output() {
        Ok(output) => {
            let mut bytes = output.stdout;
            bytes.extend(output.stderr);
            bytes.truncate(OUTPUT_CAP);
            let text = String::from_utf8_lossy(&bytes).trim_end().to_owned();
            match output.status.code() {
                Some(0) => (text, true),
                Some(code) => (format!("Exit code {code}\n{text}"), false),
                None => (format!("Ended by a signal\n{text}"), false),
            }
        }
        Err(e) => (format!("Error: {e}"), false),
    }
}

#[cfg(test)]
#[path = "agent_tests.rs"]
mod tests;

//! Tasks: what is to run when, as `tasks/NAME.md` says it, and how one due time of it stands. Pure.

pub mod schedule;
#[cfg(test)]
pub(crate) mod schedule_tests;

use crate::domain::ids::TaskRunId;
use crate::domain::inbox::{InboxPriority, Notify};
use crate::domain::task::schedule::{Schedule, span_ms};
use crate::domain::text::{cut_chars, shortened};
use crate::domain::ticket::text_enum;
use crate::domain::time::Time;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The most bytes of a task's file.
pub const FILE_MAX: usize = 256 * 1024;

/// How a task is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskKind {
    /// A command that is waited for.
    Subprocess,
    /// An agent: the body is its prompt.
    Agent,
    /// One question to a model's API: the body is the prompt.
    Api,
    /// A command that may run for long: it holds no slot and has no time limit unless one is written.
    Background,
}
text_enum!(TaskKind { Subprocess = "subprocess", Agent = "agent", Api = "api", Background = "background" });

/// What becomes of due times that nobody was there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MissedPolicy {
    /// The last of them is made up for.
    RunOnce,
    /// None is made up for.
    Skip,
}
text_enum!(MissedPolicy { RunOnce = "run_once", Skip = "skip" });

/// What becomes of a due time while the run before still goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Overlap {
    /// It does not run.
    Skip,
    /// It runs afterwards.
    Queue,
    /// It ends the one before.
    KillOld,
}
text_enum!(Overlap { Skip = "skip", Queue = "queue", KillOld = "kill_old" });

/// Where a task run, one due time of a task, stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskRunState {
    /// Due, and waits for a slot, its jitter, quiet hours to end or a retry's time. The scheduler starts it.
    Waiting,
    /// Has a run folder. The scheduler ends it once its shim's lock is free, or gives it back where no shim began.
    Running,
    /// Ended well. Terminal.
    Ok,
    /// Ended badly. Terminal.
    Failed,
    /// Ended by its time limit. Terminal.
    TimedOut,
    /// Its login or key was refused. Terminal.
    AuthFailed,
    /// Not run: the task was paused, or stopped by hand. Terminal.
    Skipped,
    /// Not run: nobody was there when it was due, and the policy does not make up for it. Terminal.
    Missed,
    /// Not run, or ended early: another run of the same task stood against it. Terminal.
    Overlapped,
    /// Its process vanished without a word. Terminal.
    Lost,
}
text_enum!(TaskRunState {
    Waiting = "waiting", Running = "running", Ok = "ok", Failed = "failed", TimedOut = "timed_out",
    AuthFailed = "auth_failed", Skipped = "skipped", Missed = "missed", Overlapped = "overlapped", Lost = "lost",
});

/// Why a live task run is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StopWanted {
    /// Somebody stopped it.
    ByHand,
    /// The next one of the same task takes its place.
    Overlap,
    /// Its login is refused: no use waiting for the retries.
    Auth,
}
text_enum!(StopWanted { ByHand = "by_hand", Overlap = "overlap", Auth = "auth" });

impl TaskRunState {
    /// Still to be ended.
    #[must_use]
    pub fn is_live(self) -> bool {
        matches!(self, TaskRunState::Waiting | TaskRunState::Running)
    }
}

/// Hours, on the wall of the task's zone, in which it does not begin. Minutes since midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quiet {
    /// They begin.
    pub from: u32,
    /// They end; before `from` where they go over midnight.
    pub until: u32,
}

/// A task that can run.
#[derive(Debug, Clone)]
pub struct Task {
    /// Its name: one word of letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// How.
    pub kind: TaskKind,
    /// When.
    pub schedule: Schedule,
    /// Program and arguments, for commands.
    pub command: Vec<String>,
    /// For agents and the API; none = the default profile.
    pub profile: Option<String>,
    /// Relative to the workspace.
    pub cwd: Option<String>,
    /// Milliseconds; 0 = none.
    pub timeout_ms: i64,
    /// Of its outcome.
    pub priority: InboxPriority,
    /// Policy.
    pub missed: MissedPolicy,
    /// Policy.
    pub overlap: Overlap,
    /// How often a run that failed is tried again.
    pub retries: i64,
    /// Who hears.
    pub notify: Notify,
    /// It is due at all.
    pub enabled: bool,
    /// Added to its environment.
    pub env: BTreeMap<String, String>,
    /// Taken from the server's environment.
    pub env_from: Vec<String>,
    /// Its start is put off by up to so many milliseconds.
    pub jitter_ms: i64,
    /// It does not begin in these hours.
    pub quiet: Option<Quiet>,
    /// What it is for, or the prompt.
    pub body: String,
}

/// One due time of a task, or one run of it by hand, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskRun {
    /// Its number.
    pub id: TaskRunId,
    /// The task's name.
    pub task: String,
    /// When it was due; none for a run by hand.
    pub due_at: Option<Time>,
    /// Who ran it by hand.
    pub author: String,
    /// Where it stands.
    pub state: TaskRunState,
    /// How it is run.
    pub kind: TaskKind,
    /// Which try this is, from 1.
    pub attempt: i64,
    /// Run folders made for it so far.
    pub launches: i64,
    /// It does not begin before.
    pub not_before: Option<Time>,
    /// The profile it began with.
    pub profile: Option<String>,
    /// Its run folder.
    pub run_dir: Option<String>,
    /// Why it is to end.
    pub stop_wanted: Option<StopWanted>,
    /// Its outcome has been told already.
    pub told: bool,
    /// How its process ended.
    pub exit_code: Option<i64>,
    /// By which signal.
    pub signal: Option<i64>,
    /// What there is to say of it.
    pub note: Option<String>,
    /// What it said, bounded, clean and without secrets.
    pub output: String,
    /// How much it said.
    pub output_bytes: i64,
    /// When the row was made.
    pub created_at: Time,
    /// When its process began.
    pub started_at: Option<Time>,
    /// When it ended.
    pub ended_at: Option<Time>,
}

/// Why a task's file is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broken {
    /// The line it stands in, from 1; none where it is about the whole file.
    pub line: Option<i64>,
    /// In words.
    pub reason: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        f.write_str(&self.reason)
    }
}

/// What the front matter may say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Front {
    name: Option<String>,
    schedule: Option<String>,
    every: Option<String>,
    timezone: Option<String>,
    kind: Option<String>,
    command: Option<Command>,
    profile: Option<String>,
    cwd: Option<String>,
    timeout: Option<String>,
    priority: Option<String>,
    missed: Option<String>,
    overlap: Option<String>,
    retries: Option<i64>,
    notify: Option<String>,
    enabled: Option<bool>,
    env: BTreeMap<String, String>,
    env_from: Vec<String>,
    jitter: Option<String>,
    quiet: Option<String>,
}

/// A command: words, or a text that is split like a shell's words (and never run by one).
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Command {
    Words(Vec<String>),
    Text(String),
}

/// Reads a task's file. `stem` is the file's name without `.md`, `zone` the default zone.
///
/// # Errors
/// The line and what is wrong with it.
pub fn parse(text: &str, stem: &str, zone: &str) -> Result<Task, Broken> {
    let whole = |reason: String| Broken { line: None, reason };
    if text.len() > FILE_MAX {
        return Err(whole(format!("the file is larger than {FILE_MAX} bytes")));
    }
    // A lone carriage return ends a line of YAML: one way to count lines, ours and the reader's.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n").replace('\r', "\n");
    if text.contains('\0') {
        return Err(whole("the file holds a NUL character".to_owned()));
    }
    let (front, body) = split(&text)?;
    let bad = |key: &str, reason: String| Broken { line: line_of(front, key), reason };
    let f = read_front(front)?;
    let name = f.name.clone().unwrap_or_else(|| stem.to_owned());
    if !is_name(&name) {
        let reason = format!("the name {:?} must be 1 to 80 letters, digits, '-', '_' or '.'", cut(&name));
        return Err(bad("name", reason));
    }
    let schedule = Schedule::parse(f.schedule.as_deref(), f.every.as_deref(), f.timezone.as_deref().unwrap_or(zone))
        .map_err(|e| bad(e.key, shortened(&e.reason, 400)))?;
    let kind = word::<TaskKind>(front, "kind", f.kind.as_deref(), TaskKind::Subprocess)?;
    let command = command(f.command).map_err(|reason| bad("command", reason))?;
    let asks = matches!(kind, TaskKind::Agent | TaskKind::Api);
    if asks && !command.is_empty() {
        return Err(bad("command", format!("{kind} has no command: its body is the prompt")));
    }
    if !asks && command.is_empty() {
        return Err(bad("kind", format!("{kind} needs a command")));
    }
    if asks && body.trim().is_empty() {
        return Err(bad("kind", format!("{kind} needs a body: it is the prompt")));
    }
    let span = |key: &str, text: Option<&str>, default: i64| {
        text.map_or(Ok(default), |t| span_ms(t).map_err(|reason| bad(key, format!("{key}: {reason}"))))
    };
    for (key, value) in f.env.iter().map(|(k, v)| (k, v.as_str())).chain(f.env_from.iter().map(|k| (k, ""))) {
        if key.is_empty() || key.contains(['=', '\0']) || value.contains('\0') {
            return Err(bad("env", format!("{:?} cannot be an environment variable", cut(key))));
        }
    }
    // Our own secrets are nobody's environment.
    if let Some(key) = f.env_from.iter().find(|k| k.starts_with("MC_") || k.starts_with("TELEGRAM_")) {
        return Err(bad("env_from", format!("{:?} is not given to tasks", cut(key))));
    }
    if let Some(cwd) = &f.cwd
        && (cwd.starts_with('/') || cwd.split('/').any(|part| part == "..") || cwd.contains('\0'))
    {
        return Err(bad("cwd", format!("cwd: {:?} must lie in the workspace", cut(cwd))));
    }
    let retries = f.retries.unwrap_or(0);
    if !(0..=20).contains(&retries) {
        return Err(bad("retries", format!("retries: {retries} is not between 0 and 20")));
    }
    let jitter_ms = span("jitter", f.jitter.as_deref(), 0)?;
    if jitter_ms > 86_400_000 {
        return Err(bad("jitter", "jitter: it is longer than a day".to_owned()));
    }
    let limit = if kind == TaskKind::Background { 0 } else { 3_600_000 };
    Ok(Task {
        name,
        kind,
        schedule,
        command,
        profile: f.profile.clone(),
        cwd: f.cwd.clone(),
        timeout_ms: span("timeout", f.timeout.as_deref(), limit)?,
        priority: word(front, "priority", f.priority.as_deref(), InboxPriority::Normal)?,
        missed: word(front, "missed", f.missed.as_deref(), MissedPolicy::RunOnce)?,
        overlap: word(front, "overlap", f.overlap.as_deref(), Overlap::Skip)?,
        retries,
        notify: word(front, "notify", f.notify.as_deref(), Notify::Inbox)?,
        enabled: f.enabled.unwrap_or(true),
        jitter_ms,
        quiet: f.quiet.as_deref().map(quiet).transpose().map_err(|reason| bad("quiet", reason))?,
        env: f.env,
        env_from: f.env_from,
        body: body.trim().to_owned(),
    })
}

/// A task's file without its ending.
#[must_use]
pub fn stem(file: &str) -> &str {
    file.strip_suffix(".md").unwrap_or(file)
}

impl Task {
    /// Its place among those that wait: 0 goes first.
    #[must_use]
    pub fn rank(&self) -> i64 {
        match self.priority {
            InboxPriority::Critical => 0,
            InboxPriority::Normal => 1,
            InboxPriority::Low => 2,
        }
    }
}

/// Whether a text can name a task: it stands in paths and addresses.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let good = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    // `/tasks/stream` is the list's own.
    (1..=80).contains(&name.chars().count()) && name.chars().all(good) && !name.starts_with(['.', '-']) && name != "stream"
}

/// Front matter and body.
fn split(text: &str) -> Result<(&str, &str), Broken> {
    let at_start = |reason: &str| Broken { line: Some(1), reason: reason.to_owned() };
    let rest = text.strip_prefix("---\n").ok_or_else(|| at_start("the file must begin with a line of three dashes"))?;
    let mut at = 0;
    for line in rest.split_inclusive('\n') {
        if line.trim_end() == "---" {
            return Ok((&rest[..at], &rest[at + line.len()..]));
        }
        at += line.len();
    }
    Err(at_start("the front matter has no end: a second line of three dashes is missing"))
}

fn read_front(front: &str) -> Result<Front, Broken> {
    if front.trim().is_empty() {
        return Ok(Front::default());
    }
    serde_saphyr::from_str(front).map_err(|e| {
        let plain = e.without_snippet();
        let line = plain.location().and_then(|l| i64::try_from(l.line()).ok()).filter(|l| *l > 0);
        let words = plain.to_string();
        let reason = words.lines().next().unwrap_or_default();
        // The place is told beside it.
        let reason = reason.split(" at line ").next().unwrap_or(reason).trim_end_matches(',');
        Broken { line: line.map(|l| l + 1), reason: cut(reason) }
    })
}

/// The line of the file in which a key of the front matter stands.
fn line_of(front: &str, key: &str) -> Option<i64> {
    let stands = |line: &str| {
        let line = line.trim_start().trim_start_matches(['"', '\'']);
        line.strip_prefix(key).is_some_and(|rest| rest.trim_start_matches(['"', '\'']).trim_start().starts_with(':'))
    };
    front.lines().position(stands).and_then(|n| i64::try_from(n + 2).ok())
}

fn word<T: std::str::FromStr>(front: &str, key: &str, text: Option<&str>, default: T) -> Result<T, Broken>
where
    T::Err: std::fmt::Display,
{
    let Some(text) = text else { return Ok(default) };
    text.parse().map_err(|e| Broken { line: line_of(front, key), reason: format!("{key}: {:?} {e}", cut(text)) })
}

fn command(found: Option<Command>) -> Result<Vec<String>, String> {
    let words = match found {
        None => return Ok(Vec::new()),
        Some(Command::Words(words)) => words,
        Some(Command::Text(text)) => shell_words::split(&text).map_err(|e| format!("command: {e}"))?,
    };
    if words.first().is_none_or(|w| w.is_empty()) || words.iter().any(|w| w.contains('\0')) {
        return Err("command: there is no program in it".to_owned());
    }
    Ok(words)
}

/// `22:00-07:00`
fn quiet(text: &str) -> Result<Quiet, String> {
    let minutes = |t: &str| {
        let (h, m) = t.trim().split_once(':')?;
        let (h, m): (u32, u32) = (h.parse().ok()?, m.parse().ok()?);
        (h < 24 && m < 60).then_some(h * 60 + m)
    };
    let read = || {
        let (from, until) = text.split_once('-')?;
        Some(Quiet { from: minutes(from)?, until: minutes(until)? }).filter(|q| q.from != q.until)
    };
    read().ok_or_else(|| format!("quiet: {:?} are no hours: write 22:00-07:00", cut(text)))
}

fn cut(text: &str) -> String {
    let clean: String = text.chars().filter(|c| !c.is_control()).collect();
    match cut_chars(&clean, 160) {
        (kept, true) => format!("{kept}…"),
        (kept, false) => kept.to_owned(),
    }
}

#[cfg(test)]
#[path = "task_tests.rs"]
mod tests;

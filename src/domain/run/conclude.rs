//! The conclusion of a run: from everything that was seen of it to its state, verdict or failure.

use crate::base::text::capitalised;
use crate::domain::ids::TicketId;
use crate::domain::run::failure_patterns;
use crate::domain::run::progress::Progress;
use crate::domain::run::verdict::{SentinelRead, prefix, sentinel, without_sentinel};
use crate::domain::run::{ExitCause, ExitRecord, Failure, FailureCode, RunState, Verdict};
use crate::domain::text::{cut_chars, redact, strip_control};
use crate::domain::ticket::evidence::ReportKind;
use crate::domain::time::Time;

/// A limit without a stated reset is tried again after this.
const LIMIT_PAUSE_MS: i64 = 15 * 60_000;

/// One whose stated reset has just passed, after this.
const PASSED_RESET_MS: i64 = 60_000;

/// A "successful" answer this short, without a tool call, may be the program's own complaint.
const COMPLAINT_CHARS: usize = 200;

/// What an agent reported by command during the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Which command.
    pub kind: ReportKind,
    /// Its words.
    pub text: String,
}

/// All that is known of a run once nothing more can come.
#[derive(Debug, Clone, Copy)]
pub struct Ending<'a> {
    /// The ticket.
    pub ticket: TicketId,
    /// The run's nonce.
    pub nonce: &'a str,
    /// What its lines said.
    pub progress: &'a Progress,
    /// What it reported by command, oldest first.
    pub reports: &'a [Report],
    /// The shim's record; none where the process vanished without one.
    pub exit: Option<&'a ExitRecord>,
    /// Somebody wanted it stopped.
    pub stop_wanted: bool,
    /// We stopped its process because it lingered after its last result: that counts as finished.
    pub lingering_stopped: bool,
    /// It was started to resume a session.
    pub resumed: bool,
    /// Where it had to work.
    pub expected_cwd: Option<&'a str>,
    /// Its raw log is shorter than what was read of it.
    pub log_lost: bool,
    /// The end of what it wrote to stderr.
    pub stderr_tail: &'a str,
    /// The present moment.
    pub now: Time,
}

/// How a run is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conclusion {
    /// Its terminal state.
    pub state: RunState,
    /// The verdict; only of finished runs.
    pub verdict: Option<Verdict>,
    /// What the agent said at the end, for the result comment; the sentinel is removed.
    pub payload: String,
    /// Why it failed; only of failed and lost runs.
    pub failure: Option<Failure>,
    /// What a person should know about how this was judged.
    pub notes: Vec<String>,
}

/// Judges a run. A result that is in order is never thrown away: whatever else went wrong makes it a case for review.
#[must_use]
pub fn conclude(e: &Ending<'_>) -> Conclusion {
    if e.stop_wanted {
        return Conclusion {
            state: RunState::Stopped,
            verdict: None,
            payload: shown(e.progress.answer()),
            failure: None,
            notes: Vec::new(),
        };
    }
    if let Some(failure) = wrong_place(e).or_else(|| complaint(e)) {
        return failed(e, failure);
    }
    if e.progress.ended_well() {
        match trouble(e) {
            Trouble::None => return finished(e, None),
            Trouble::After(what) => return finished(e, Some(what)),
            Trouble::InsideATurn => {}
        }
    }
    if let Some(failure) = reported_failure(e) {
        return failed(e, failure);
    }
    match process_failure(e) {
        Some(failure) => failed(e, failure),
        None => Conclusion {
            state: RunState::Stopped,
            verdict: None,
            payload: shown(e.progress.answer()),
            failure: None,
            notes: vec!["Its process was told to stop.".to_owned()],
        },
    }
}

/// What is wrong beside a result that is in order.
enum Trouble {
    /// Nothing.
    None,
    /// The process ended badly after its result.
    After(String),
    /// The process ended badly inside a further turn: the result is not its last word.
    InsideATurn,
}

fn trouble(e: &Ending<'_>) -> Trouble {
    let what = match e.exit {
        _ if e.log_lost => Some("its raw log is shorter than what was read of it".to_owned()),
        None => Some("its process vanished without an exit record".to_owned()),
        Some(exit) => match exit.cause {
            ExitCause::Exited => match (exit.exit_code, exit.signal) {
                _ if e.lingering_stopped => None,
                (_, Some(signal)) => Some(format!("its process was ended by signal {signal}")),
                (Some(0), None) => None,
                (Some(code), None) => Some(format!("its process ended with exit code {code}")),
                (None, None) => Some("its process left no exit code".to_owned()),
            },
            ExitCause::Stopped if e.lingering_stopped => None,
            ExitCause::Stopped => Some("its process was told to stop".to_owned()),
            ExitCause::SpawnFailed => Some("its shim could not start it".to_owned()),
            ExitCause::Silence => Some("it was silent for too long".to_owned()),
            ExitCause::WallClock => Some("it ran for too long".to_owned()),
            ExitCause::LogCap => Some("its raw log grew past the cap".to_owned()),
        },
    };
    match what {
        None => Trouble::None,
        Some(_) if e.progress.inits > e.progress.results => Trouble::InsideATurn,
        Some(what) => Trouble::After(format!("After its result, {what}: please look.")),
    }
}

fn finished(e: &Ending<'_>, trouble: Option<String>) -> Conclusion {
    let p = e.progress;
    let text = p.answer();
    let mut notes = Vec::new();
    let report = e.reports.iter().filter_map(|r| Some((verdict_of(r.kind)?, r))).min_by_key(|(v, _)| *v);
    let signal = match sentinel(text, e.ticket, e.nonce) {
        SentinelRead::Accepted(verdict, payload) => Some((verdict, payload)),
        SentinelRead::Refused(why) => {
            notes.push(format!("{}.", capitalised(&why)));
            None
        }
        SentinelRead::None => None,
    };
    let said = prefix(text).map(|(verdict, _)| verdict);
    let sources = [report.map(|(v, _)| v), signal.as_ref().map(|(v, _)| *v), said];
    let claimed = sources.iter().flatten().min().copied();
    if sources.iter().flatten().any(|v| Some(*v) != claimed) {
        notes.push("Its report, sentinel and final text disagree: the more cautious counts.".to_owned());
    }
    let mut verdict = claimed.unwrap_or(Verdict::Review);
    if claimed.is_none() {
        notes.push("Its final text begins with none of DONE:, REVIEW: and QUESTION:.".to_owned());
    }
    let mut downgrade = |why: String| {
        verdict = verdict.min(Verdict::Review);
        notes.push(why);
    };
    if let (Some(Verdict::Done), Some(asked)) = (claimed, p.asked) {
        downgrade(format!("It said {asked} earlier in this run, so its DONE goes to review."));
    }
    if claimed == Some(Verdict::Done) && p.tool_uses == 0 {
        downgrade("It says DONE but called no tool at all: please look.".to_owned());
    }
    if let Some(why) = trouble {
        downgrade(why);
    }
    if p.permission_denials > 0 {
        notes.push(format!("{} of its tool calls were not permitted.", p.permission_denials));
    }
    let mut payload = without_sentinel(text).to_owned();
    if payload.trim().is_empty()
        && let Some((_, words)) = &signal
    {
        payload.clone_from(words);
    }
    if let Some((v, report)) = report
        && Some(v) == claimed
        && !report.text.trim().is_empty()
        && !payload.contains(report.text.trim())
    {
        payload = format!("{v}: {}\n\n{payload}", report.text.trim());
    }
    Conclusion { state: RunState::Finished, verdict: Some(verdict), payload: shown(&payload), failure: None, notes }
}

fn verdict_of(kind: ReportKind) -> Option<Verdict> {
    match kind {
        ReportKind::Done => Some(Verdict::Done),
        ReportKind::Review => Some(Verdict::Review),
        ReportKind::Question => Some(Verdict::Question),
        ReportKind::Comment | ReportKind::Evidence => None,
    }
}

fn failed(e: &Ending<'_>, failure: Failure) -> Conclusion {
    let state = if failure.code == FailureCode::Vanished { RunState::Lost } else { RunState::Failed };
    Conclusion { state, verdict: None, payload: shown(e.progress.answer()), failure: Some(failure), notes: Vec::new() }
}

fn failure(code: FailureCode, text: impl Into<String>) -> Failure {
    Failure { code, text: one_line(&text.into(), 600), retry_at: None }
}

/// It worked elsewhere than in its worktree, whatever it says of the result.
fn wrong_place(e: &Ending<'_>) -> Option<Failure> {
    let (wanted, got) = (e.expected_cwd?.trim_end_matches('/'), e.progress.cwd.as_deref()?.trim_end_matches('/'));
    (wanted != got).then(|| failure(FailureCode::WrongPlace, format!("it worked in {got} instead of its worktree {wanted}")))
}

/// Some versions print "Not logged in" or "usage limit reached" as an answer in good order.
fn complaint(e: &Ending<'_>) -> Option<Failure> {
    let text = e.progress.answer();
    if !e.progress.ended_well() || e.progress.tool_uses > 0 || prefix(text).is_some() || text.chars().count() > COMPLAINT_CHARS {
        return None;
    }
    let code = failure_patterns::by_text(text)?;
    matches!(code, FailureCode::AuthFailure | FailureCode::RateLimit | FailureCode::Billing).then(|| with_reset(e, code, text))
}

/// The failure that the agent itself told of, in its stream or on stderr.
fn reported_failure(e: &Ending<'_>) -> Option<Failure> {
    let p = e.progress;
    let bad = p.last.as_ref().filter(|r| r.is_error || r.api_error_status.is_some());
    let words = bad.map(|r| match (&r.text, r.errors.is_empty()) {
        (Some(text), true) => text.clone(),
        (Some(text), false) => format!("{text} {}", r.errors.join("; ")),
        (None, _) => r.errors.join("; "),
    });
    let words = words.unwrap_or_default();
    if failure_patterns::unknown_session(&words) || (p.results == 0 && failure_patterns::unknown_session(e.stderr_tail)) {
        let text = if failure_patterns::unknown_session(&words) { words.as_str() } else { e.stderr_tail };
        let code = if e.resumed { FailureCode::UnknownSession } else { FailureCode::AgentError };
        return Some(failure(code, text));
    }
    if p.inits == 0 && p.results == 0 && failure_patterns::root_refused(e.stderr_tail) {
        return Some(failure(
            FailureCode::Refused,
            "the agent refuses bypassed permissions as root: set IS_SANDBOX=1 in the profile's env if this machine is a sandbox, \
             or run the server as another user",
        ));
    }
    if let Some(last) = bad {
        if last.subtype.starts_with("error_max_") || matches!(last.terminal_reason.as_deref(), Some("max_turns" | "max_budget")) {
            return Some(failure(FailureCode::TurnLimit, words));
        }
        let api = p.api_error.as_ref();
        let code = api
            .and_then(|a| failure_patterns::by_kind(&a.kind))
            .or_else(|| last.api_error_status.and_then(failure_patterns::by_status))
            .or_else(|| api.and_then(|a| a.status).and_then(failure_patterns::by_status))
            .or_else(|| failure_patterns::by_text(&words));
        if let Some(code) = code {
            return Some(with_reset(e, code, &words));
        }
        if last.terminal_reason.as_deref().is_some_and(|r| r.starts_with("aborted")) || words.contains("interrupted by user") {
            // What it says of itself then is for its own makers only.
            return Some(failure(FailureCode::Interrupted, "it was interrupted in the middle of its turn"));
        }
        return Some(failure(FailureCode::AgentError, or_else(&words, "it reported an error without saying which")));
    }
    if p.auth_suspect {
        let text = p.api_error.as_ref().or(p.last_retry.as_ref()).map_or("", |a| a.text.as_str());
        return Some(failure(FailureCode::AuthFailure, or_else(text, "the model's service refuses its login")));
    }
    let pending = p.api_error.as_ref().or(p.last_retry.as_ref())?;
    let code = failure_patterns::by_kind(&pending.kind).or_else(|| pending.status.and_then(failure_patterns::by_status))?;
    Some(with_reset(e, code, &pending.text))
}

/// The failure that only the process shows. None = it was told to stop.
fn process_failure(e: &Ending<'_>) -> Option<Failure> {
    let lost = || failure(FailureCode::LogLost, "its raw log is shorter than what was read of it (power loss?)");
    let Some(exit) = e.exit else {
        if e.log_lost {
            return Some(lost());
        }
        return Some(failure(FailureCode::Vanished, "its process vanished without an exit record"));
    };
    let told = exit.text.as_deref().unwrap_or("");
    let (code, text) = match exit.cause {
        ExitCause::SpawnFailed => (FailureCode::SpawnFailed, or_else(told, "its program could not be started")),
        ExitCause::Silence => (FailureCode::Silence, or_else(told, "no output for longer than the silence limit")),
        ExitCause::WallClock => (FailureCode::WallClock, or_else(told, "it ran longer than the wall-clock limit")),
        ExitCause::LogCap => (FailureCode::LogCap, or_else(told, "its raw log grew past the cap")),
        ExitCause::Stopped => return None,
        ExitCause::Exited if e.log_lost => return Some(lost()),
        ExitCause::Exited => match (exit.exit_code, exit.signal) {
            (_, Some(signal)) => {
                (FailureCode::Killed, format!("its process was ended by signal {signal}{}", signal_words(signal)))
            }
            // A program may catch the signal, or a wrapper report it, as 128 + n.
            (Some(code @ (129 | 130 | 134 | 137 | 139 | 143)), None) => {
                (FailureCode::Killed, format!("its process ended with exit code {code}{}", signal_words(code - 128)))
            }
            (Some(0), None) => (FailureCode::NoResult, with_stderr("it ended without a result", e.stderr_tail)),
            (Some(code), None) => {
                (FailureCode::ExitCode, with_stderr(&format!("it ended with exit code {code} and no result"), e.stderr_tail))
            }
            (None, None) => (FailureCode::NoResult, with_stderr("it ended without a result or an exit code", e.stderr_tail)),
        },
    };
    Some(failure(code, text))
}

fn signal_words(signal: i32) -> &'static str {
    match signal {
        9 => " (SIGKILL: out of memory, or somebody's kill -9)",
        15 => " (SIGTERM from outside)",
        2 => " (SIGINT from outside)",
        6 => " (SIGABRT: it crashed)",
        11 => " (SIGSEGV: it crashed)",
        _ => "",
    }
}

fn with_reset(e: &Ending<'_>, code: FailureCode, text: &str) -> Failure {
    let mut failure = failure(code, or_else(text, "the model's service refused"));
    if code == FailureCode::RateLimit {
        let told = e.progress.limit_reset_at.or_else(|| failure_patterns::reset_time(text, e.now));
        failure.retry_at = Some(match told {
            Some(at) if at > e.now => at,
            // It has come while the agent ended, or the clocks differ: soon, but not at once again and again.
            Some(at) if e.now.since(at) < LIMIT_PAUSE_MS => e.now.plus_ms(PASSED_RESET_MS),
            Some(_) | None => e.now.plus_ms(LIMIT_PAUSE_MS),
        });
    }
    failure
}

fn with_stderr(text: &str, stderr: &str) -> String {
    let tail: Vec<&str> = stderr.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    match tail.len() {
        0 => text.to_owned(),
        n => format!("{text}; the last it said on stderr: {}", tail[n.saturating_sub(3)..].join(" · ")),
    }
}

fn or_else(text: &str, other: &str) -> String {
    if text.trim().is_empty() { other.to_owned() } else { text.trim().to_owned() }
}

fn one_line(text: &str, max: usize) -> String {
    let clean = redact(&strip_control(text));
    let words = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    let (cut, more) = cut_chars(&words, max);
    if more { format!("{cut}…") } else { words }
}

fn shown(text: &str) -> String {
    redact(&strip_control(without_sentinel(text))).trim().to_owned()
}

#[cfg(test)]
#[path = "conclude_tests.rs"]
mod tests;

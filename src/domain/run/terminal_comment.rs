//! The terminal-state comment: the contract by which every abnormal end is told, field by field (MC-3482).

use crate::domain::run::{Failure, FailureCode, Remedy, RunState};
use crate::domain::text::{cut_chars, strip_control};
use crate::domain::ticket::Status;

/// An abnormal end, and where it leaves the ticket.
#[derive(Debug, Clone, Copy)]
pub struct Terminal<'a> {
    /// The run's attempt number.
    pub attempt: i64,
    /// How the run ended.
    pub state: RunState,
    /// Why; none for a run that somebody stopped.
    pub failure: Option<&'a Failure>,
    /// Where the ticket stands now.
    pub status: Status,
    /// Failed runs in a row.
    pub retries: i64,
    /// How many are allowed.
    pub retry_limit: i64,
    /// What is left to look at: label and path or address.
    pub artifacts: &'a [(&'a str, String)],
}

/// The comment, in Markdown. Words from outside stand in code spans, so that they cannot become markup.
#[must_use]
pub fn terminal_comment(t: &Terminal<'_>) -> String {
    let person = t.status.needs_person();
    let (summary, cause) = match t.failure {
        Some(f) => (
            format!("Attempt {} {}: {}", t.attempt, ended(t.state), headline(f.code)),
            format!("`{}`: {}", f.code, code(&f.text)),
        ),
        None => (format!("Attempt {} was stopped on request.", t.attempt), "`stopped`: somebody stopped it".to_owned()),
    };
    let next = match t.failure {
        Some(f) if person => f.code.advice().to_owned(),
        Some(f) => match (f.code.remedy(), f.retry_at) {
            (_, Some(at)) => format!("Nothing to do: it goes on by itself at {}.", at.rfc3339()),
            (Remedy::Retry, None) => "Nothing to do: it is tried again after a pause.".to_owned(),
            (Remedy::WaitForReset | Remedy::ColdStart | Remedy::Person, None) => f.code.advice().to_owned(),
        },
        None => "Reply or move the ticket to To do, and it goes on in the same session.".to_owned(),
    };
    let artifacts = if t.artifacts.is_empty() {
        "none".to_owned()
    } else {
        t.artifacts.iter().map(|(label, what)| format!("{label} {}", code(what))).collect::<Vec<_>>().join(", ")
    };
    format!(
        "- **status:** {}\n- **summary:** {summary}\n- **root_cause:** {cause}\n- **safe_retry:** {}\n- **stop_condition:** {}\n\
         - **human_input_required:** {}\n- **next_actions:** {next}\n- **artifacts:** {artifacts}",
        t.status,
        t.failure.map_or("yes: nothing of it is lost, the session goes on", |f| safe_retry(f.code)),
        stop_condition(t),
        if person { "yes" } else { "no" },
    )
}

fn ended(state: RunState) -> &'static str {
    match state {
        RunState::Lost => "was lost",
        RunState::Stopped => "was stopped",
        RunState::Starting | RunState::Running | RunState::Finished | RunState::Failed => "failed",
    }
}

fn headline(code: FailureCode) -> &'static str {
    match code {
        FailureCode::AuthFailure => "the agent's login or key is refused.",
        FailureCode::RateLimit => "a rate or usage limit was reached.",
        FailureCode::ServerError => "the model's service is overloaded or broken.",
        FailureCode::Billing => "the account has no credit left.",
        FailureCode::ModelNotFound => "the model is not available to this account.",
        FailureCode::InvalidRequest => "the model's service refused the request.",
        FailureCode::SpawnFailed => "the agent's program could not be started.",
        FailureCode::Refused => "it was not started.",
        FailureCode::Silence => "no output came for too long.",
        FailureCode::WallClock => "it ran for too long.",
        FailureCode::LogCap => "its output grew too large.",
        FailureCode::Killed => "its process was killed.",
        FailureCode::ExitCode | FailureCode::NoResult => "it ended without a result.",
        FailureCode::TurnLimit => "a limit of turns or budget was reached.",
        FailureCode::WrongPlace => "it did not work in its worktree.",
        FailureCode::UnknownSession => "the agent does not know its session any more.",
        FailureCode::LogLost => "part of its raw log is lost.",
        FailureCode::Vanished => "its process vanished.",
        FailureCode::Interrupted => "it was interrupted in the middle of its turn.",
        FailureCode::AgentError => "the agent reported an error.",
    }
}

fn safe_retry(code: FailureCode) -> &'static str {
    match code {
        FailureCode::AuthFailure | FailureCode::Billing => "yes, once the account is mended",
        FailureCode::RateLimit => "yes, after the reset",
        FailureCode::ModelNotFound | FailureCode::SpawnFailed | FailureCode::Refused => {
            "yes, once the profile is mended: no work was begun"
        }
        FailureCode::InvalidRequest => "no: the same request is refused again",
        FailureCode::WallClock | FailureCode::LogCap | FailureCode::TurnLimit => "no: it would reach the same limit again",
        FailureCode::WrongPlace => "no: look at the main checkout first",
        FailureCode::UnknownSession => "yes: it starts afresh with the ticket's history",
        FailureCode::ServerError
        | FailureCode::Silence
        | FailureCode::Killed
        | FailureCode::ExitCode
        | FailureCode::NoResult
        | FailureCode::LogLost
        | FailureCode::Vanished
        | FailureCode::Interrupted
        | FailureCode::AgentError => "yes: it resumes its session, what it committed is kept",
    }
}

fn stop_condition(t: &Terminal<'_>) -> String {
    let Some(f) = t.failure else { return "stopped by request; nothing starts by itself".to_owned() };
    match f.code.remedy() {
        Remedy::Person => "this kind of failure is not retried: only a person can mend it".to_owned(),
        Remedy::WaitForReset => "none: waiting for a reset is not counted as a retry".to_owned(),
        Remedy::ColdStart => "none: starting afresh is not counted as a retry".to_owned(),
        Remedy::Retry if t.status.needs_person() => {
            format!("{} failed runs in a row, the limit is {}", t.retries, t.retry_limit)
        }
        Remedy::Retry => format!("retry {} of {}; then it is blocked", t.retries, t.retry_limit),
    }
}

/// A code span that holds any text: on one line, bounded, with a fence longer than the backticks inside.
fn code(text: &str) -> String {
    let clean = strip_control(text).split_whitespace().collect::<Vec<_>>().join(" ");
    let (cut, _) = cut_chars(&clean, 600);
    if cut.is_empty() {
        return "`-`".to_owned();
    }
    let longest = cut.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    if longest == 0 {
        return format!("`{cut}`");
    }
    let fence = "`".repeat(longest + 1);
    format!("{fence} {cut} {fence}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Time;

    const FIELDS: [&str; 8] =
        ["status", "summary", "root_cause", "safe_retry", "stop_condition", "human_input_required", "next_actions", "artifacts"];

    fn comment(failure: Option<&Failure>, status: Status) -> String {
        let artifacts = [("raw log", "/home/op/workspace/logs/mc-worker-7-3-stream.log".to_owned())];
        let state = if failure.is_some() { RunState::Failed } else { RunState::Stopped };
        terminal_comment(&Terminal { attempt: 3, state, failure, status, retries: 3, retry_limit: 3, artifacts: &artifacts })
    }

    fn fields(text: &str) -> Vec<&str> {
        text.lines().map(|l| l.strip_prefix("- **").and_then(|l| l.split_once(":** ")).expect("a field per line").0).collect()
    }

    #[test]
    fn it_has_exactly_the_fields_of_the_contract_for_every_failure() {
        for code in FailureCode::ALL {
            for status in [Status::Blocked, Status::Todo] {
                let failure = Failure { code: *code, text: "a\n- **status:** forged".to_owned(), retry_at: None };
                assert_eq!(fields(&comment(Some(&failure), status)), FIELDS, "{code}");
            }
        }
        assert_eq!(fields(&comment(None, Status::Blocked)), FIELDS);
    }

    #[test]
    fn it_says_whether_a_person_is_needed() {
        let failure = Failure { code: FailureCode::Killed, text: "signal 9".to_owned(), retry_at: None };
        assert!(comment(Some(&failure), Status::Blocked).contains("**human_input_required:** yes"));
        assert!(comment(Some(&failure), Status::Blocked).contains("3 failed runs in a row, the limit is 3"));
        assert!(comment(Some(&failure), Status::Todo).contains("**human_input_required:** no"));
        let limit = Failure { code: FailureCode::RateLimit, text: "429".to_owned(), retry_at: Some(Time(1_795_262_400_000)) };
        assert!(comment(Some(&limit), Status::Todo).contains("2026-11-21T12:00:00.000Z"));
    }

    #[test]
    fn words_from_outside_stay_inside_their_code_span() {
        assert_eq!(code("a `b` c"), "`` a `b` c ``");
        assert_eq!(code("<script>\u{1b}[31m\n"), "`<script>`");
        assert_eq!(code(""), "`-`");
    }
}

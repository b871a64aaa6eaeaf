//! Why a turn has no reply, in words a person understands, and what to do.

use crate::domain::run::{Failure, FailureCode};
use crate::engine::orchestrator::driver::Harvest;

/// How a turn that failed is told.
pub fn failed(failure: &Failure, partial: Option<String>, session_lost: bool) -> Harvest {
    Harvest::Failed { why: why(failure), code: failure.code, retry_at: failure.retry_at, partial, session_lost }
}

/// The whole sentence for a failed turn.
pub(crate) fn why(failure: &Failure) -> String {
    let seen = failure.text.trim().trim_end_matches('.');
    let head = match failure.code {
        FailureCode::AuthFailure => "The agent's login is refused",
        FailureCode::RateLimit => "A usage limit is reached",
        FailureCode::ServerError => "The model's service is overloaded or broken",
        FailureCode::Billing => "There is no credit left",
        FailureCode::ModelNotFound => "The model does not exist for this account",
        FailureCode::InvalidRequest => "The model's service refused the message",
        FailureCode::SpawnFailed => "The agent could not be started",
        FailureCode::Refused => "The agent must not be started like this",
        FailureCode::Silence => "She said nothing for too long and was ended",
        FailureCode::WallClock => "She took too long and was ended",
        FailureCode::LogCap => "She wrote more than is allowed and was ended",
        FailureCode::Killed | FailureCode::Vanished => "Killed while she answered",
        FailureCode::ExitCode | FailureCode::NoResult => "She ended without an answer",
        FailureCode::TurnLimit => "A limit of turns or budget was reached",
        FailureCode::UnknownSession => "Her conversation is not known to the agent any more",
        FailureCode::Interrupted => "She was interrupted while she answered",
        FailureCode::WrongPlace | FailureCode::LogLost | FailureCode::AgentError => "The agent reported an error",
    };
    format!("{head}: {seen}. {}", what_to_do(failure.code))
}

/// What a person can do about it.
fn what_to_do(code: FailureCode) -> &'static str {
    match code {
        FailureCode::AuthFailure => "Log the agent in again, or mend its key in the profile; then press Retry.",
        FailureCode::RateLimit => "Press Retry when the limit has reset, or switch to another profile.",
        FailureCode::ServerError => "Wait a little and press Retry, or switch to another profile.",
        FailureCode::Billing => "Add credit to the account, then press Retry.",
        FailureCode::ModelNotFound => "Name a model this account may use in the profile, then press Retry.",
        FailureCode::InvalidRequest => "Shorten the message, or put it into a file of the workspace and name that.",
        FailureCode::SpawnFailed => {
            "Install its program or correct `command` in the profile (`mission-control doctor` shows what is missing), then press Retry."
        }
        FailureCode::Refused => "Do what the reason says, then press Retry.",
        FailureCode::Silence => "Press Retry; where that is her way of working, raise `silence_limit` in the profile.",
        FailureCode::WallClock => "Ask for less at once, or raise `wall_clock_limit` in the profile, then press Retry.",
        FailureCode::LogCap => "Ask for less output, or raise `log_cap` in the profile, then press Retry.",
        FailureCode::TurnLimit => "Ask for less at once, or raise the limit, then press Retry.",
        FailureCode::UnknownSession => "A fresh conversation begins by itself.",
        FailureCode::Killed | FailureCode::Vanished => {
            "Check the machine (memory, a restart), then press Retry: she remembers what came before."
        }
        FailureCode::ExitCode
        | FailureCode::NoResult
        | FailureCode::LogLost
        | FailureCode::WrongPlace
        | FailureCode::Interrupted
        | FailureCode::AgentError => "Press Retry; if it comes again, read the end of the turn's log.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_was_seen_and_what_to_do() {
        let failure =
            Failure { code: FailureCode::Killed, text: "its process was ended by signal 9 (SIGKILL)".to_owned(), retry_at: None };
        let words = why(&failure);
        assert!(words.starts_with("Killed while she answered: its process was ended by signal 9"), "{words}");
        assert!(words.contains("Retry"), "{words}");
    }
}

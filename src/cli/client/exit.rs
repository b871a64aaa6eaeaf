//! How a command ended: the exit code that says so, and why something was not done.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It was done.
    Ok,
    /// It was not.
    Failure,
    /// It was asked for wrongly.
    Usage,
    /// Not now, or not yet.
    Busy,
}

impl Exit {
    /// The process's exit code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Exit::Ok => 0,
            Exit::Failure => 1,
            Exit::Usage => 2,
            Exit::Busy => 3,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// Why something was not done.
#[derive(Debug, Clone)]
pub struct Failure {
    /// How the program ends.
    pub exit: Exit,
    /// In words.
    pub text: String,
    /// Nothing answered.
    pub unreachable: bool,
}

impl Failure {
    /// It was not done.
    #[must_use]
    pub fn plain(text: impl Into<String>) -> Failure {
        Failure { exit: Exit::Failure, text: text.into(), unreachable: false }
    }

    /// It was asked for wrongly.
    #[must_use]
    pub fn usage(text: impl Into<String>) -> Failure {
        Failure { exit: Exit::Usage, text: text.into(), unreachable: false }
    }

    /// Nothing answered.
    #[must_use]
    pub fn unreachable(text: impl Into<String>) -> Failure {
        Failure { exit: Exit::Failure, text: text.into(), unreachable: true }
    }
}

impl From<std::io::Error> for Failure {
    fn from(e: std::io::Error) -> Failure {
        Failure::plain(format!("cannot be written: {e}"))
    }
}

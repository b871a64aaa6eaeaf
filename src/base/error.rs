//! Domain errors: five words that every floor speaks; one place in `web` maps them to a status and a page.

use serde::Serialize;

/// What is wrong with one field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The field's name as sent.
    pub field: String,
    /// What is wrong, to be read after the field's name.
    pub message: String,
}

/// Why something was not done. Nothing was changed when one of these comes back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No such thing; says what was looked for.
    #[error("{0} does not exist")]
    NotFound(String),
    /// The request is malformed: field by field.
    #[error("{}", invalid_text(.0))]
    Invalid(Vec<FieldError>),
    /// It contradicts what is stored now (illegal move, stale version, key used for something else).
    #[error("{0}")]
    Conflict(String),
    /// Not now: try again later.
    #[error("{0}")]
    Busy(String),
    /// Not allowed for whoever asks.
    #[error("{0}")]
    Denied(String),
    /// A fault of ours or of the machine. The text is for the log and the operator, never for a stranger.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    /// One field that is wrong.
    pub fn field(field: &str, message: impl Into<String>) -> Error {
        Error::Invalid(vec![FieldError { field: field.to_owned(), message: message.into() }])
    }

    /// Something that is not there.
    pub fn not_found(what: impl std::fmt::Display) -> Error {
        Error::NotFound(what.to_string())
    }
}

fn invalid_text(fields: &[FieldError]) -> String {
    fields.iter().map(|f| format!("{} {}", f.field, f.message)).collect::<Vec<_>>().join("; ")
}

impl From<rusqlite::Error> for Error {
    fn from(e: rusqlite::Error) -> Self {
        match &e {
            // What somebody asked for and is not there is said so where it is looked for, by its name.
            rusqlite::Error::QueryReturnedNoRows => Error::Internal("a row that must be there is missing".to_owned()),
            rusqlite::Error::SqliteFailure(f, _)
                if matches!(f.code, rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) =>
            {
                Error::Busy("the database is locked by another program".to_owned())
            }
            rusqlite::Error::SqliteFailure(f, _) if f.code == rusqlite::ErrorCode::DiskFull => {
                Error::Busy("the disk is full: nothing was changed".to_owned())
            }
            rusqlite::Error::SqliteFailure(f, _) if f.code == rusqlite::ErrorCode::ReadOnly => {
                Error::Busy("the database cannot be written (read-only): nothing was changed".to_owned())
            }
            rusqlite::Error::SqliteFailure(f, _)
                if matches!(f.code, rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) =>
            {
                Error::Internal(format!("the database is damaged ({e}): restore the last backup"))
            }
            other => Error::Internal(format!("database: {other}")),
        }
    }
}

impl From<std::io::Error> for Error {
    fn from(e: std::io::Error) -> Self {
        Error::Internal(format!("file: {e}"))
    }
}

/// The result of nearly everything here.
pub type Result<T> = std::result::Result<T, Error>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_is_missing_inside_is_a_fault_of_ours_and_nobodys_wrong_address() {
        assert!(matches!(Error::from(rusqlite::Error::QueryReturnedNoRows), Error::Internal(_)));
    }
}

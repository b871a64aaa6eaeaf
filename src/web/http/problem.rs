//! The one place that turns an error into an HTTP answer: a status, and problem details that name the field and the reason.

use crate::base::error::{Error, FieldError};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use std::fmt;

/// Problem details as sent. Pages find it among the response's extensions and dress it.
#[derive(Debug, Clone, Serialize)]
pub struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What happened, in a sentence.
    pub detail: String,
    /// Field by field, where the request was malformed.
    pub errors: Vec<FieldError>,
    /// What to do now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    #[serde(skip)]
    retry_after: Option<u32>,
}

impl Problem {
    /// A problem of any status.
    #[must_use]
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Problem {
        Problem {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.into(),
            errors: Vec::new(),
            next: None,
            retry_after: None,
        }
    }

    /// With the fields that are wrong.
    #[must_use]
    pub fn with_errors(self, errors: Vec<FieldError>) -> Problem {
        Problem { errors, ..self }
    }

    /// With what to do now.
    #[must_use]
    pub fn with_next(self, next: impl Into<String>) -> Problem {
        Problem { next: Some(next.into()), ..self }
    }

    /// With a time after which trying again makes sense.
    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Problem {
        Problem { retry_after: Some(seconds), ..self }
    }

    /// The status as a type.
    #[must_use]
    pub fn code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// As an answer.
    #[must_use]
    pub fn response(&self) -> HttpResponse {
        let body = serde_json::to_string(self).expect("plain fields always serialize");
        let mut answer = HttpResponse::build(self.code());
        answer.content_type("application/problem+json");
        if let Some(seconds) = self.retry_after {
            answer.insert_header((header::RETRY_AFTER, seconds.to_string()));
        }
        if self.status == 401 {
            answer.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"mission-control\""));
        }
        let mut answer = answer.body(body);
        answer.extensions_mut().insert(self.clone());
        answer
    }
}

/// The status of each of the domain's words.
#[must_use]
pub fn status_of(error: &Error) -> StatusCode {
    match error {
        Error::NotFound(_) => StatusCode::NOT_FOUND,
        Error::Invalid(_) => StatusCode::BAD_REQUEST,
        Error::Conflict(_) => StatusCode::CONFLICT,
        Error::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
        Error::Denied(_) => StatusCode::FORBIDDEN,
        Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<Error> for Problem {
    /// Logs a fault of ours: this is where it ends.
    fn from(error: Error) -> Problem {
        let status = status_of(&error);
        match error {
            Error::Internal(text) => {
                tracing::error!(error = %text, "a request failed inside");
                Problem::new(status, "Internal error")
                    .with_next("Try again; if it stays, look into the server's log and run `mission-control doctor`.")
            }
            Error::Invalid(fields) => {
                let detail = Error::Invalid(fields.clone()).to_string();
                Problem::new(status, detail).with_errors(fields)
            }
            Error::Busy(text) => Problem::new(status, text).retry_after(2),
            Error::NotFound(_) | Error::Conflict(_) | Error::Denied(_) => Problem::new(status, error.to_string()),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.title, self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.code()
    }

    fn error_response(&self) -> HttpResponse {
        self.response()
    }
}

/// A domain error on its way out of a JSON handler.
#[derive(Debug)]
pub struct ApiError(pub Error);

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> ApiError {
        ApiError(error)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        status_of(&self.0)
    }

    fn error_response(&self) -> HttpResponse {
        Problem::from(self.0.clone()).response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_ours_tells_a_stranger_nothing() {
        let problem = Problem::from(Error::Internal("database: /home/op/secret.db is malformed".to_owned()));
        assert_eq!(problem.status, 500);
        assert!(!serde_json::to_string(&problem).expect("serializes").contains("secret"));
        assert!(problem.next.is_some());
    }

    #[test]
    fn each_word_has_its_status() {
        let of = |e: Error| status_of(&e).as_u16();
        assert_eq!(of(Error::not_found("x")), 404);
        assert_eq!(of(Error::field("title", "is empty")), 400);
        assert_eq!(of(Error::Conflict(String::new())), 409);
        assert_eq!(of(Error::Busy(String::new())), 503);
        assert_eq!(of(Error::Denied(String::new())), 403);
    }
}

//! What stands in the address: identifiers in the path, and the query read parameter by parameter.

use crate::base::error::{Error, FieldError, Result};
use crate::domain::ids::{RunId, TicketId};
use crate::web::http::problem::Problem;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use std::future::{Ready, ready};
use std::str::FromStr;

/// The ticket a path names, as `MC-12` or `12`.
pub struct Identifier(pub TicketId);

impl FromRequest for Identifier {
    type Error = Problem;
    type Future = Ready<std::result::Result<Identifier, Problem>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let text = req.match_info().get("identifier").unwrap_or_default();
        ready(text.parse().map(Identifier).map_err(|e| {
            let shown: String = text.chars().filter(|c| !c.is_control()).take(40).collect();
            Problem::from(Error::field("identifier", format!("{shown:?} {e}")))
        }))
    }
}

/// The run a path names by its number.
pub struct RunNumber(pub RunId);

impl FromRequest for RunNumber {
    type Error = Problem;
    type Future = Ready<std::result::Result<RunNumber, Problem>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let text = req.match_info().get("id").unwrap_or_default();
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        ready(match text.parse::<i64>() {
            Ok(n) if digits && n > 0 => Ok(RunNumber(RunId(n))),
            Ok(_) | Err(_) => Err(Problem::from(Error::field("id", "is no run number"))),
        })
    }
}

/// What a path names by its number: a turn, a proposal.
#[derive(Clone, Copy)]
pub struct Number(pub i64);

impl FromRequest for Number {
    type Error = Problem;
    type Future = Ready<std::result::Result<Number, Problem>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let text = req.match_info().get("id").unwrap_or_default();
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        ready(match text.parse::<i64>() {
            Ok(n) if digits && n > 0 => Ok(Number(n)),
            Ok(_) | Err(_) => Err(Problem::from(Error::field("id", "is no number of one"))),
        })
    }
}

/// A query: parameters are taken out one by one.
pub struct Params {
    pairs: Vec<(String, String)>,
    errors: Vec<FieldError>,
}

impl Params {
    /// A parameter as it stands there; an empty one counts as missing.
    pub fn text(&mut self, name: &str) -> Option<String> {
        let mut found = Vec::new();
        self.pairs.retain(|(n, value)| {
            if n == name {
                found.push(value.clone());
            }
            n != name
        });
        if found.len() > 1 {
            self.wrong(name, "stands there twice");
        }
        found.pop().filter(|v| !v.is_empty())
    }

    /// A parameter of some kind.
    pub fn word<T>(&mut self, name: &str) -> Option<T>
    where
        T: FromStr,
        T::Err: std::fmt::Display,
    {
        let text = self.text(name)?;
        match text.parse() {
            Ok(word) => Some(word),
            Err(e) => {
                self.wrong(name, format!("{e}"));
                None
            }
        }
    }

    /// How many to list: 50 unless said, between 1 and 200.
    pub fn limit(&mut self) -> usize {
        self.limit_said().unwrap_or(50)
    }

    /// How many to list where that is said, between 1 and 200.
    pub fn limit_said(&mut self) -> Option<usize> {
        let asked = self.word::<i64>("limit")?;
        usize::try_from(asked.clamp(1, 200)).ok()
    }

    /// A cursor that is a number: `after`, or `cursor` as lists call it.
    pub fn after(&mut self) -> Option<i64> {
        let found = self.word::<i64>("after");
        let found = found.or(self.word::<i64>("cursor"));
        if found.is_some_and(|n| n < 0) {
            self.wrong("after", "is no cursor");
            return None;
        }
        found
    }

    /// Notes what is wrong with a parameter.
    pub fn wrong(&mut self, name: &str, message: impl Into<String>) {
        self.errors.push(FieldError { field: name.to_owned(), message: message.into() });
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// Everything that was found wrong, and what was not asked for.
    pub fn finish(mut self) -> Result<()> {
        for (name, _) in std::mem::take(&mut self.pairs) {
            let short: String = name.chars().take(60).collect();
            self.wrong(&short, "is not known here");
        }
        if self.errors.is_empty() { Ok(()) } else { Err(Error::Invalid(self.errors)) }
    }
}

impl FromRequest for Params {
    type Error = Problem;
    type Future = Ready<std::result::Result<Params, Problem>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let read = web::Query::<Vec<(String, String)>>::from_query(req.query_string());
        ready(match read {
            Ok(pairs) => Ok(Params { pairs: pairs.into_inner(), errors: Vec::new() }),
            Err(e) => Err(Problem::from(Error::field("query", e.to_string()))),
        })
    }
}

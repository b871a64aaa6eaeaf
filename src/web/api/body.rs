//! A JSON body read field by field, so that everything that is wrong with it is told at once; and its repeat key.

use crate::base::error::{Error, FieldError, Result};
use crate::domain::ids::TicketId;
use crate::store::db::idempotency;
use crate::web::http::problem::Problem;
use actix_web::dev::Payload;
use actix_web::http::{StatusCode, header};
use actix_web::{FromRequest, HttpRequest};
use futures_util::StreamExt;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::str::FromStr;
use std::time::Duration;

/// The most bytes of a body.
pub const LIMIT: usize = 1024 * 1024;
/// A longer body is still read to its end, up to here, so that its sender hears the answer.
const DRAIN: usize = 16 * LIMIT;
/// A body arrives within this time.
const PATIENCE: Duration = Duration::from_secs(60);
/// The most characters of a description, message or comment.
pub const LONGEST_TEXT: usize = 200_000;

/// A body: an object whose fields are taken out one by one.
pub struct Body {
    fields: Map<String, Value>,
    errors: Vec<FieldError>,
    key: Option<String>,
    hash: String,
}

impl Body {
    /// The key under which this request is done once only.
    #[must_use]
    pub fn key(&self) -> Option<String> {
        self.key.clone()
    }

    /// What stands for the body's bytes.
    #[must_use]
    pub fn hash(&self) -> String {
        self.hash.clone()
    }

    /// Whether a field was sent, be it as null.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// Whether a field was sent as null.
    #[must_use]
    pub fn is_null(&self, name: &str) -> bool {
        self.fields.get(name).is_some_and(Value::is_null)
    }

    /// A text that stays where it is, to be checked and taken by another.
    #[must_use]
    pub fn peek(&self, name: &str) -> Option<&str> {
        self.fields.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// Whether something was found wrong with a field.
    #[must_use]
    pub fn is_wrong(&self, name: &str) -> bool {
        self.errors.iter().any(|e| e.field == name)
    }

    /// Notes what is wrong with a field.
    pub fn wrong(&mut self, name: &str, message: impl Into<String>) {
        self.errors.push(FieldError { field: name.to_owned(), message: message.into() });
    }

    /// A text; null and missing are none.
    pub fn text(&mut self, name: &str) -> Option<String> {
        match self.fields.remove(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) if text.contains('\0') => {
                self.wrong(name, "holds a NUL character");
                None
            }
            Some(Value::String(text)) => Some(text),
            Some(_) => {
                self.wrong(name, "must be text");
                None
            }
        }
    }

    /// A text that must be there and hold more than blanks.
    pub fn needed(&mut self, name: &str) -> String {
        let before = self.errors.len();
        let there = self.fields.get(name).is_some_and(|v| !v.is_null());
        match self.text(name) {
            Some(text) if text.trim().is_empty() => self.wrong(name, "is empty"),
            Some(text) if text.chars().count() > LONGEST_TEXT => {
                self.wrong(name, format!("is longer than {LONGEST_TEXT} characters"));
            }
            Some(text) => return text,
            None if there || self.errors.len() > before => {}
            None => self.wrong(name, "is missing"),
        }
        String::new()
    }

    /// A text of bounded length.
    pub fn long(&mut self, name: &str) -> Option<String> {
        let text = self.text(name)?;
        if text.chars().count() > LONGEST_TEXT {
            self.wrong(name, format!("is longer than {LONGEST_TEXT} characters"));
            return None;
        }
        Some(text)
    }

    /// A text that must be a word of some kind.
    pub fn word<T>(&mut self, name: &str) -> Option<T>
    where
        T: FromStr,
        T::Err: fmt::Display,
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

    /// A yes or no.
    pub fn flag(&mut self, name: &str) -> Option<bool> {
        match self.fields.remove(name) {
            None | Some(Value::Null) => None,
            Some(Value::Bool(flag)) => Some(flag),
            Some(_) => {
                self.wrong(name, "must be true or false");
                None
            }
        }
    }

    /// A whole number.
    pub fn whole(&mut self, name: &str) -> Option<i64> {
        match self.fields.remove(name) {
            None | Some(Value::Null) => None,
            Some(value) => {
                let number = value.as_i64();
                if number.is_none() {
                    self.wrong(name, "must be a whole number");
                }
                number
            }
        }
    }

    /// An object; null and missing are none.
    pub fn object(&mut self, name: &str) -> Option<Value> {
        match self.fields.remove(name) {
            None | Some(Value::Null) => None,
            Some(value @ Value::Object(_)) => Some(value),
            Some(_) => {
                self.wrong(name, "must be an object");
                None
            }
        }
    }

    /// A ticket: `"MC-12"`, `"12"` or `12`; null and missing are none.
    pub fn ticket(&mut self, name: &str) -> Option<TicketId> {
        match self.fields.remove(name) {
            None | Some(Value::Null) => None,
            Some(value) => self.as_ticket(name, &value),
        }
    }

    /// A list of tickets.
    pub fn tickets(&mut self, name: &str) -> Option<Vec<TicketId>> {
        match self.fields.remove(name) {
            None | Some(Value::Null) => None,
            Some(Value::Array(list)) if list.len() <= 100 => Some(list.iter().filter_map(|v| self.as_ticket(name, v)).collect()),
            Some(_) => {
                self.wrong(name, "must be a list of at most 100 tickets");
                None
            }
        }
    }

    /// What a check of the configuration says of a field.
    pub fn checked<T>(&mut self, outcome: Result<T>) -> Option<T> {
        match outcome {
            Ok(value) => Some(value),
            Err(Error::Invalid(fields)) => {
                self.errors.extend(fields);
                None
            }
            Err(other) => {
                self.wrong("request", other.to_string());
                None
            }
        }
    }

    /// Ends the reading: what is left over was not asked for.
    ///
    /// # Errors
    /// Everything that was found wrong.
    pub fn finish(&mut self) -> Result<()> {
        for name in std::mem::take(&mut self.fields).keys() {
            let short: String = name.chars().take(60).collect();
            self.wrong(&short, "is not known here");
        }
        if self.errors.is_empty() { Ok(()) } else { Err(Error::Invalid(std::mem::take(&mut self.errors))) }
    }

    fn as_ticket(&mut self, name: &str, value: &Value) -> Option<TicketId> {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(n) => n.to_string(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => String::new(),
        };
        match text.parse() {
            Ok(id) => Some(id),
            Err(e) => {
                self.wrong(name, format!("{:?} {e}", text.chars().take(40).collect::<String>()));
                None
            }
        }
    }
}

impl FromRequest for Body {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = std::result::Result<Body, Problem>>>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let req = req.clone();
        let mut payload = payload.take();
        Box::pin(async move {
            let read = tokio::time::timeout(PATIENCE, read(&req, &mut payload)).await;
            let late = |_| Problem::new(StatusCode::REQUEST_TIMEOUT, "The body did not arrive in time");
            let bytes = read.map_err(late)??;
            parse(&req, &bytes)
        })
    }
}

async fn read(req: &HttpRequest, payload: &mut Payload) -> std::result::Result<Vec<u8>, Problem> {
    let said = req.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok()).unwrap_or(0);
    let (mut bytes, mut seen) = (Vec::with_capacity(said.min(LIMIT)), 0_usize);
    let too_large = || {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("The body is larger than {LIMIT} bytes"))
            .with_errors(vec![FieldError { field: "body".to_owned(), message: format!("is larger than {LIMIT} bytes") }])
    };
    if said > DRAIN {
        return Err(too_large());
    }
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|e| Problem::new(StatusCode::BAD_REQUEST, format!("The body broke off: {e}")))?;
        seen += chunk.len();
        if seen > DRAIN {
            break;
        }
        if seen <= LIMIT {
            bytes.extend_from_slice(&chunk);
        }
    }
    if seen > LIMIT { Err(too_large()) } else { Ok(bytes) }
}

fn parse(req: &HttpRequest, bytes: &[u8]) -> std::result::Result<Body, Problem> {
    let kind = req.headers().get(header::CONTENT_TYPE).map(|v| v.to_str().unwrap_or_default().to_ascii_lowercase());
    let is_json = kind.as_deref().is_some_and(|k| k.split(';').next().unwrap_or_default().trim() == "application/json");
    // A POST without a body (stop, resume) needs no type; one with another type is somebody else's.
    if !is_json && (kind.is_some() || !bytes.is_empty()) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "The body must be JSON: send Content-Type: application/json",
        ));
    }
    let fields = if bytes.is_empty() {
        Map::new()
    } else {
        serde_json::from_slice::<Object>(bytes).map(|o| o.0).map_err(|e| bad_json(&e))?
    };
    let mut body = Body { fields, errors: Vec::new(), key: None, hash: idempotency::body_hash(bytes) };
    let in_body = body.text("client_id");
    let in_header = req.headers().get("idempotency-key").map(|value| value.to_str().unwrap_or_default().to_owned());
    body.key = in_header.or(in_body);
    if body.key.as_ref().is_some_and(|k| k.is_empty() || k.len() > 200) {
        body.wrong("Idempotency-Key", "must be 1 to 200 readable characters");
    }
    Ok(body)
}

fn bad_json(e: &serde_json::Error) -> Problem {
    let text = format!("is not good JSON: {e}");
    Problem::new(StatusCode::BAD_REQUEST, format!("The body {text}"))
        .with_errors(vec![FieldError { field: "body".to_owned(), message: text }])
}

/// A JSON object in which no name stands twice.
struct Object(Map<String, Value>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Object, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> std::result::Result<Object, A::Error> {
                let mut map = Map::new();
                while let Some((name, value)) = access.next_entry::<String, Value>()? {
                    if map.contains_key(&name) {
                        return Err(serde::de::Error::custom(format!("the field {name:?} stands there twice")));
                    }
                    map.insert(name, value);
                }
                Ok(Object(map))
            }
        }
        d.deserialize_map(Fields)
    }
}

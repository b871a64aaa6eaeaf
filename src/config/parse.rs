//! Single values of the file, each checked; what is wrong is collected.

use crate::base::error::{FieldError, Result};
use crate::domain::orchestrator::session::DriverKind;
use std::path::{Path, PathBuf};

/// Collects what is wrong, so that all of it is told at once.
#[derive(Default)]
pub(crate) struct Faults(pub(crate) Vec<FieldError>);

impl Faults {
    pub(crate) fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push(FieldError { field: field.into(), message: message.into() });
    }
}

pub(crate) fn driver(faults: &mut Faults, field: &str, text: Option<&str>) -> Option<DriverKind> {
    let parsed = text?.parse::<DriverKind>();
    parsed.map_err(|e| faults.add(field, e.to_string())).ok()
}

pub(crate) fn whole(faults: &mut Faults, field: &str, value: Option<i64>, default: i64, min: i64, max: i64) -> i64 {
    match value {
        None => default,
        Some(n) if (min..=max).contains(&n) => n,
        Some(n) => {
            faults.add(field, format!("{n} is not between {min} and {max}"));
            default
        }
    }
}

/// `90s`, `15m`, `2h`, `250ms` in milliseconds.
pub(crate) fn span(faults: &mut Faults, field: &str, text: Option<&str>, default: i64) -> i64 {
    let Some(text) = text else { return default };
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    match (digits.parse::<i64>(), unit) {
        (Ok(n), Some(unit)) if n > 0 => n.saturating_mul(unit),
        (_, _) => {
            faults.add(field, format!("{text:?} is no time span: write 90s, 15m or 2h"));
            default
        }
    }
}

pub(crate) fn absolute(path: &Path) -> Result<PathBuf> {
    Ok(std::path::absolute(path)?)
}

//! Where the values in force came from.

/// Where a value in force came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The setting, dotted.
    pub key: String,
    /// Its value, secrets hidden.
    pub value: String,
    /// `default`, `config file` or `flag or environment`.
    pub from: &'static str,
}

pub(crate) fn said(flag: bool) -> &'static str {
    from(flag, false)
}

pub(crate) fn from(flag: bool, file: bool) -> &'static str {
    match (flag, file) {
        (true, _) => "flag or environment",
        (false, true) => "config file",
        (false, false) => "default",
    }
}

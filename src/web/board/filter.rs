//! The board's filter as it stands in the address.

use crate::base::text::percent_encoded;
use crate::domain::ticket::{Priority, Status};

/// What the board shows; all of it is in the address, so that a view can be sent to somebody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Words looked for.
    pub q: String,
    /// Only this project.
    pub project: Option<String>,
    /// Only this role.
    pub role: Option<String>,
    /// Only this priority.
    pub priority: Option<Priority>,
    /// Only this status: the only way to see cancelled tickets.
    pub status: Option<Status>,
}

impl Filter {
    /// True where nothing is filtered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Filter::default()
    }

    /// The address of the board with this filter and these further parameters.
    #[must_use]
    pub fn href(&self, more: &[(&str, &str)]) -> String {
        address("/board", self.pairs_and(more))
    }

    /// The parameters of this filter, then these.
    #[must_use]
    pub fn pairs_and<'a>(&'a self, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let own = [
            ("q", Some(self.q.as_str()).filter(|q| !q.is_empty())),
            ("project", self.project.as_deref()),
            ("role", self.role.as_deref()),
            ("priority", self.priority.map(Priority::as_str)),
            ("status", self.status.map(Status::as_str)),
        ];
        own.into_iter().filter_map(|(k, v)| v.map(|v| (k, v))).chain(more.iter().copied()).collect()
    }
}

/// A path with a query.
#[must_use]
pub fn address<'a>(path: &str, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut out = path.to_owned();
    for (i, (key, value)) in pairs.into_iter().enumerate() {
        out.push(if i == 0 { '?' } else { '&' });
        out.push_str(key);
        out.push('=');
        out.push_str(&percent_encoded(value));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_an_address_and_nothing_breaks_out_of_it() {
        let filter = Filter { q: "a&b=c #ü".into(), project: Some("x y".into()), ..Filter::default() };
        assert_eq!(filter.href(&[("col", "todo")]), "/board?q=a%26b%3Dc%20%23%C3%BC&project=x%20y&col=todo");
        assert_eq!(Filter::default().href(&[]), "/board");
    }
}

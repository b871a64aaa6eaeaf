//! Who does something: a person, a run's agent, a script with a token, or Mission Control itself.

use crate::domain::ids::{RunId, TicketId};

/// What a login or token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everything, tokens and settings included.
    Owner,
    /// Works with tickets as the owner would; no tokens, no settings.
    Operator,
    /// Reads only.
    Viewer,
    /// Reads and reports on one ticket: what a run's own token may do.
    Ticket(TicketId),
}

impl Scope {
    /// As written on the command line and stored: `owner`, `operator`, `viewer`, `ticket:MC-12`.
    #[must_use]
    pub fn text(self) -> String {
        match self {
            Scope::Owner => "owner".to_owned(),
            Scope::Operator => "operator".to_owned(),
            Scope::Viewer => "viewer".to_owned(),
            Scope::Ticket(id) => format!("ticket:{id}"),
        }
    }

    /// Reads what [`Scope::text`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Scope> {
        match text {
            "owner" => Some(Scope::Owner),
            "operator" => Some(Scope::Operator),
            "viewer" => Some(Scope::Viewer),
            other => other.strip_prefix("ticket:")?.parse().ok().map(Scope::Ticket),
        }
    }
}

/// Who acts, as recorded with every change and comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A person in the browser, or an owner or operator token.
    Person {
        /// Shown name: the owner's, or the token's.
        name: String,
        /// True where a script's token spoke and not a browser session.
        by_token: bool,
    },
    /// The owner, through Telegram.
    Telegram {
        /// The owner's shown name.
        name: String,
    },
    /// A script whose token is bound to one ticket (and, for a run's own token, to that run).
    Agent {
        /// Shown name: the ticket's role or the token's name.
        name: String,
        /// The ticket the token is bound to.
        ticket: TicketId,
        /// The run the token was made for, if any.
        run: Option<RunId>,
    },
    /// Mission Control itself.
    System,
}

impl Actor {
    /// The name shown beside what was done.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Actor::Person { name, .. } | Actor::Telegram { name } | Actor::Agent { name, .. } => name,
            Actor::System => "Mission Control",
        }
    }

    /// The name a thing of theirs is kept under: who made a ticket through Telegram is told by where it came from.
    #[must_use]
    pub fn made_by(&self) -> &str {
        match self {
            Actor::Telegram { .. } => "Telegram",
            Actor::Person { .. } | Actor::Agent { .. } | Actor::System => self.name(),
        }
    }
}

//! Who asks, and what they may. Cheap to clone: all requests of one login share it for as long as it is known to be good.

use crate::base::error::{Error, Result};
use crate::domain::actor::{Actor, Scope};
use crate::domain::ids::TicketId;
use crate::domain::time::Time;
use crate::web::http::routes::Access;
use actix_web::HttpRequest;
use actix_web::http::Method;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Who asks. Its existence means: logged in, and allowed on this route by the route table.
#[derive(Clone)]
pub struct Principal(Arc<Who>);

/// What is known of who asks.
pub struct Who {
    /// As recorded with what they do.
    pub actor: Actor,
    /// What they may do.
    pub scope: Scope,
    /// Whose idempotency keys these are.
    pub key: String,
    /// The browser session, if it is one.
    pub session: Option<i64>,
    pub(crate) credential: Credential,
    /// When it ends by itself, unless it is used meanwhile.
    pub(crate) good_until: Option<Time>,
    /// When its use is to be noted next, in milliseconds.
    pub(crate) note_use_at: AtomicI64,
}

/// What was shown at the door. Never printed.
#[derive(Clone)]
pub(crate) enum Credential {
    Token(String),
    Cookie(String),
    /// Nothing: it was never at the door.
    Inside,
}

impl Deref for Principal {
    type Target = Who;

    fn deref(&self) -> &Who {
        &self.0
    }
}

impl From<Arc<Who>> for Principal {
    fn from(who: Arc<Who>) -> Principal {
        Principal(who)
    }
}

impl Who {
    /// Whether it has not ended by itself.
    pub(crate) fn is_good_at(&self, now: Time) -> bool {
        self.good_until.is_none_or(|end| now < end)
    }

    /// Whether its use is to be noted now; then the next time is `after_ms` later.
    pub(crate) fn takes_note(&self, now: Time, after_ms: i64) -> bool {
        let due = self.note_use_at.load(Ordering::Relaxed) <= now.0;
        if due {
            self.note_use_at.store(now.0 + after_ms, Ordering::Relaxed);
        }
        due
    }
}

impl Principal {
    /// The program itself, for measurements that serve a stream without a door. Never made from a request.
    #[must_use]
    pub fn inside() -> Principal {
        Principal(Arc::new(Who {
            actor: Actor::System,
            scope: Scope::Viewer,
            key: "inside".to_owned(),
            session: None,
            credential: Credential::Inside,
            good_until: None,
            note_use_at: AtomicI64::new(i64::MAX),
        }))
    }

    /// May read all tickets.
    ///
    /// # Errors
    /// A token bound to one ticket.
    pub fn may_read(&self) -> Result<()> {
        match self.scope {
            Scope::Owner | Scope::Operator | Scope::Viewer => Ok(()),
            Scope::Ticket(id) => Err(Error::Denied(format!("this token is for {id} alone"))),
        }
    }

    /// May change any ticket.
    ///
    /// # Errors
    /// A viewer, or a token bound to one ticket.
    pub fn may_change_tickets(&self) -> Result<()> {
        match self.scope {
            Scope::Owner | Scope::Operator => Ok(()),
            Scope::Viewer => Err(Error::Denied("this token may only read".to_owned())),
            Scope::Ticket(id) => Err(Error::Denied(format!("this token may only report and comment on {id}"))),
        }
    }

    /// Is the owner.
    ///
    /// # Errors
    /// Anybody else.
    pub fn owner(&self) -> Result<()> {
        match self.scope {
            Scope::Owner => Ok(()),
            Scope::Operator | Scope::Viewer | Scope::Ticket(_) => Err(Error::Denied("only the owner may do this".to_owned())),
        }
    }

    /// May see this ticket.
    ///
    /// # Errors
    /// A token bound to another ticket.
    pub fn ticket(&self, id: TicketId) -> Result<()> {
        match self.scope {
            Scope::Owner | Scope::Operator | Scope::Viewer => Ok(()),
            Scope::Ticket(own) if own == id => Ok(()),
            Scope::Ticket(own) => Err(Error::Denied(format!("this token is for {own} alone"))),
        }
    }

    /// Whether a route may be used that asks this of its caller.
    ///
    /// # Errors
    /// It may not.
    pub fn allowed(&self, access: Access, req: &HttpRequest) -> Result<()> {
        match access {
            Access::Public => Ok(()),
            Access::Read => self.may_read(),
            Access::Change => self.may_change_tickets(),
            Access::Owner => self.owner(),
            Access::Ticket => {
                if self.scope == Scope::Viewer && !is_safe(req.method()) {
                    return self.may_change_tickets();
                }
                match req.match_info().get("identifier").map(str::parse::<TicketId>) {
                    Some(Ok(id)) => self.ticket(id),
                    // What is no identifier is told so by the handler.
                    Some(Err(_)) | None => Ok(()),
                }
            }
        }
    }
}

/// Whether a method only looks.
#[must_use]
pub fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

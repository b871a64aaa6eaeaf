//! Which kinds of action the orchestrator may do without asking: the owner's grants.

use crate::base::error::{Error, Result};
use crate::domain::actor::Actor;
use crate::domain::orchestrator::action::Action;
use crate::domain::orchestrator::proposal::ActionKind;
use crate::domain::ticket::Status;
use crate::store::Tx;
use crate::store::db::{audit, settings};
use rusqlite::Connection;
use std::collections::BTreeSet;

/// Kinds that wait for the owner unless they are granted. The others do nothing by themselves.
pub const GRANTABLE: &[ActionKind] = &[
    ActionKind::CreateTicket,
    ActionKind::Comment,
    ActionKind::Move,
    ActionKind::Assign,
    ActionKind::Start,
    ActionKind::AnswerQuestion,
];

/// The kinds that the owner granted.
///
/// # Errors
/// The database refused.
pub fn autonomy(conn: &Connection) -> Result<impl Fn(ActionKind) -> bool + use<>> {
    let keys: Vec<String> = GRANTABLE.iter().map(|kind| autonomy_key(*kind)).collect();
    let set = settings::get_many(conn, keys.iter().map(String::as_str))?;
    let granted: BTreeSet<ActionKind> =
        GRANTABLE.iter().zip(&keys).filter(|(_, key)| set.get(*key).is_some_and(|v| v == "1")).map(|(kind, _)| *kind).collect();
    Ok(move |kind| granted.contains(&kind))
}

/// The owner grants a kind, or takes the grant back.
///
/// # Errors
/// That kind needs no grant.
pub fn set_autonomy(tx: &Tx<'_>, kind: ActionKind, on: bool, actor: &Actor) -> Result<()> {
    if !GRANTABLE.contains(&kind) {
        return Err(Error::field("kind", format!("{kind} does nothing by itself: there is nothing to grant")));
    }
    settings::set(tx, &autonomy_key(kind), if on { "1" } else { "0" })?;
    audit::record(tx, actor.name(), if on { "autonomy.grant" } else { "autonomy.withdraw" }, None, kind.as_str())
}

fn autonomy_key(kind: ActionKind) -> String {
    format!("autonomy.{kind}")
}

/// What may happen without asking. What makes a ticket run needs that leave as well.
pub(crate) fn goes_unasked(action: &Action, autonomy: &dyn Fn(ActionKind) -> bool) -> bool {
    match action {
        Action::Notify { .. } | Action::Ignore { .. } => true,
        Action::AskOwner { .. } => false,
        Action::Move { status: Status::Todo | Status::InProgress, .. } => {
            autonomy(ActionKind::Move) && autonomy(ActionKind::Start)
        }
        Action::CreateTicket(_)
        | Action::Comment { .. }
        | Action::Move { .. }
        | Action::Assign { .. }
        | Action::Start { .. }
        | Action::AnswerQuestion { .. } => autonomy(action.kind()),
    }
}

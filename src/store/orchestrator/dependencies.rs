//! How the proposals of one turn depend on each other: in which order, what each needs, which names stand for which tickets.

use crate::base::error::{Error, Result};
use crate::domain::ids::ProposalId;
use crate::domain::ids::TurnId;
use crate::domain::orchestrator::action::Action;
use crate::domain::orchestrator::outcome::Outcome;
use crate::domain::orchestrator::proposal::{ActionKind, Proposal, ProposalState};
use crate::store::Tx;
use crate::store::orchestrator::effects::{Made, Refs};
use crate::store::orchestrator::proposals;
use std::collections::BTreeSet;

/// The proposals of a turn so that each comes after what it needs.
pub(crate) fn in_order(tx: &Tx<'_>, turn: TurnId) -> Result<Vec<Proposal>> {
    let mut left = proposals::of_turn(tx.conn, turn)?;
    let (mut sorted, mut there) = (Vec::with_capacity(left.len()), BTreeSet::new());
    let own = |p: &Proposal| Ok::<_, Error>(action_of(p)?.name().map(str::to_owned));
    let mut coming: BTreeSet<String> = left.iter().map(own).collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
    while !left.is_empty() {
        let mut next = None;
        for (at, p) in left.iter().enumerate() {
            if !action_of(p)?.needs().iter().any(|name| coming.contains(*name) && !there.contains(*name)) {
                next = Some(at);
                break;
            }
        }
        // Circles are refused when a block is read; one that got in all the same is taken as it stands.
        let p = left.remove(next.unwrap_or(0));
        if let Some(name) = own(&p)? {
            coming.remove(&name);
            there.insert(name);
        }
        sorted.push(p);
    }
    Ok(sorted)
}

/// All that must be done before a proposal, however far back.
pub(crate) fn needed_by(p: &Proposal, all: &[Proposal]) -> Result<BTreeSet<ProposalId>> {
    let mut found = BTreeSet::new();
    let mut names: Vec<String> = action_of(p)?.needs().into_iter().map(str::to_owned).collect();
    while let Some(name) = names.pop() {
        for other in all {
            let action = action_of(other)?;
            if action.name() == Some(name.as_str()) && found.insert(other.id) {
                names.extend(action.needs().into_iter().map(str::to_owned));
            }
        }
    }
    Ok(found)
}

pub(crate) fn refs(tx: &Tx<'_>, turn: TurnId) -> Result<Refs> {
    let mut refs = Refs::new();
    for p in proposals::of_turn(tx.conn, turn)?.iter().filter(|p| p.kind == ActionKind::CreateTicket) {
        let made = match p.state {
            ProposalState::Open => Made::NotYet,
            ProposalState::Applied => Outcome::of(p).ticket().map_or(Made::Never, Made::Ticket),
            ProposalState::Dismissed | ProposalState::Undone | ProposalState::Refused => Made::Never,
        };
        if let Some(name) = action_of(p)?.name() {
            refs.insert(name.to_owned(), made);
        }
    }
    Ok(refs)
}

pub(crate) fn action_of(p: &Proposal) -> Result<Action> {
    Action::read(&p.body).map_err(|e| Error::Internal(format!("the body of proposal {} cannot be read: {e}", p.id)))
}

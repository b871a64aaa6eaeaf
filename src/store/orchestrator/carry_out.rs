//! Does one proposal, in a savepoint of its own: what cannot be done leaves nothing but the refusal.

use crate::base::error::{Error, Result};
use crate::base::faults;
use crate::base::faults::Point;
use crate::domain::notice::Notice;
use crate::domain::orchestrator::action::Action;
use crate::domain::orchestrator::outcome::Outcome;
use crate::domain::orchestrator::proposal::{Proposal, ProposalState};
use crate::store::Tx;
use crate::store::db::audit;
use crate::store::notice::notifications;
use crate::store::orchestrator::dependencies::{action_of, refs};
use crate::store::orchestrator::effects::{ActionsCx, By};
use crate::store::orchestrator::{effects, proposals};

/// Does one open proposal, whatever it needs being there or not. What cannot be done leaves nothing but the refusal.
pub(crate) fn carry_out(tx: &Tx<'_>, p: &Proposal, action: &Action, by: By<'_>, cx: &ActionsCx<'_>) -> Result<Proposal> {
    let refs = refs(tx, p.turn)?;
    tx.conn.execute_batch("savepoint action")?;
    let done = effects::perform(tx, action, &refs, by, cx);
    if done.is_err() {
        tx.conn.execute_batch("rollback to action")?;
    }
    tx.conn.execute_batch("release action")?;
    match done {
        Ok(outcome) => {
            faults::hit(Point::ActionPerformed)?;
            if let Action::Notify { text } = action {
                let key = format!("notify:{}", p.id);
                notifications::tell(tx, &Notice { key, text: format!("Luci says:\n\n{text}"), ..Notice::default() })?;
            }
            let result = written(&outcome)?;
            proposals::decide(tx, p, ProposalState::Open, ProposalState::Applied, by.name(), Some(&result), None)?;
            let about = format!("{} ({}, proposal {} of turn {})", action.headline(), p.kind, p.id, p.turn);
            audit::record(tx, by.name(), "proposal.apply", outcome.ticket(), &about)?;
        }
        Err(why @ (Error::NotFound(_) | Error::Invalid(_) | Error::Conflict(_) | Error::Denied(_))) => {
            let why = why.to_string();
            proposals::decide(tx, p, ProposalState::Open, ProposalState::Refused, by.name(), None, Some(&why))?;
            note(tx, by.name(), "proposal.refuse", p)?;
        }
        // The machine's trouble says nothing about the proposal: it stays open.
        Err(trouble @ (Error::Busy(_) | Error::Internal(_))) => return Err(trouble),
    }
    proposals::get(tx.conn, p.id)
}

pub(crate) fn written(outcome: &Outcome) -> Result<String> {
    serde_json::to_string(outcome).map_err(|e| Error::Internal(e.to_string()))
}

pub(crate) fn note(tx: &Tx<'_>, actor: &str, what: &str, p: &Proposal) -> Result<()> {
    let detail = format!("{} ({}, proposal {} of turn {})", action_of(p)?.headline(), p.kind, p.id, p.turn);
    audit::record(tx, actor, what, Outcome::of(p).ticket(), &detail)
}

//! Takes a turn's answer: keeps what it suggests, does what is granted, and sends back a block of actions that cannot be read.

use crate::base::error::Result;
use crate::domain::orchestrator::action::Action;
use crate::domain::orchestrator::proposal::{ActionKind, ProposalState};
use crate::domain::orchestrator::proposal_block;
use crate::domain::orchestrator::turn::{Turn, TurnOrigin};
use crate::domain::text::cut_chars;
use crate::store::Tx;
use crate::store::orchestrator::autonomy::{autonomy, goes_unasked};
use crate::store::orchestrator::carry_out::carry_out;
use crate::store::orchestrator::dependencies::{action_of, in_order, refs};
use crate::store::orchestrator::effects::{ActionsCx, By, Made, unknown_names};
use crate::store::orchestrator::turns::NewTurn;
use crate::store::orchestrator::{proposals, turns};

/// The reply of a turn is here: kept, and what it suggests with it, in one.
///
/// # Errors
/// The turn was moved on by somebody else: then nothing is kept.
pub fn take_answer(tx: &Tx<'_>, turn: &Turn, response: &str, cx: &ActionsCx<'_>) -> Result<()> {
    turns::answer(tx, turn, response)?;
    if turn.origin == TurnOrigin::HandOver {
        return Ok(());
    }
    match proposal_block::read(response) {
        Ok(None) => Ok(()),
        Err(wrong) => refuse(tx, turn, &wrong),
        Ok(Some(found)) => match unknown_names(&found.actions, cx) {
            wrong if wrong.is_empty() => record(tx, turn, &found.actions, &autonomy(tx.conn)?, cx),
            wrong => refuse(tx, turn, &wrong),
        },
    }
}

/// Keeps what an answer suggests, and does at once what is granted.
///
/// # Errors
/// The database refused.
pub fn record(
    tx: &Tx<'_>,
    turn: &Turn,
    actions: &[Action],
    autonomy: &dyn Fn(ActionKind) -> bool,
    cx: &ActionsCx<'_>,
) -> Result<()> {
    for (position, action) in (0..).zip(actions) {
        proposals::add(tx, turn.id, position, action.kind(), &action.json())?;
    }
    let by = By::Granted { start: autonomy(ActionKind::Start) };
    for p in in_order(tx, turn.id)? {
        let action = action_of(&p)?;
        let refs = refs(tx, turn.id)?;
        let ready = action.needs().iter().all(|name| matches!(refs.get(*name), Some(Made::Ticket(_))));
        if p.state == ProposalState::Open && ready && goes_unasked(&action, autonomy) {
            // The answer is kept whatever becomes of this: the card then stays open for the owner.
            tx.conn.execute_batch("savepoint granted")?;
            match carry_out(tx, &p, &action, by, cx) {
                Ok(_) => tx.conn.execute_batch("release granted")?,
                Err(e) => {
                    tx.conn.execute_batch("rollback to granted; release granted")?;
                    tracing::warn!(proposal = p.id.0, error = %e, "what was granted could not be done; it waits for the owner");
                }
            }
        }
    }
    Ok(())
}

/// An answer whose block is no good: the orchestrator is told once what is wrong. Of its correction, only a note is kept.
///
/// # Errors
/// The database refused.
pub fn refuse(tx: &Tx<'_>, turn: &Turn, errors: &[String]) -> Result<()> {
    let clean = |e: &String| cut_chars(&e.chars().filter(|c| !c.is_control()).collect::<String>(), 300).0.to_owned();
    let errors: Vec<String> = errors.iter().take(20).map(clean).collect();
    match turn.origin {
        TurnOrigin::Correction | TurnOrigin::HandOver => {
            let body = Action::Ignore { reason: Some("Actions that could not be read".to_owned()), items: Vec::new() };
            proposals::add(tx, turn.id, 0, body.kind(), &body.json())?;
            for p in proposals::of_turn(tx.conn, turn.id)? {
                let error = errors.join("\n");
                proposals::decide(tx, &p, ProposalState::Open, ProposalState::Refused, "Mission Control", None, Some(&error))?;
            }
            Ok(())
        }
        TurnOrigin::Human | TurnOrigin::Digest | TurnOrigin::Ticket => {
            let about = cut_chars(turn.message.lines().find(|l| !l.trim().is_empty()).unwrap_or_default().trim(), 80).0;
            let list = errors.iter().map(|e| format!("- {e}")).collect::<Vec<_>>().join("\n");
            let message = format!(
                "The block of actions (mc_actions) in your answer to \"{about}\" was not accepted, and nothing in it was done:\n{list}\n\n\
                 Send the corrected block as your whole answer, or no block if there is nothing to do."
            );
            let new = NewTurn {
                origin: TurnOrigin::Correction,
                author: "Mission Control".to_owned(),
                message,
                client_id: Some(format!("correction of turn {}", turn.id)),
            };
            turns::send(tx, &new).map(|_| ())
        }
    }
}

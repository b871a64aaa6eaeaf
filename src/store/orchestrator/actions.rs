//! What a person decides about proposals: apply, dismiss, undo, edit, answer.

use crate::base::error::{Error, FieldError, Result};
use crate::domain::actor::Actor;
use crate::domain::ids::{ProposalId, TurnId};
use crate::domain::orchestrator::action::Action;
use crate::domain::orchestrator::outcome::{Outcome, can_undo};
use crate::domain::orchestrator::proposal::{ActionKind, Proposal, ProposalState};
use crate::domain::orchestrator::proposal_block;
use crate::domain::orchestrator::turn::{TurnOrigin, check_message};
use crate::store::Tx;
use crate::store::orchestrator::carry_out::{carry_out, note, written};
use crate::store::orchestrator::dependencies::{action_of, in_order, needed_by};
use crate::store::orchestrator::effects::{ActionsCx, By, unknown_names};
use crate::store::orchestrator::turns::NewTurn;
use crate::store::orchestrator::{effects, proposals, turns};
use rusqlite::params;

/// Does what a proposal says, and before it what it needs of the same answer. A second time changes nothing.
/// What cannot be done now is refused: the proposal says why.
///
/// # Errors
/// It does not exist, was dismissed or taken back, or what it needs cannot be done: then nothing was changed.
pub fn apply(tx: &Tx<'_>, id: ProposalId, actor: &Actor, cx: &ActionsCx<'_>) -> Result<Proposal> {
    let p = proposals::get(tx.conn, id)?;
    match p.state {
        ProposalState::Open => {}
        ProposalState::Applied | ProposalState::Refused => return Ok(p),
        ProposalState::Dismissed | ProposalState::Undone => return Err(decided(&p)),
    }
    if p.kind == ActionKind::AskOwner {
        return Err(Error::field("answer", "is missing: this asks you something"));
    }
    let wanted = needed_by(&p, &in_order(tx, p.turn)?)?;
    for need in in_order(tx, p.turn)? {
        if need.id != id && need.state == ProposalState::Open && wanted.contains(&need.id) {
            let done = carry_out(tx, &need, &action_of(&need)?, By::Person(actor), cx)?;
            if let Some(why) = done.error {
                return Err(Error::Conflict(format!("{} first, and that cannot be done: {why}", action_of(&need)?.headline())));
            }
        }
    }
    carry_out(tx, &p, &action_of(&p)?, By::Person(actor), cx)
}

/// Does everything that a turn suggests and that is still open, in the order in which it hangs together. What is asked of
/// the owner stays open.
///
/// # Errors
/// The turn does not exist.
pub fn apply_all(tx: &Tx<'_>, turn: TurnId, actor: &Actor, cx: &ActionsCx<'_>) -> Result<Vec<Proposal>> {
    turns::get(tx.conn, turn)?;
    for p in in_order(tx, turn)? {
        if p.state == ProposalState::Open && p.kind != ActionKind::AskOwner {
            carry_out(tx, &p, &action_of(&p)?, By::Person(actor), cx)?;
        }
    }
    proposals::of_turn(tx.conn, turn)
}

/// The owner does not want it. A second time changes nothing.
///
/// # Errors
/// It does not exist, or was decided otherwise.
pub fn dismiss(tx: &Tx<'_>, id: ProposalId, actor: &Actor) -> Result<Proposal> {
    let p = proposals::get(tx.conn, id)?;
    match p.state {
        ProposalState::Open => {
            proposals::decide(tx, &p, ProposalState::Open, ProposalState::Dismissed, actor.name(), None, None)?;
            note(tx, actor.name(), "proposal.dismiss", &p)?;
            proposals::get(tx.conn, id)
        }
        ProposalState::Dismissed => Ok(p),
        ProposalState::Applied | ProposalState::Undone | ProposalState::Refused => Err(decided(&p)),
    }
}

/// The owner wants nothing of what is still open.
///
/// # Errors
/// The turn does not exist.
pub fn dismiss_all(tx: &Tx<'_>, turn: TurnId, actor: &Actor) -> Result<Vec<Proposal>> {
    turns::get(tx.conn, turn)?;
    for p in proposals::of_turn(tx.conn, turn)?.iter().filter(|p| p.state == ProposalState::Open) {
        dismiss(tx, p.id, actor)?;
    }
    proposals::of_turn(tx.conn, turn)
}

/// Takes back what was done, and before it what the same answer hung on it. A second time changes nothing.
///
/// # Errors
/// It does not exist, was never done, cannot be taken back, or somebody went on from there: then nothing was changed.
pub fn undo(tx: &Tx<'_>, id: ProposalId, actor: &Actor, cx: &ActionsCx<'_>) -> Result<Proposal> {
    let p = proposals::get(tx.conn, id)?;
    match p.state {
        ProposalState::Undone => return Ok(p),
        ProposalState::Applied if can_undo(&p) => {}
        ProposalState::Applied => return Err(Error::Conflict("this cannot be taken back".to_owned())),
        ProposalState::Open | ProposalState::Dismissed | ProposalState::Refused => return Err(decided(&p)),
    }
    if let Some(own) = action_of(&p)?.name() {
        for other in in_order(tx, p.turn)?.into_iter().rev() {
            let hangs = other.kind == ActionKind::CreateTicket && other.state == ProposalState::Applied;
            if hangs && action_of(&other)?.needs().contains(&own) {
                undo(tx, other.id, actor, cx)?;
            }
        }
    }
    effects::take_back(tx, &action_of(&p)?, &Outcome::of(&p), actor, cx)?;
    proposals::decide(tx, &p, ProposalState::Applied, ProposalState::Undone, actor.name(), None, None)?;
    note(tx, actor.name(), "proposal.undo", &p)?;
    proposals::get(tx.conn, id)
}

/// Takes back all that a turn's proposals did and that can be taken back, the last first.
///
/// # Errors
/// As [`undo`]: then nothing was changed.
pub fn undo_all(tx: &Tx<'_>, turn: TurnId, actor: &Actor, cx: &ActionsCx<'_>) -> Result<Vec<Proposal>> {
    turns::get(tx.conn, turn)?;
    for p in in_order(tx, turn)?.into_iter().rev().filter(can_undo) {
        undo(tx, p.id, actor, cx)?;
    }
    proposals::of_turn(tx.conn, turn)
}

/// Changes what an open proposal says, and does it. Its kind and its ref stay.
///
/// # Errors
/// It does not exist, is decided, or what it is to say now is no good.
pub fn edit(tx: &Tx<'_>, id: ProposalId, body: &str, actor: &Actor, cx: &ActionsCx<'_>) -> Result<Proposal> {
    let p = proposals::get(tx.conn, id)?;
    if p.state != ProposalState::Open {
        return Err(decided(&p));
    }
    let mut action = Action::read(body).map_err(|e| Error::field("body", e))?;
    if action.kind() != p.kind {
        return Err(Error::field("body", format!("is a {}, not a {}", action.kind(), p.kind)));
    }
    let mut wrong = action.wrong();
    if let (Action::CreateTicket(new), Action::CreateTicket(old)) = (&mut action, action_of(&p)?) {
        new.name = old.name;
        if !new.children.is_empty() {
            wrong.push("children are proposals of their own".to_owned());
        }
    }
    let mut all = Vec::new();
    for other in proposals::of_turn(tx.conn, p.turn)? {
        all.push(if other.id == id { action.clone() } else { action_of(&other)? });
    }
    wrong.extend(proposal_block::wrong_together(&all));
    wrong.extend(unknown_names(std::slice::from_ref(&action), cx));
    if !wrong.is_empty() {
        let field = |message| FieldError { field: "body".to_owned(), message };
        return Err(Error::Invalid(wrong.into_iter().map(field).collect()));
    }
    tx.conn
        .prepare_cached("update proposals set body = ?2 where id = ?1 and state = 'open'")?
        .execute(params![id.0, action.json()])?;
    note(tx, actor.name(), "proposal.edit", &p)?;
    apply(tx, id, actor, cx)
}

/// The owner answers what was asked: that is a turn of theirs. A second time changes nothing.
///
/// # Errors
/// It does not exist, asks nothing, was dismissed, or the answer cannot be a turn.
pub fn answer_owner(tx: &Tx<'_>, id: ProposalId, answer: &str, actor: &Actor) -> Result<Proposal> {
    let p = proposals::get(tx.conn, id)?;
    let Action::AskOwner { question, .. } = action_of(&p)? else {
        return Err(Error::field("answer", "is for a question: this asks nothing"));
    };
    match p.state {
        ProposalState::Open => {}
        ProposalState::Applied => return Ok(p),
        ProposalState::Dismissed | ProposalState::Undone | ProposalState::Refused => return Err(decided(&p)),
    }
    check_message(answer).map_err(|why| Error::field("answer", why))?;
    let new = NewTurn {
        origin: TurnOrigin::Human,
        author: actor.name().to_owned(),
        message: format!("You asked: {}\n\n{answer}", question.trim()),
        client_id: Some(format!("answer to proposal {id}")),
    };
    let turn = turns::send(tx, &new)?;
    let result = written(&Outcome { turn: Some(turn.id.0), ..Outcome::default() })?;
    proposals::decide(tx, &p, ProposalState::Open, ProposalState::Applied, actor.name(), Some(&result), None)?;
    note(tx, actor.name(), "proposal.answer", &p)?;
    proposals::get(tx.conn, id)
}

fn decided(p: &Proposal) -> Error {
    let by = p.decided_by.as_deref().map(|name| format!(" by {name}")).unwrap_or_default();
    Error::Conflict(match p.state {
        ProposalState::Open => "this is not decided yet".to_owned(),
        ProposalState::Applied | ProposalState::Dismissed | ProposalState::Refused => {
            format!("this was {}{by} already", p.state)
        }
        ProposalState::Undone => format!("this was done and taken back{by}"),
    })
}

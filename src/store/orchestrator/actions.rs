//! Proposals decided: recorded from an answer, applied once, dismissed, taken back; and the answers that were no good.

use crate::base::error::{Error, FieldError, Result};
use crate::base::faults;
use crate::base::faults::Point;
use crate::domain::actor::Actor;
use crate::domain::ids::{ProposalId, TurnId};
use crate::domain::notice::Notice;
use crate::domain::orchestrator::action::{Action, Outcome, can_undo};
use crate::domain::orchestrator::proposal::{ActionKind, Proposal, ProposalState};
use crate::domain::orchestrator::proposal_block;
use crate::domain::orchestrator::turn::{Turn, TurnOrigin, check_message};
use crate::domain::ports::{Names, Rules};
use crate::domain::text::cut_chars;
use crate::domain::ticket::Status;
use crate::store::Tx;
use crate::store::db::{audit, settings};
use crate::store::notice::notifications;
use crate::store::orchestrator::effects;
use crate::store::orchestrator::effects::{By, Made, Refs};
use crate::store::orchestrator::proposals;
use crate::store::orchestrator::turns;
use crate::store::orchestrator::turns::NewTurn;
use rusqlite::{Connection, params};
use std::collections::BTreeSet;

/// What the configuration says, as far as actions need it.
pub struct ActionsCx<'a> {
    /// Decisions about tickets.
    pub rules: &'a dyn Rules,
    /// Known names.
    pub names: &'a dyn Names,
}

impl<'a> ActionsCx<'a> {
    /// From the configuration.
    pub fn of<T: Rules + Names>(config: &'a T) -> ActionsCx<'a> {
        ActionsCx { rules: config, names: config }
    }
}

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

/// What may happen without asking. What makes a ticket run needs that leave as well.
fn goes_unasked(action: &Action, autonomy: &dyn Fn(ActionKind) -> bool) -> bool {
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

/// Does one open proposal, whatever it needs being there or not. What cannot be done leaves nothing but the refusal.
fn carry_out(tx: &Tx<'_>, p: &Proposal, action: &Action, by: By<'_>, cx: &ActionsCx<'_>) -> Result<Proposal> {
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

/// The proposals of a turn so that each comes after what it needs.
fn in_order(tx: &Tx<'_>, turn: TurnId) -> Result<Vec<Proposal>> {
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
fn needed_by(p: &Proposal, all: &[Proposal]) -> Result<BTreeSet<ProposalId>> {
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

fn refs(tx: &Tx<'_>, turn: TurnId) -> Result<Refs> {
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

fn unknown_names(actions: &[Action], cx: &ActionsCx<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    for action in actions {
        let (role, project) = match action {
            Action::CreateTicket(new) => (new.role.as_deref(), new.project.as_deref()),
            Action::Assign { role, .. } => (Some(role.as_str()), None),
            Action::Comment { .. }
            | Action::Move { .. }
            | Action::Start { .. }
            | Action::AnswerQuestion { .. }
            | Action::Notify { .. }
            | Action::Ignore { .. }
            | Action::AskOwner { .. } => (None, None),
        };
        let role = role.and_then(|name| cx.names.role(name).err());
        let project = project.and_then(|name| cx.names.project(name).err());
        wrong.extend(role.into_iter().chain(project).map(|e| format!("{}: {e}.", action.headline())));
    }
    wrong
}

fn action_of(p: &Proposal) -> Result<Action> {
    Action::read(&p.body).map_err(|e| Error::Internal(format!("the body of proposal {} cannot be read: {e}", p.id)))
}

fn written(outcome: &Outcome) -> Result<String> {
    serde_json::to_string(outcome).map_err(|e| Error::Internal(e.to_string()))
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

fn note(tx: &Tx<'_>, actor: &str, what: &str, p: &Proposal) -> Result<()> {
    let detail = format!("{} ({}, proposal {} of turn {})", action_of(p)?.headline(), p.kind, p.id, p.turn);
    audit::record(tx, actor, what, Outcome::of(p).ticket(), &detail)
}
